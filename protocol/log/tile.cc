#include "protocol/log/tile.h"

#include <algorithm>
#include <tuple>

#include "crypto/base/encoding.h"
#include "protocol/log/text.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "log/tile";
constexpr std::size_t kTilesHeldMax =
    24;  // a proof touches at most three at each of eight levels; about 400 KiB
constexpr std::size_t kPathBytesMax = 64;  // "tile/entries/", seven groups of a 64-bit index, ".p/255"
constexpr unsigned kLevelMax = 63;         // tlog-tiles' largest <L>

tl::unexpected<Error> malformed(const char* why) {
  return fail(Code::kInvalidArgument, why, kRule);
}

std::string index_path(std::uint64_t index, unsigned width) {
  const auto group = [](std::uint64_t n) {
    const std::string digits = std::to_string(n);
    return std::string(3 - digits.size(), '0') + digits;
  };
  std::string path = group(index % 1000);
  for (index /= 1000; index > 0; index /= 1000) path.insert(0, "x" + group(index % 1000) + "/");
  if (width < kTileWidth) path += ".p/" + std::to_string(width);
  return path;
}

// "x001/x234/067" to 1234067.
Result<std::uint64_t> parse_index(std::string_view text) {
  std::uint64_t index = 0;
  for (bool first = true;; first = false) {
    const std::size_t slash = text.find('/');
    const bool last = slash == std::string_view::npos;
    std::string_view group = text.substr(0, slash);
    if (!last) {
      if (!group.starts_with('x') || (first && group == "x000")) return malformed("a tile index is misspelt");
      group.remove_prefix(1);
    }
    if (group.size() != 3 || group.find_first_not_of("0123456789") != std::string_view::npos)
      return malformed("a tile index is misspelt");
    const auto value =
        static_cast<unsigned>((group[0] - '0') * 100 + (group[1] - '0') * 10 + (group[2] - '0'));
    if (index > (UINT64_MAX - value) / 1000) return malformed("a tile index passes 64 bits");
    index = index * 1000 + value;
    if (last) return index;
    text.remove_prefix(slash + 1);
  }
}

}  // namespace

std::vector<TileRow> tile_rows(std::uint64_t size) {
  std::vector<TileRow> rows;
  for (unsigned level = 0; size > 0; ++level, size >>= kTileHeight)
    rows.push_back({level, size >> kTileHeight, static_cast<unsigned>(size % kTileWidth)});
  return rows;
}

unsigned tile_width(std::uint64_t size, unsigned level, std::uint64_t index) {
  if (level >= kTileLevels) return 0;
  const std::uint64_t hashes = size >> (level * kTileHeight);
  if (index < hashes >> kTileHeight) return kTileWidth;
  return index == hashes >> kTileHeight ? static_cast<unsigned>(hashes % kTileWidth) : 0;
}

std::string tile_path(const TileId& tile) {
  return "tile/" + std::to_string(tile.level) + "/" + index_path(tile.index, tile.width);
}

std::string entries_path(std::uint64_t index, unsigned width) {
  return "tile/entries/" + index_path(index, width);
}

Result<TilePath> parse_tile_path(std::string_view path) {
  constexpr std::string_view kStart = "tile/";
  constexpr std::string_view kEntries = "entries";
  constexpr std::string_view kPartial = ".p/";
  if (path.size() > kPathBytesMax || !path.starts_with(kStart)) return malformed("not a tile path");
  path.remove_prefix(kStart.size());
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return malformed("not a tile path");
  TilePath out;
  if (const auto level_text = path.substr(0, slash); level_text == kEntries) {
    out.entries = true;
  } else {
    TRY_ASSIGN(const std::uint64_t level, parse_decimal(level_text));
    if (level > kLevelMax) return malformed("a tile level passes 63");
    out.tile.level = static_cast<unsigned>(level);
  }
  path.remove_prefix(slash + 1);
  if (const std::size_t dot = path.find(kPartial); dot != std::string_view::npos) {
    TRY_ASSIGN(const std::uint64_t width, parse_decimal(path.substr(dot + kPartial.size())));
    if (width == 0 || width >= kTileWidth) return malformed("a partial tile's width is 1 to 255");
    out.tile.width = static_cast<unsigned>(width);
    path = path.substr(0, dot);
  }
  TRY_ASSIGN(out.tile.index, parse_index(path));
  return out;
}

void append_entry(Bytes& bundle, ByteView entry) {
  CHECK_INVARIANT(entry.size() <= UINT16_MAX);
  append_be(bundle, static_cast<std::uint16_t>(entry.size()));
  append(bundle, entry);
}

