#include "protocol/log/proof.h"

#include <algorithm>
#include <bit>

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "log/proof";

tl::unexpected<Error> malformed(const char* why) {
  return fail(Code::kInvalidArgument, why, kRule);
}
tl::unexpected<Error> mismatch(const char* why) {
  return fail(Code::kDataLoss, why, kRule);
}

std::uint64_t split_point(std::uint64_t leaves) {
  return std::bit_floor(leaves - 1);
}

// Root of the tree over [begin, end), where begin is a multiple of the power of two at or above the range's
// length.
Result<Hash> range_hash(std::uint64_t begin, std::uint64_t end, const NodeSource& nodes) {
  const auto parts = covering_subtrees(begin, end);
  TRY_ASSIGN(Hash hash, nodes(parts.back().level, parts.back().index));
  for (std::size_t i = parts.size() - 1; i-- > 0;) {
    TRY_ASSIGN(const Hash left, nodes(parts[i].level, parts[i].index));
    hash = node_hash(left, hash);
  }
  return hash;
}

// The two walks below read a position's bits from the leaf up: a set bit is a right child, and a clear bit on
// the tree's last node has no sibling at that level.
struct Walk {
  std::uint64_t node;
  std::uint64_t last;

  bool is_right() const { return (node & 1) != 0 || node == last; }
  void up() {
    node >>= 1;
    last >>= 1;
  }
  void skip_missing_siblings() {
    while ((node & 1) == 0 && node != 0) up();
  }
};

}  // namespace

std::size_t inclusion_proof_length(std::uint64_t index, std::uint64_t size) {
  const auto inner = static_cast<unsigned>(std::bit_width(index ^ (size - 1)));
  const std::uint64_t border = inner < 64 ? index >> inner : 0;
  return inner + static_cast<std::size_t>(std::popcount(border));
}

std::size_t consistency_proof_length(std::uint64_t old_size, std::uint64_t new_size) {
  if (old_size == new_size) return 0;
  const auto shared = static_cast<std::size_t>(std::countr_zero(old_size));
  const std::size_t first = std::has_single_bit(old_size) ? 0 : 1;
  return first + inclusion_proof_length(old_size - 1, new_size) - shared;
}

std::vector<SubtreeId> covering_subtrees(std::uint64_t begin, std::uint64_t end) {
  std::vector<SubtreeId> out;
  while (begin < end) {
    const auto fits = static_cast<unsigned>(std::bit_width(end - begin)) - 1;
    const auto aligned = static_cast<unsigned>(std::countr_zero(begin));  // 64 at zero
    const unsigned level = std::min(fits, aligned);
    out.push_back({level, begin >> level});
    begin += std::uint64_t{1} << level;
  }
  return out;
}

Result<CompactRange> restore_range(std::uint64_t size, const NodeSource& nodes) {
  std::vector<Hash> edge;
  for (const SubtreeId& id : covering_subtrees(0, size)) {
    TRY_ASSIGN(const Hash hash, nodes(id.level, id.index));
    edge.push_back(hash);
  }
  return CompactRange::restore(size, edge);
}

Result<Proof> inclusion_proof(std::uint64_t index, std::uint64_t size, const NodeSource& nodes) {
  if (index >= size) return malformed("no leaf has that index in a tree of that size");
  Proof proof;
  proof.reserve(inclusion_proof_length(index, size));
  std::uint64_t begin = 0;
  for (std::uint64_t end = size; end - begin > 1;) {
    const std::uint64_t middle = begin + split_point(end - begin);
    const bool left = index < middle;
    TRY_ASSIGN(const Hash sibling, left ? range_hash(middle, end, nodes) : range_hash(begin, middle, nodes));
    proof.push_back(sibling);
    (left ? end : begin) = middle;
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

Result<Proof> consistency_proof(std::uint64_t old_size, std::uint64_t new_size, const NodeSource& nodes) {
  if (old_size == 0 || old_size > new_size) return malformed("no consistency proof joins those sizes");
  Proof proof;
  proof.reserve(consistency_proof_length(old_size, new_size));
  std::uint64_t begin = 0;
  std::uint64_t end = new_size;
  while (end != old_size) {
    const std::uint64_t middle = begin + split_point(end - begin);
    const bool left = old_size <= middle;
    TRY_ASSIGN(const Hash sibling, left ? range_hash(middle, end, nodes) : range_hash(begin, middle, nodes));
    proof.push_back(sibling);
    (left ? end : begin) = middle;
  }
  if (begin != 0) {  // the old tree's last subtree is not its root, so the reader does not hold it
    TRY_ASSIGN(const Hash seed, range_hash(begin, end, nodes));
    proof.push_back(seed);
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

Result<Hash> root_from_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size,
                                 std::span<const Hash> proof) {
  if (index >= size) return malformed("no leaf has that index in a tree of that size");
  if (proof.size() != inclusion_proof_length(index, size))
    return malformed("an inclusion proof has the wrong number of hashes");
  Hash root = leaf;
  Walk at{index, size - 1};
  for (const Hash& sibling : proof) {
    if (at.is_right()) {
      root = node_hash(sibling, root);
      at.skip_missing_siblings();
    } else {
      root = node_hash(root, sibling);
    }
    at.up();
  }
  return root;
}

Status verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size,
                        std::span<const Hash> proof, const Hash& root) {
  TRY_ASSIGN(const Hash reached, root_from_inclusion(leaf, index, size, proof));
  if (reached != root) return mismatch("an inclusion proof does not lead to the root");
  return {};
}

Status verify_consistency(const TreeHead& older, const TreeHead& newer, std::span<const Hash> proof) {
  if (older.size == 0 || older.size > newer.size) return malformed("no consistency proof joins those sizes");
  if (proof.size() != consistency_proof_length(older.size, newer.size))
    return malformed("a consistency proof has the wrong number of hashes");
  if (older.size == newer.size) {
    if (older.root != newer.root) return mismatch("two roots for one size");
    return {};
  }
  Walk at{older.size - 1, newer.size - 1};
  while ((at.node & 1) != 0) at.up();
  Hash old_root = older.root;
  if (!std::has_single_bit(older.size)) {
    old_root = proof[0];
    proof = proof.subspan(1);
  }
  Hash new_root = old_root;
  for (const Hash& sibling : proof) {
    if (at.is_right()) {
      old_root = node_hash(sibling, old_root);
      new_root = node_hash(sibling, new_root);
      at.skip_missing_siblings();
    } else {
      new_root = node_hash(new_root, sibling);
    }
    at.up();
  }
  if (old_root != older.root) return mismatch("a consistency proof does not lead to the older root");
  if (new_root != newer.root) return mismatch("a consistency proof does not lead to the newer root");
  return {};
}

}  // namespace tocsin::protocol
