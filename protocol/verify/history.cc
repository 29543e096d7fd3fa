#include "protocol/verify/history.h"

namespace tocsin::protocol {
namespace {

constexpr std::size_t kRootsMax = 4096;

}  // namespace

Result<Hash> History::root_at(std::uint64_t size) {
  if (!whole_) return fail(Code::kNotFound, "the bundle does not hold the whole ledger");
  if (const auto known = roots_.find(size); known != roots_.end()) return known->second;
  TRY_ASSIGN(const Hash root, stored_root(*bundle_, size_, size));
  if (roots_.size() == kRootsMax) roots_.clear();
  roots_[size] = root;
  return root;
}

Result<Leaf> History::leaf_at(std::uint64_t index) const {
  if (!whole_ || index >= size_) return fail(Code::kNotFound, "the bundle does not hold that record");
  const std::uint64_t tile = index / kTileWidth;
  const TarEntry* file = bundle_->find(entries_path(tile, tile_width(size_, 0, tile)));
  const std::uint64_t at = index % kTileWidth * (2 + kLeafBytes) + 2;
  if (file == nullptr || file->size < at + kLeafBytes)
    return fail(Code::kNotFound, "the bundle does not hold that record");
  LeafBytes bytes;
  TRY(bundle_->read(*file, at, bytes));
  return parse_leaf(bytes);
}

}  // namespace tocsin::protocol
