#include "protocol/log/merkle.h"

#include <algorithm>
#include <array>
#include <bit>

#include "crypto/base/encoding.h"

namespace tocsin::protocol {
namespace {

constexpr std::size_t kBlockLeaves = 256;  // one tile: hashed level by level, which batches well
constexpr unsigned kBlockLevel = 8;
constexpr const char* kRule = "log/range";

}  // namespace

const Hash& empty_root() {
  static const Hash kEmpty = crypto::sha256({});
  return kEmpty;
}

Hash complete_root(std::span<const Hash> hashes) {
  CHECK_INVARIANT(std::has_single_bit(hashes.size()));
  if (hashes.size() == 1) return hashes[0];
  __attribute__((uninitialized)) std::array<Hash, kBlockLeaves / 2> small;  // written by the first row
  std::vector<Hash> large;
  std::size_t width = hashes.size() / 2;
  std::span<Hash> row(small.data(), std::min(width, small.size()));
  if (width > small.size()) {
    large.resize(width);
    row = large;
  }
  crypto::merkle_nodes(hashes, row.first(width));
  for (; width > 1; width /= 2) crypto::merkle_nodes(row.first(width), row.first(width / 2));
  return row[0];
}

Hash tree_root(std::span<const Hash> leaf_hashes) {
  CompactRange range;
  range.append(leaf_hashes);
  return range.root();
}

Result<CompactRange> CompactRange::restore(std::uint64_t size, std::span<const Hash> right_edge) {
  if (right_edge.size() != static_cast<std::size_t>(std::popcount(size)))
    return fail(Code::kInvalidArgument, "a right edge has one hash per set bit of the size", kRule);
  CompactRange range;
  range.size_ = size;
  range.edge_.assign(right_edge.begin(), right_edge.end());
  return range;
}

Result<CompactRange> CompactRange::parse(ByteView bytes) {
  if (bytes.size() < 8) return fail(Code::kInvalidArgument, "a compact range starts with its size", kRule);
  const auto size = get_be<std::uint64_t>(bytes.data());
  const auto count = static_cast<std::size_t>(std::popcount(size));
  if (bytes.size() != 8 + count * sizeof(Hash))
    return fail(Code::kInvalidArgument, "a compact range has one hash per set bit of its size", kRule);
  CompactRange range;
  range.size_ = size;
  range.edge_.resize(count);
  if (count > 0) std::memcpy(range.edge_.data(), bytes.data() + 8, count * sizeof(Hash));
  return range;
}

Bytes CompactRange::encode() const {
  Bytes out;
  out.reserve(8 + edge_.size() * sizeof(Hash));
  append_be(out, size_);
  for (const Hash& hash : edge_) tocsin::append(out, hash);
  return out;
}

// Adding 2^level to the size carries like binary addition: every bit the carry passes merges two subtrees.
void CompactRange::push(unsigned level, const Hash& hash, const TileRootSink* sink) {
  Hash top = hash;
  std::uint64_t index = size_ >> level;
  for (;; ++level, index >>= 1) {
    if (sink != nullptr && level != 0 && level % kBlockLevel == 0) (*sink)(level, index, top);
    if ((index & 1) == 0) break;
    top = node_hash(edge_.back(), top);
    edge_.pop_back();
  }
  edge_.push_back(top);
}

void CompactRange::append(const Hash& leaf) {
  CHECK_INVARIANT(size_ != UINT64_MAX);
  push(0, leaf, nullptr);
  ++size_;
}

void CompactRange::append(std::span<const Hash> leaves, const TileRootSink& sink) {
  CHECK_INVARIANT(leaves.size() <= UINT64_MAX - size_);
  const TileRootSink* told = sink ? &sink : nullptr;
  while (!leaves.empty()) {
    if (size_ % kBlockLeaves == 0 && leaves.size() >= kBlockLeaves) {
      push(kBlockLevel, complete_root(leaves.first(kBlockLeaves)), told);
      size_ += kBlockLeaves;
      leaves = leaves.subspan(kBlockLeaves);
    } else {
      push(0, leaves[0], told);
      ++size_;
      leaves = leaves.subspan(1);
    }
  }
}

Status CompactRange::append_subtree(unsigned level, const Hash& root) {
  if (level > 63) return fail(Code::kInvalidArgument, "no subtree is that high", kRule);
  const std::uint64_t leaves = std::uint64_t{1} << level;
  if (size_ % leaves != 0)
    return fail(Code::kInvalidArgument, "a subtree starts at a multiple of its own size", kRule);
  if (leaves > UINT64_MAX - size_)
    return fail(Code::kInvalidArgument, "the tree would pass 2^64 - 1 leaves", kRule);
  push(level, root, nullptr);
  size_ += leaves;
  return {};
}

Hash CompactRange::root() const {
  if (edge_.empty()) return empty_root();
  Hash root = edge_.back();
  for (std::size_t i = edge_.size() - 1; i-- > 0;) root = node_hash(edge_[i], root);
  return root;
}

}  // namespace tocsin::protocol
