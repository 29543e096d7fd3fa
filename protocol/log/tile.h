#pragma once
// The tree as 256-wide tiles: where each hash lies, how a reader finds it, how a writer keeps them.
//
// Tile (level, index) holds the hashes of nodes at tree level 8 * level, from 256 * index on; a tile of fewer
// than 256 hashes is partial and a prefix of every later state of the same tile, so a store keeps one value
// per tile and cuts it when serving. A tile of level L + 1 grows only when one of level L is full. Errors:
// kInvalidArgument, rule "log/tile", for paths and widths; kDataLoss when a source hands over fewer hashes
// than the tree's size implies. Concurrency: functions are pure; TileNodes and TileWriter belong to one
// thread. Source: C2SP tlog-tiles; ledger.md "Tiles".

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "protocol/log/merkle.h"
#include "protocol/log/proof.h"

namespace tocsin::protocol {

inline constexpr unsigned kTileHeight = 8;
inline constexpr unsigned kTileWidth = 256;
inline constexpr std::size_t kTileBytesMax = kTileWidth * sizeof(Hash);
inline constexpr unsigned kTileLevels = 8;  // a 64-bit tree has no more

struct TileId {
  unsigned level = 0;
  std::uint64_t index = 0;
  unsigned width = kTileWidth;  // hashes, 1..256; below 256 the tile is partial
  friend bool operator==(const TileId&, const TileId&) = default;
};

// What one level of a tree of some size is made of: `full` whole tiles, then one of width `partial` unless
// that is 0.
struct TileRow {
  unsigned level = 0;
  std::uint64_t full = 0;
  unsigned partial = 0;
  friend bool operator==(const TileRow&, const TileRow&) = default;
};

std::vector<TileRow> tile_rows(std::uint64_t size);
// The width of a tile in a tree of `size` leaves, 0 when it has no such tile.
unsigned tile_width(std::uint64_t size, unsigned level, std::uint64_t index);

// "tile/<L>/<N>[.p/<W>]" or, for the bundle of entries beside a level 0 tile, "tile/entries/<N>[.p/<W>]".
std::string tile_path(const TileId& tile);
std::string entries_path(std::uint64_t index, unsigned width);
struct TilePath {
  bool entries = false;
  TileId tile;  // level 0 for entries
};
Result<TilePath> parse_tile_path(std::string_view path);

// An entry bundle: u16be length || entry, one after another. Precondition: entry.size() < 65536.
void append_entry(Bytes& bundle, ByteView entry);
// Exactly `width` entries and nothing behind them; the views point into `bundle`.
Result<std::vector<ByteView>> parse_entries(ByteView bundle, unsigned width);

// The bytes of a tile: at least width * 32; more are ignored, since a store may hold a later state.
using TileSource = std::function<Result<Bytes>(const TileId&)>;

// Any complete subtree's hash of a tree of `size` leaves, from its tiles; keeps the last few tiles with their
// inner nodes, so neighbouring proofs cost look-ups.
class TileNodes {
 public:
  TileNodes(std::uint64_t size, TileSource source) : size_(size), source_(std::move(source)) {}
  // kOutOfRange when the subtree is not complete in this tree.
  Result<Hash> node(unsigned level, std::uint64_t index);
  // For proof.h; valid as long as this object.
  NodeSource nodes();

 private:
  struct Held {
    TileId tile;
    std::vector<Hash> nodes;                        // row after row, lowest first
    std::array<std::uint16_t, kTileHeight> rows{};  // where each row starts
  };
  Result<const Held*> hold(const TileId& tile);

  const std::uint64_t size_;
  const TileSource source_;
  std::vector<Held> held_;
  std::size_t replace_next_ = 0;
};

// A tile's value after an append.
struct TileValue {
  unsigned level = 0;
  std::uint64_t index = 0;
  Bytes hashes;  // 32 * width
};

// Grows the tiles and the right edge together: feed leaf hashes, then write what take_changed() returns.
class TileWriter {
 public:
  TileWriter() = default;
  // Goes on from a stored tree. Compare range().root() with the signed checkpoint before trusting it.
  static Result<TileWriter> restore(std::uint64_t size, const TileSource& source);

  void append(std::span<const Hash> leaves);
  std::uint64_t size() const { return range_.size(); }
  const CompactRange& range() const { return range_; }
  // Every tile whose value changed since the last call, once each, ordered by level and index.
  std::vector<TileValue> take_changed();

 private:
  struct Growing {
    std::uint64_t index = 0;
    Bytes hashes;
    bool changed = false;
  };
  void put(unsigned level, const Hash& hash);

  CompactRange range_;
  std::array<Growing, kTileLevels> growing_;
  std::vector<TileValue> filled_;  // became full since the last take_changed()
};

}  // namespace tocsin::protocol
