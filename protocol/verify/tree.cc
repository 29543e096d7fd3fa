#include "protocol/verify/tree.h"

#include <algorithm>

#include "protocol/log/leaf.h"
#include "protocol/log/text.h"
#include "protocol/log/tlog_proof.h"

namespace tocsin::protocol {
namespace {

constexpr std::size_t kTilesAtOnce = 64;
// One share of a thread: as many files as the widest hash kernel has lanes.
constexpr std::size_t kTilesInShare = 16;
constexpr std::size_t kEntryBytes = 2 + kLeafBytes;
constexpr std::size_t kProofsAtOnce = 1024;
constexpr std::uint64_t kEntriesBytesMax = kTileWidth * kEntryBytes;
constexpr std::uint64_t kProofBytesMax = kNoteBytesMax + 2 * kTlogProofExtraBytesMax;

}  // namespace

struct LeafReader::TileWork {
  TileId id;
  const TarEntry* entries = nullptr;
  const TarEntry* tile = nullptr;
  Bytes entry_bytes, tile_bytes;
  std::vector<Hash> hashes;
  Hash root{};  // of a full tile
  std::string malformed;
  Status read;

  ByteView leaf(std::size_t i) const {
    return ByteView(entry_bytes).subspan(i * kEntryBytes + 2, kLeafBytes);
  }
  ByteView computed() const { return {hashes[0].data(), hashes.size() * sizeof(Hash)}; }
  bool even() const;
  void hash();
};

const LedgerLeaf* LeafBlock::find(std::uint64_t index) const {
  const auto at = std::lower_bound(leaves.begin(), leaves.end(), index,
                                   [](const LedgerLeaf& leaf, std::uint64_t i) { return leaf.index < i; });
  return at == leaves.end() || at->index != index ? nullptr : &*at;
}

TileSpan tile_span(std::uint64_t size, const std::optional<Scope>& scope) {
  if (!scope || scope->evidence == Evidence::kTiles) return {0, size};
  if (scope->evidence == Evidence::kProofs) return {0, 0};
  const std::uint64_t last = scope->to > size ? size : scope->to;
  const std::uint64_t over = last % kTileWidth;
  const std::uint64_t up = over == 0 || size - last < kTileWidth - over ? 0 : kTileWidth - over;
  return {scope->from - scope->from % kTileWidth, up == 0 && over != 0 ? size : last + up};
}

LeafReader::LeafReader(const Bundle& bundle, TreeTask task, FileSums& sums, WorkPool& pool, Report& report)
    : bundle_(bundle),
      task_(std::move(task)),
      sums_(sums),
      pool_(pool),
      report_(report),
      span_(tile_span(task_.head.size, task_.scope)),
      whole_(!task_.scope || task_.scope->evidence == Evidence::kTiles),
      tiles_end_(span_.end / kTileWidth + (span_.end % kTileWidth != 0 ? 1 : 0)),
      next_tile_(span_.begin / kTileWidth),
      proofs_(bundle.folder(kProofsFolder)) {}

Status LeafReader::read_edge() {
  const auto broken = [&](const std::string& why) {
    joined_ = complete_ = false;
    report_.tampering("V5.range", "The range's proof is malformed: " + why + ".");
    return Status();
  };
  const TarEntry* file = bundle_.find(kRangeFile);
  if (file == nullptr) {
    joined_ = complete_ = false;
    report_.missing("V5.missing", "The range has no proof that joins it to the ledger.");
    return {};
  }
  if (file->size > kNoteBytesMax) return broken("it is too long");
  TRY_ASSIGN(const Bytes bytes, bundle_.read(*file, kNoteBytesMax));
  sums_.saw(*file, bytes);
  const std::string_view text = as_text(bytes);
  std::size_t blank = text.starts_with("\n") ? 0 : text.find("\n\n");
  if (blank == std::string_view::npos) return broken("it has no blank line");
  if (blank != 0) ++blank;
  const auto left = parse_consistency(text.substr(0, blank));
  const auto right = parse_consistency(text.substr(blank + 1));
  if (!left || !right) return broken(left ? right.error().message : left.error().message);
  auto range = CompactRange::restore(span_.begin, *left);
  if (!range) return broken(range.error().message);
  range_ = std::move(*range);
  consistency_ = *right;
  return {};
}

Status LeafReader::begin() {
  begun_ = true;
  if (task_.scope && task_.scope->evidence == Evidence::kRange) return read_edge();
  return {};
}

// Whether the bundle of entries is one leaf after the other.
bool LeafReader::TileWork::even() const {
  if (entry_bytes.size() != id.width * kEntryBytes) return false;
  for (std::size_t at = 0; at < entry_bytes.size(); at += kEntryBytes)
    if (entry_bytes[at] != 0 || entry_bytes[at + 1] != kLeafBytes) return false;
  return true;
}

void LeafReader::TileWork::hash() {
  if (!even()) {
    const auto parsed = parse_entries(entry_bytes, id.width);
    malformed = parsed ? "an entry is not of 128 bytes" : parsed.error().message;
    return;
  }
  hashes.resize(id.width);
  crypto::leaf_hashes_apart(ByteView(entry_bytes).subspan(2), kLeafBytes, kEntryBytes, hashes);
  if (id.width == kTileWidth) root = complete_root(hashes);
}

Status LeafReader::read(TileWork& work) const {
  // What is too long stays unread: its comparison says so.
  if (work.entries != nullptr && work.entries->size <= kEntriesBytesMax) {
    TRY_ASSIGN(work.entry_bytes, bundle_.read(*work.entries, kEntriesBytesMax));
  }
  if (work.tile != nullptr && work.tile->size <= kTileBytesMax) {
    TRY_ASSIGN(work.tile_bytes, bundle_.read(*work.tile, kTileBytesMax));
  }
  return {};
}

void LeafReader::load(std::span<TileWork> works) const {
  std::vector<FileSums::Seen> seen;
  for (TileWork& work : works) {
    work.read = read(work);
    if (!work.read) continue;
    if (work.entries != nullptr && work.entries->size <= kEntriesBytesMax)
      seen.push_back({work.entries, work.entry_bytes});
    if (work.tile != nullptr && work.tile->size <= kTileBytesMax)
      seen.push_back({work.tile, work.tile_bytes});
    if (work.entries != nullptr) work.hash();
  }
  sums_.saw_all(seen);
}

void LeafReader::compare_tile(const TileId& id, ByteView computed, const TarEntry* file, ByteView theirs) {
  // A level 0 tile's first record; a higher tile stands for too many to name one.
  std::optional<std::uint64_t> index;
  if (id.level == 0) index = id.index * kTileWidth;
  if (file == nullptr) {
    report_.missing("V5.missing", tile_path(id) + " is not in the bundle.", index);
    return;
  }
  if (equal(theirs, computed)) return;
  const auto [mine, other] = std::mismatch(computed.begin(), computed.end(), theirs.begin(), theirs.end());
  if (index && mine != computed.end())
    index = *index + static_cast<std::uint64_t>(mine - computed.begin()) / sizeof(Hash);
  report_.tampering("V5.tile", tile_path(id) + " does not hold the hashes that the records give.", index);
}

void LeafReader::compare_stored(const TileId& id, ByteView computed) {
  const TarEntry* file = bundle_.find(tile_path(id));
  Bytes theirs;
  if (file != nullptr && file->size <= kTileBytesMax) {
    auto read = bundle_.read(*file, kTileBytesMax);
    if (!read) {
      failed_ = tl::unexpected<Error>(read.error());
      return;
    }
    theirs = std::move(*read);
    sums_.saw(*file, theirs);
  }
  compare_tile(id, computed, file, theirs);
}

// A node of tile level `level` became complete.
void LeafReader::grow(unsigned level, const Hash& root) {
  if (!whole_ || level >= kTileLevels) return;
  append(growing_[level], root);
  if (growing_[level].size() < kTileBytesMax) return;
  const Bytes full = std::exchange(growing_[level], {});
  compare_stored({level, filled_[level]++, kTileWidth}, full);
  std::vector<Hash> hashes(kTileWidth);
  std::memcpy(hashes.data(), full.data(), full.size());
  grow(level + 1, complete_root(hashes));
}

void LeafReader::note_roots(const TileWork& work) {
  const std::uint64_t first = work.id.index * kTileWidth;
  for (; next_size_ < task_.sizes.size(); ++next_size_) {
    const std::uint64_t size = task_.sizes[next_size_];
    if (size < first || !joined_) continue;
    if (size > first + work.hashes.size()) return;
    CompactRange range = range_;
    range.append(std::span(work.hashes).first(static_cast<std::size_t>(size - first)));
    roots_[size] = range.root();
  }
}

// False when nothing behind this tile can be judged.
bool LeafReader::judge(TileWork& work, LeafBlock& block) {
  const std::uint64_t first = work.id.index * kTileWidth;
  const std::string path = entries_path(work.id.index, work.id.width);
  if (work.entries == nullptr) {
    report_.missing("V5.missing",
                    path + " is not in the bundle, so the records from there on cannot be judged.", first);
    return false;
  }
  if (!work.malformed.empty() || work.entries->size > kEntriesBytesMax) {
    const std::string why = work.malformed.empty() ? "it is too long" : work.malformed;
    report_.tampering("V5.entries", path + " is malformed: " + why + ".", first);
    return false;
  }
  note_roots(work);
  if (work.id.width == kTileWidth)
    CHECK_INVARIANT(!joined_ || range_.append_subtree(kTileHeight, work.root).has_value());
  else
    range_.append(work.hashes);
  compare_tile(work.id, work.computed(), work.tile, work.tile_bytes);
  if (work.id.width == kTileWidth) grow(1, work.root);
  for (std::size_t i = 0; i < work.hashes.size(); ++i)
    block.leaves.push_back({first + i, work.leaf(i), work.hashes[i]});
  block.buffers.push_back(std::move(work.entry_bytes));
  return true;
}

Result<LeafBlock> LeafReader::next_tiles() {
  LeafBlock block;
  std::vector<TileWork> works;
  for (; next_tile_ < tiles_end_ && works.size() < kTilesAtOnce; ++next_tile_) {
    TileWork work;
    work.id = {0, next_tile_, tile_width(task_.head.size, 0, next_tile_)};
    work.entries = bundle_.find(entries_path(work.id.index, work.id.width));
    work.tile = bundle_.find(tile_path(work.id));
    const bool stop = work.entries == nullptr;
    works.push_back(std::move(work));
    if (stop) break;
  }
  if (works.empty()) {
    tiles_done_ = true;
    if (complete_) finish_tiles();
    TRY(failed_);
    return block;
  }
  pool_.run((works.size() + kTilesInShare - 1) / kTilesInShare, [&](std::size_t i) {
    const std::size_t from = i * kTilesInShare;
    load(std::span(works).subspan(from, std::min(kTilesInShare, works.size() - from)));
  });
  block.leaves.reserve(works.size() * kTileWidth);
  for (TileWork& work : works) {
    TRY(work.read);
    if (judge(work, block)) continue;
    complete_ = false;
    next_tile_ = tiles_end_;
    break;
  }
  TRY(failed_);
  return block;
}

void LeafReader::finish_tiles() {
  if (!whole_) return finish_range();
  for (const TileRow& row : tile_rows(task_.head.size))
    if (row.level != 0 && row.partial != 0)
      compare_stored({row.level, row.full, row.partial}, growing_[row.level]);
  if (range_.root() != task_.head.root)
    report_.tampering("V5.root", "The records do not give the root that the checkpoint was signed for.");
  if (task_.head.size == 0)
    for (const std::uint64_t size : task_.sizes)
      if (size == 0) roots_[0] = empty_root();
}

void LeafReader::finish_range() {
  if (task_.scope->evidence != Evidence::kRange || !joined_) return;
  const TreeHead reached{span_.end, range_.root()};
  bool holds = consistency_.empty() && reached.root == task_.head.root;
  if (span_.end < task_.head.size) holds = verify_consistency(reached, task_.head, consistency_).has_value();
  if (!holds)
    report_.tampering("V5.range", "The range's records are not part of the tree that the checkpoint names.");
}

// Records with a proof of their own, below an index.
Result<LeafBlock> LeafReader::next_proofs(std::uint64_t below) {
  LeafBlock block;
  while (!proofs_.empty() && block.leaves.size() < kProofsAtOnce) {
    const TarEntry& file = proofs_.front();
    std::string_view digits(file.name);
    digits.remove_prefix(kProofsFolder.size());
    digits.remove_suffix(std::min(digits.size(), kProofSuffix.size()));
    const auto index = parse_name_number(digits);
    if (index && *index >= below) break;
    proofs_ = proofs_.subspan(1);
    if (!index) continue;  // a name without a place in the bundle, which V1 reports
    const auto fails = [&](const std::string& why) {
      report_.tampering("V5.proof", file.name + " does not hold: " + why + ".", *index);
    };
    if (file.size > kProofBytesMax) {
      fails("it is too long");
      continue;
    }
    TRY_ASSIGN(Bytes bytes, bundle_.read(file, kProofBytesMax));
    sums_.saw(file, bytes);
    auto proof = parse_tlog_proof(as_text(bytes));
    if (!proof || format_tlog_proof(*proof) != as_text(bytes)) {
      fails(proof ? "it is not in its one legal form" : proof.error().message);
    } else if (proof->index != *index || proof->checkpoint != task_.checkpoint) {
      fails("it is of another record or checkpoint");
    } else if (!proof->extra || proof->extra->size() != kLeafBytes) {
      fails("it does not carry the record's leaf");
    } else {
      const Hash hash = leaf_hash(*proof->extra);
      const Status holds = verify_inclusion(hash, *index, task_.head.size, proof->proof, task_.head.root);
      if (!holds) {
        fails(holds.error().message);
        continue;
      }
      block.buffers.push_back(std::move(*proof->extra));
      block.leaves.push_back({*index, block.buffers.back(), hash});
    }
  }
  return block;
}

Result<LeafBlock> LeafReader::next() {
  if (!begun_) TRY(begin());
  if (!tiles_done_ && span_.begin < span_.end) {
    TRY_ASSIGN(LeafBlock before, next_proofs(span_.begin));
    if (!before.leaves.empty()) return before;
  }
  while (!tiles_done_) {
    TRY_ASSIGN(LeafBlock block, next_tiles());
    if (!block.leaves.empty()) return block;
  }
  return next_proofs(UINT64_MAX);
}

namespace {

TileSource stored_tiles(const Bundle& bundle) {
  return [&bundle](const TileId& id) -> Result<Bytes> {
    const TarEntry* file = bundle.find(tile_path(id));
    if (file == nullptr) return fail(Code::kNotFound, tile_path(id) + " is not in the bundle");
    return bundle.read(*file, kTileBytesMax);
  };
}

}  // namespace

Result<Hash> stored_root(const Bundle& bundle, std::uint64_t tree_size, std::uint64_t size) {
  if (size > tree_size) return fail(Code::kOutOfRange, "the tree is smaller");
  TileNodes tiles(tree_size, stored_tiles(bundle));
  TRY_ASSIGN(const CompactRange range, restore_range(size, tiles.nodes()));
  return range.root();
}

Result<Hash> stored_leaf_hash(const Bundle& bundle, std::uint64_t tree_size, std::uint64_t index) {
  if (index >= tree_size) return fail(Code::kOutOfRange, "the tree is smaller");
  return TileNodes(tree_size, stored_tiles(bundle)).node(0, index);
}

}  // namespace tocsin::protocol
