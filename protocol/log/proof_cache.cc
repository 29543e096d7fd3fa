#include "protocol/log/proof_cache.h"

#include <bit>

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "log/tile";

std::uint64_t full_tiles(std::uint64_t size, unsigned level) {
  return level + 1 < kTileLevels ? size >> (kTileHeight * (level + 1)) : 0;
}

constexpr std::size_t row_begin(unsigned row) {
  return 2 * kTileWidth - ((2 * kTileWidth) >> row);
}

}  // namespace

ProofCache::ProofCache(TileSource source, std::size_t tiles)
    : source_(std::move(source)), sets_(std::bit_ceil(tiles < kWays ? kWays : tiles) / kWays) {}

const Hash& ProofCache::hash_in(const Tile& tile, unsigned level, std::uint64_t index) {
  const unsigned row = level % kTileHeight;
  return tile.nodes[row_begin(row) + (index & ((kTileWidth >> row) - 1))];
}

// The nodes of rows that the tile's width completes; what is beyond is not looked at.
Status ProofCache::load(Tile& into, const TileId& id) const {
  into.level = kNoLevel;  // until it is whole
  TRY_ASSIGN(const Bytes bytes, source_(id));
  if (bytes.size() < id.width * sizeof(Hash))
    return fail(Code::kDataLoss, "a tile is shorter than the tree's size implies: " + tile_path(id), kRule);
  std::memcpy(into.nodes.data(), bytes.data(), id.width * sizeof(Hash));
  std::size_t width = id.width;
  for (unsigned row = 0; row + 1 < kTileHeight; ++row, width /= 2) {
    const std::span all(into.nodes);
    crypto::merkle_nodes(all.subspan(row_begin(row), width / 2 * 2),
                         all.subspan(row_begin(row + 1), width / 2));
  }
  into.level = id.level;
  into.index = id.index;
  return {};
}

Result<const ProofCache::Tile*> ProofCache::tile(unsigned level, std::uint64_t index) {
  if (index >= full_tiles(size_, level)) return edge_[level].get();
  // Neighbours in different places; a level's first tiles do not share theirs with another's.
  Set& set = sets_[(index + level * 0x9E3779B97F4A7C15ULL) & (sets_.size() - 1)];
  for (const auto& held : set.tiles)
    if (held != nullptr && held->level == level && held->index == index) return held.get();
  std::unique_ptr<Tile>& place = set.tiles[set.next];
  set.next = (set.next + 1) % kWays;
  if (place == nullptr) place = std::make_unique<Tile>();
  TRY(load(*place, {level, index, kTileWidth}));
  return place.get();
}

Status ProofCache::load_edge(std::uint64_t size) {
  size_ = 0;  // until all of it is there
  for (const TileRow& row : tile_rows(size)) {
    if (row.partial == 0) continue;
    if (edge_[row.level] == nullptr) edge_[row.level] = std::make_unique<Tile>();
    TRY(load(*edge_[row.level], {row.level, row.full, row.partial}));
  }
  size_ = size;
  bool ragged = false;
  for (unsigned level = 0; level < kInclusionProofMax; ++level) {
    ragged_[level + 1] = ragged_[level];
    if ((size >> level & 1) == 0) continue;
    const auto last = node(level, (size >> level) - 1, size);
    if (!last) {
      size_ = 0;
      return fail(last.error());
    }
    ragged_[level + 1] = ragged ? node_hash(*last, ragged_[level]) : *last;
    ragged = true;
  }
  return {};
}

Result<Hash> ProofCache::node(unsigned level, std::uint64_t index, std::uint64_t size) {
  if (level >= kInclusionProofMax || index >= size >> level)
    return fail(Code::kOutOfRange, "the tree has no complete subtree there", kRule);
  if (size != size_) TRY(load_edge(size));
  TRY_ASSIGN(const Tile* held, tile(level / kTileHeight, index >> (kTileHeight - level % kTileHeight)));
  return hash_in(*held, level, index);
}

NodeSource ProofCache::nodes(std::uint64_t size) {
  return [this, size](unsigned level, std::uint64_t index) { return node(level, index, size); };
}

// A node's sibling is complete, or it is what is left over on the right, or it is not there at all.
Result<std::size_t> ProofCache::inclusion(std::uint64_t index, std::uint64_t size,
                                          std::span<Hash, kInclusionProofMax> out) {
  if (index >= size)
    return fail(Code::kInvalidArgument, "no leaf has that index in a tree of that size", "log/proof");
  if (size != size_) TRY(load_edge(size));
  std::size_t count = 0;
  const Tile* held = nullptr;
  unsigned held_level = kNoLevel;
  for (unsigned level = 0; level < kInclusionProofMax && (size - 1) >> level != 0; ++level) {
    const std::uint64_t at = index >> level;
    const std::uint64_t sibling = at ^ 1;
    if (sibling > (size - 1) >> level) continue;
    if (sibling >= size >> level) {
      out[count++] = ragged_[level];
      continue;
    }
    const unsigned tile_level = level / kTileHeight;
    if (held_level != tile_level) {
      TRY_ASSIGN(held, tile(tile_level, sibling >> (kTileHeight - level % kTileHeight)));
      held_level = tile_level;
    }
    out[count++] = hash_in(*held, level, sibling);
  }
  return count;
}

}  // namespace tocsin::protocol
