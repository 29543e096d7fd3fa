#pragma once
// ProofCache: inclusion proofs from tiles kept with every hash inside them, so that a proof is copying.
//
// A full tile never changes and serves every size from then on; of the growing ones the cache holds those of
// the size it was asked about last. Holds at most the tiles it was given room for, 16 KiB each, and those of
// the edge. Errors: those of proof.h for an index that cannot be; kDataLoss, rule "log/tile", for a tile
// shorter than the size implies; the source's own. Concurrency: one thread at a time. Source: RFC 9162
// §2.1.3.1; C2SP tlog-tiles.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "protocol/log/tile.h"

namespace tocsin::protocol {

// No proof is longer: a 64-bit tree has no more levels.
inline constexpr std::size_t kInclusionProofMax = 64;
inline constexpr std::size_t kProofTilesDefault = 512;  // 8 MiB: the bottom tiles of 130,000 leaves

class ProofCache {
 public:
  explicit ProofCache(TileSource source, std::size_t tiles = kProofTilesDefault);

  // Writes the proof of leaf `index` in the tree of `size` leaves; says how many hashes it has. Allocates
  // nothing when the tiles are held.
  Result<std::size_t> inclusion(std::uint64_t index, std::uint64_t size,
                                std::span<Hash, kInclusionProofMax> out);
  // Hash of a complete subtree of that tree; kOutOfRange when it is not complete.
  Result<Hash> node(unsigned level, std::uint64_t index, std::uint64_t size);
  // For proof.h; valid as long as this object.
  NodeSource nodes(std::uint64_t size);

 private:
  static constexpr std::size_t kWays = 4;
  static constexpr unsigned kNoLevel = kTileLevels;

  // Row r of a full tile begins at 512 - (512 >> r).
  struct Tile {
    unsigned level = kNoLevel;
    std::uint64_t index = 0;
    std::array<Hash, 2 * kTileWidth - 1> nodes;
  };
  // Tiles that fall into one place push each other out in turn.
  struct Set {
    std::array<std::unique_ptr<Tile>, kWays> tiles;
    std::size_t next = 0;
  };

  Result<const Tile*> tile(unsigned level, std::uint64_t index);
  Status load(Tile& into, const TileId& id) const;
  Status load_edge(std::uint64_t size);
  static const Hash& hash_in(const Tile& tile, unsigned level, std::uint64_t index);

  const TileSource source_;
  std::vector<Set> sets_;
  std::uint64_t size_ = 0;  // of the edge
  std::array<std::unique_ptr<Tile>, kTileLevels> edge_;
  // ragged_[l]: the root over the leaves behind the last complete subtree of level l, when there are any.
  std::array<Hash, kInclusionProofMax + 1> ragged_{};
};

}  // namespace tocsin::protocol
