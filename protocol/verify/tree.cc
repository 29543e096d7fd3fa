#include "protocol/verify/tree.h"

#include <algorithm>
#include <array>

namespace tocsin::protocol {
namespace {

class TreeAudit {
 public:
  TreeAudit(const Bundle& bundle, const TreeHead& head, Report& report)
      : bundle_(bundle), head_(head), report_(report) {}

  AuditedTree run() {
    const std::vector<TileRow> rows = tile_rows(head_.size);
    if (!rows.empty() && !read_rows(rows.front())) return std::move(tree_);
    tree_.complete = true;
    for (const TileRow& row : rows)
      if (row.level != 0 && row.partial != 0)
        compare_tile({row.level, row.full, row.partial}, partial_[row.level].hashes);
    if (writer_.range().root() != head_.root)
      report_.tampering("V5.root", "The records do not give the root that the checkpoint was signed for.");
    return std::move(tree_);
  }

 private:
  bool read_rows(const TileRow& row) {
    for (std::uint64_t n = 0; n < row.full; ++n)
      if (!read_entries({0, n, kTileWidth})) return false;
    return row.partial == 0 || read_entries({0, row.full, row.partial});
  }

  bool read_entries(const TileId& id) {
    const std::uint64_t first = id.index * kTileWidth;
    const std::string path = entries_path(id.index, id.width);
    const auto file = bundle_.find(path);
    if (!file) {
      report_.missing("V5.missing",
                      path + " is not in the bundle, so the records from there on cannot be judged.", first);
      return false;
    }
    const auto entries = parse_entries(*file, id.width);
    if (!entries) {
      report_.tampering("V5.entries", path + " is malformed: " + entries.error().message + ".", first);
      return false;
    }
    Bytes hashes;
    std::vector<Hash> row;
    for (const ByteView entry : *entries) {
      row.push_back(leaf_hash(entry));
      append(hashes, row.back());
      tree_.leaves.push_back(entry);
      tree_.hashes.push_back(row.back());
    }
    writer_.append(row);
    compare_tile(id, hashes);
    for (TileValue& tile : writer_.take_changed()) {
      if (tile.level == 0) continue;
      if (tile.hashes.size() == kTileBytesMax)
        compare_tile({tile.level, tile.index, kTileWidth}, tile.hashes);
      else
        partial_[tile.level] = std::move(tile);
    }
    return true;
  }

  void compare_tile(const TileId& id, const Bytes& computed) {
    const std::string path = tile_path(id);
    const auto file = bundle_.find(path);
    // A level 0 tile's first record; a higher tile stands for too many to name one.
    std::optional<std::uint64_t> index;
    if (id.level == 0) index = id.index * kTileWidth;
    if (!file) {
      report_.missing("V5.missing", path + " is not in the bundle.", index);
      return;
    }
    if (equal(*file, computed)) return;
    const auto [mine, theirs] = std::mismatch(computed.begin(), computed.end(), file->begin(), file->end());
    if (index && mine != computed.end())
      index = *index + static_cast<std::uint64_t>(mine - computed.begin()) / sizeof(Hash);
    report_.tampering("V5.tile", path + " does not hold the hashes that the records give.", index);
  }

  const Bundle& bundle_;
  const TreeHead& head_;
  Report& report_;
  AuditedTree tree_;
  TileWriter writer_;
  std::array<TileValue, kTileLevels> partial_;
};

}  // namespace

AuditedTree audit_tree(const Bundle& bundle, const TreeHead& head, Report& report) {
  return TreeAudit(bundle, head, report).run();
}

}  // namespace tocsin::protocol
