#pragma once
// LogStore: the rows of our own ledger: leaves, sealed bodies, wrapped record keys, tiles and signed
// checkpoints.
//
// Writers put into a Batch that the ledger's sequencer commits; what was committed is read back from any
// thread. Errors: kOutOfRange for an index that is not there; kDataLoss, rule "storage/log", when a row is
// damaged or missing between others. Concurrency: any thread; it holds nothing but a reference to the store,
// which outlives it. Source: storage/DESIGN.md; ops/decisions/0002 for the keys' order.

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/log/leaf.h"
#include "protocol/log/slots.h"
#include "protocol/log/tile.h"
#include "storage/store.h"

namespace tocsin::v1 {
class SealedRecord;
}

namespace tocsin::storage {

// Rows of the ledger in index order: each family is read by one cursor that moves along, which costs a
// fraction of a look-up a row when the indices lie close. Sees each family as it was when it was first asked
// for. For one thread.
class LogReader {
 public:
  explicit LogReader(const Store& store) : store_(store) {}

  // Answers as LogStore's.
  Result<protocol::LeafBytes> leaf(std::uint64_t index);
  Result<v1::SealedRecord> sealed(std::uint64_t index);
  Result<std::optional<Bytes>> key(std::uint64_t index, protocol::SlotClass slot_class);

 private:
  // The row's value, valid until the next call.
  Result<std::optional<ByteView>> find(std::optional<Cursor>& cursor, Family family, ByteView key) const;

  const Store& store_;
  std::optional<Cursor> leaves_;
  std::optional<Cursor> sealed_;
  std::optional<Cursor> keys_;
};

class LogStore {
 public:
  explicit LogStore(const Store& store) : store_(store) {}

  static void put_leaf(Batch& batch, std::uint64_t index, const protocol::LeafBytes& leaf);
  static void put_sealed(Batch& batch, std::uint64_t index, const v1::SealedRecord& record);
  // `wrapped`: the class key sealed under the node's KEK.
  static void put_key(Batch& batch, std::uint64_t index, protocol::SlotClass slot_class, ByteView wrapped);
  static void remove_key(Batch& batch, std::uint64_t index, protocol::SlotClass slot_class);
  // A tile of level 0 that is not full is not stored: it follows from its leaves, and would be most of what a
  // commit writes.
  static void put_tile(Batch& batch, const protocol::TileValue& tile);
  static void put_checkpoint(Batch& batch, std::uint64_t size, std::string_view note);

  Result<protocol::LeafBytes> leaf(std::uint64_t index) const;
  // Leaves [from, from + count), 128 bytes each.
  Result<Bytes> leaves(std::uint64_t from, std::uint64_t count) const;
  Result<v1::SealedRecord> sealed(std::uint64_t index) const;
  LogReader reader() const { return LogReader(store_); }
  // Empty when the class has no key: it has no slots, or it was erased.
  Result<std::optional<Bytes>> key(std::uint64_t index, protocol::SlotClass slot_class) const;
  // At least tile.width hashes; a later state of the tile may hold more.
  Result<Bytes> tile(const protocol::TileId& tile) const;
  // The source for TileNodes and TileWriter; valid as long as this object.
  protocol::TileSource tiles() const;

  struct StoredCheckpoint {
    std::uint64_t size = 0;
    std::string note;
  };
  // The one over exactly that many records.
  Result<std::optional<std::string>> checkpoint(std::uint64_t size) const;
  // The one with the greatest size; empty before the first commit.
  Result<std::optional<StoredCheckpoint>> newest_checkpoint() const;
  // Every one ever committed with from <= size, ascending; at most `limit`.
  Result<std::vector<StoredCheckpoint>> checkpoints(std::uint64_t from, std::size_t limit) const;
  // One past the greatest leaf index stored.
  Result<std::uint64_t> leaf_count() const;

 private:
  Result<Bytes> growing_tile(const protocol::TileId& tile) const;

  const Store& store_;
};

}  // namespace tocsin::storage