Result<std::vector<ByteView>> parse_entries(ByteView bundle, unsigned width) {
  if (width == 0 || width > kTileWidth) return malformed("an entry bundle has 1 to 256 entries");
  std::vector<ByteView> entries;
  entries.reserve(width);
  for (unsigned i = 0; i < width; ++i) {
    if (bundle.size() < 2) return malformed("an entry bundle is cut short");
    const std::size_t length = get_be<std::uint16_t>(bundle.data());
    bundle = bundle.subspan(2);
    if (bundle.size() < length) return malformed("an entry bundle is cut short");
    entries.push_back(bundle.first(length));
    bundle = bundle.subspan(length);
  }
  if (!bundle.empty()) return malformed("an entry bundle has bytes behind its last entry");
  return entries;
}

Result<Hash> TileNodes::node(unsigned level, std::uint64_t index) {
  if (level > kLevelMax || index >= size_ >> level)
    return fail(Code::kOutOfRange, "the tree has no complete subtree there", kRule);
  const unsigned row = level % kTileHeight;
  const std::uint64_t tile_index = index >> (kTileHeight - row);
  const unsigned tile_level = level / kTileHeight;
  TRY_ASSIGN(const Held* held, hold({tile_level, tile_index, tile_width(size_, tile_level, tile_index)}));
  const std::uint64_t within = index - (tile_index << (kTileHeight - row));
  return held->nodes[held->rows[row] + within];
}

NodeSource TileNodes::nodes() {
  return [this](unsigned level, std::uint64_t index) { return node(level, index); };
}

Result<const TileNodes::Held*> TileNodes::hold(const TileId& tile) {
  for (const Held& held : held_)
    if (held.tile == tile) return &held;
  TRY_ASSIGN(const Bytes bytes, source_(tile));
  if (bytes.size() < tile.width * sizeof(Hash))
    return fail(Code::kDataLoss, "a tile is shorter than the tree's size implies: " + tile_path(tile), kRule);
  Held held{tile, std::vector<Hash>(tile.width), {}};
  std::memcpy(held.nodes.data(), bytes.data(), tile.width * sizeof(Hash));
  std::size_t below = 0;
  unsigned width = tile.width;
  for (unsigned row = 1; row < kTileHeight; ++row) {
    const std::size_t start = held.nodes.size();
    held.rows[row] = static_cast<std::uint16_t>(start);
    held.nodes.resize(start + width / 2);
    const std::span all(held.nodes);
    crypto::merkle_nodes(all.subspan(below, std::size_t{width} / 2 * 2), all.subspan(start));
    below = start;
    width /= 2;
  }
  if (held_.size() < kTilesHeldMax) {
    held_.push_back(std::move(held));
    return &held_.back();
  }
  Held& oldest = held_[replace_next_];
  replace_next_ = (replace_next_ + 1) % kTilesHeldMax;
  oldest = std::move(held);
  return &oldest;
}

Result<TileWriter> TileWriter::restore(std::uint64_t size, const TileSource& source) {
  TileWriter writer;
  TileNodes tiles(size, source);
  TRY_ASSIGN(writer.range_, restore_range(size, tiles.nodes()));
  for (const TileRow& row : tile_rows(size)) {
    Growing& growing = writer.growing_[row.level];
    growing.index = row.full;
    for (unsigned i = 0; i < row.partial; ++i) {
      TRY_ASSIGN(const Hash hash, tiles.node(row.level * kTileHeight, row.full * kTileWidth + i));
      tocsin::append(growing.hashes, hash);
    }
  }
  return writer;
}

void TileWriter::put(unsigned level, const Hash& hash) {
  Growing& growing = growing_[level];
  tocsin::append(growing.hashes, hash);
  growing.changed = true;
  if (growing.hashes.size() < kTileBytesMax) return;
  filled_.push_back({level, growing.index, std::move(growing.hashes)});
  growing = {growing.index + 1, {}, false};
}

void TileWriter::append(std::span<const Hash> leaves) {
  for (const Hash& leaf : leaves) put(0, leaf);
  range_.append(leaves,
                [this](unsigned level, std::uint64_t, const Hash& hash) { put(level / kTileHeight, hash); });
}

std::vector<TileValue> TileWriter::take_changed() {
  std::vector<TileValue> changed = std::exchange(filled_, {});
  for (unsigned level = 0; level < kTileLevels; ++level) {
    Growing& growing = growing_[level];
    if (!growing.changed) continue;
    changed.push_back({level, growing.index, growing.hashes});
    growing.changed = false;
  }
  std::sort(changed.begin(), changed.end(), [](const TileValue& a, const TileValue& b) {
    return std::tie(a.level, a.index) < std::tie(b.level, b.index);
  });
  return changed;
}

}  // namespace tocsin::protocol
