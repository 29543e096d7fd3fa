#pragma once
// Step V5 of an audit: entries, tiles and the checkpoint's root must be views of one tree. It is also where
// the steps behind it get the leaves from, in order and a block at a time.
//
// Every hash is recomputed from the entries; each tile of the bundle is compared with what they give, and
// the root with the checkpoint's; a range is joined to the tree by its left edge and a consistency proof,
// single records by inclusion proofs. Nothing is allocated from the checkpoint's size: reading stops at the
// first file that is not there. Findings: V5.missing (missing evidence), V5.entries, V5.tile, V5.root,
// V5.range, V5.proof. Concurrency: one thread, which shares work out to its pool.

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/log/proof.h"
#include "protocol/log/tile.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/file_sums.h"
#include "protocol/verify/finding.h"
#include "protocol/verify/scope.h"

namespace tocsin::protocol {

struct LedgerLeaf {
  std::uint64_t index = 0;
  ByteView bytes;  // 128, into the block's buffers
  Hash hash{};
};
// Ascending by index.
struct LeafBlock {
  std::vector<LedgerLeaf> leaves;
  std::vector<Bytes> buffers;
  // The leaf of this index, or null.
  const LedgerLeaf* find(std::uint64_t index) const;
  std::uint64_t end() const { return leaves.back().index + 1; }
};

struct TreeTask {
  TreeHead head;
  std::string checkpoint;            // the note, which proofs repeat
  std::optional<Scope> scope;        // none: the whole ledger
  std::vector<std::uint64_t> sizes;  // at which the root is wanted, ascending
};
// The leaves that a bundle of this scope holds as tiles: [begin, end), on tile boundaries or the tree's end.
struct TileSpan {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};
TileSpan tile_span(std::uint64_t size, const std::optional<Scope>& scope);

class LeafReader {
 public:
  // All but `task` outlive this.
  LeafReader(const Bundle& bundle, TreeTask task, FileSums& sums, WorkPool& pool, Report& report);

  // The next leaves; none is the end, and then the root has been judged. An error: the archive cannot be
  // read.
  Result<LeafBlock> next();
  // After the end: every leaf that the scope promises was there.
  bool complete() const { return complete_; }
  // Of the sizes asked for, as far as the leaves give them.
  const std::map<std::uint64_t, Hash>& roots() const { return roots_; }

 private:
  struct TileWork;
  Status begin();
  Status read_edge();
  void load(std::span<TileWork> works) const;
  Status read(TileWork& work) const;
  Result<LeafBlock> next_tiles();
  Result<LeafBlock> next_proofs(std::uint64_t below);
  bool judge(TileWork& work, LeafBlock& block);
  void compare_tile(const TileId& id, ByteView computed, const TarEntry* file, ByteView theirs);
  void compare_stored(const TileId& id, ByteView computed);
  void grow(unsigned level, const Hash& root);
  void note_roots(const TileWork& work);
  void finish_tiles();
  void finish_range();

  const Bundle& bundle_;
  const TreeTask task_;
  FileSums& sums_;
  WorkPool& pool_;
  Report& report_;
  const TileSpan span_;
  const bool whole_;  // every tile of every level is here
  bool begun_ = false;
  bool tiles_done_ = false;
  bool complete_ = true;
  bool joined_ = true;  // the range's left edge was read
  Status failed_;
  const std::uint64_t tiles_end_;
  std::uint64_t next_tile_ = 0;
  std::span<const TarEntry> proofs_;
  CompactRange range_;
  Proof consistency_;  // of a range, from its end
  std::array<Bytes, kTileLevels> growing_;
  std::array<std::uint64_t, kTileLevels> filled_{};
  std::map<std::uint64_t, Hash> roots_;
  std::size_t next_size_ = 0;
};

// The root of the first `size` leaves, and a leaf's hash, from a whole bundle's tiles.
Result<Hash> stored_root(const Bundle& bundle, std::uint64_t tree_size, std::uint64_t size);
Result<Hash> stored_leaf_hash(const Bundle& bundle, std::uint64_t tree_size, std::uint64_t index);

}  // namespace tocsin::protocol
