#pragma once
// Store: the node's one RocksDB, seen as families of sorted rows. The rooms built on it (log_store.h,
// chain_store.h, signal_store.h, peer_store.h) give rows their meaning; storage/DESIGN.md lists families,
// keys and crash behaviour.
//
// Guarantee: a Batch is applied whole or not at all. After commit() returns success the batch survives a
// crash of process or machine, and so does every batch committed before it: each is durable in the anchor
// (anchor.h) before it is seen, and open() brings the database up to the anchor. A database that is behind
// it and cannot be brought there opens in quarantine: it reads what is left and refuses every commit. After
// any failed commit the state on disk is unknown, so every further commit answers kFailedPrecondition until
// the store is opened again; reading goes on. Errors: kUnavailable (another process has it open, or the disk
// refused), kDataLoss (damaged files), kNotFound never: an absent row is an empty optional. Concurrency:
// reads from any thread. commit() is flush() and then settle(); they may be called from two threads, so that
// one waits for the disk while the other applies what is durable and prepares what comes next. A flush waits
// for one that is under way. Source: ledger.md "Store" and reliability.md facts 1-3 of the design.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/base/bytes.h"
#include "storage/anchor.h"

namespace rocksdb {
class Env;
}

namespace tocsin::storage {

// Part of the format on disk by name (store.cc); the numbers are not.
enum class Family : std::uint8_t {
  kLeaf,
  kSealed,
  kTile,
  kChain,
  kKey,
  kCheckpoint,
  kSignal,
  kIndicator,
  kDue,
  kForeignLeaf,
  kForeignOpening,
  kPeer,
  kEvidence,
  kIdempotency,
  kMeta,
  kWitness,
  kReceipt,
};
inline constexpr std::size_t kFamilies = 17;

// Puts and removals that stand or fall together; later ones on the same key win. Movable, for one thread.
class Batch {
 public:
  Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;
  ~Batch();

  void put(Family family, ByteView key, ByteView value);
  void remove(Family family, ByteView key);
  // Everything of `more`, after what is here.
  void append(const Batch& more);
  // What put() staged for the key last; empty when it did not. Looks through all of the batch.
  std::optional<ByteView> staged(Family family, ByteView key) const;
  // Each row that put() staged in the family, in order; until `take` says no.
  void each(Family family, const std::function<bool(ByteView key, ByteView value)>& take) const;
  bool empty() const { return ops_.empty(); }
  std::size_t rows() const { return rows_; }
  std::size_t bytes() const { return bytes_; }

 private:
  friend class Store;
  Bytes ops_;  // op ‖ family ‖ u32 key length ‖ u32 value length ‖ key ‖ value
  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;
};

// Rows of one family in key order, as they were when the cursor was made. Keys and values are valid until
// next().
class Cursor {
 public:
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();

  bool valid() const;
  void next();
  ByteView key() const;
  ByteView value() const;
  // Why it ended: success at the end of the range, kDataLoss when the disk refused.
  Status status() const;

 private:
  friend class Store;
  struct Rows;
  explicit Cursor(std::unique_ptr<Rows> rows);
  std::unique_ptr<Rows> rows_;
};

struct StoreOptions {
  rocksdb::Env* env = nullptr;            // outlives the store; null: the machine's own files
  std::size_t cache_bytes = 32 << 20;     // block cache, shared by all families
  std::size_t memtable_bytes = 64 << 20;  // all families together, then they are flushed
  // What an opening has to replay at most; beyond it memtables are flushed. More keeps an operator waiting.
  std::uint64_t wal_bytes = 128 << 20;
  std::size_t anchor_bytes = 8 << 20;  // of the file beside the directory, <path>.anchor; at least 128 KiB
  bool spare_disk = false;             // opening writes nothing that can wait: for a disk that is full
};

class Store {
 public:
  // Creates the directory's database when there is none. One process at a time.
  static Result<std::unique_ptr<Store>> open(const std::string& path, const StoreOptions& options = {});
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Result<std::optional<std::string>> get(Family family, ByteView key) const;
  // Rows whose key starts with `prefix`, from `from` on (a full key; empty: from the start).
  Cursor scan(Family family, ByteView prefix = {}, ByteView from = {}) const;
  struct Row {
    std::string key;
    std::string value;
  };
  // The row with the greatest key that starts with `prefix`.
  Result<std::optional<Row>> last(Family family, ByteView prefix = {}) const;

  // Adds to the batch while the disk is at work. Gets the rows as they read back from the anchor, or nothing
  // when they were too many for it and stand in the store already. What it adds must follow from the batch
  // and the head: after a power cut it may be missing, and its owner makes it again.
  using Meanwhile = std::function<Status(const Batch& written, Batch& more)>;
  Status commit(const Batch& batch, const LogHead& head, const Meanwhile& meanwhile = nullptr);
  // The ledger's head stays what it is.
  Status commit(const Batch& batch);
  // The first half of a commit: afterwards it is durable, and nobody has seen it. Without a head the ledger's
  // stays what it is. Commits are flushed one after the other; a later one may be before the one in front of
  // it is settled.
  Status flush(const Batch& batch, const std::optional<LogHead>& head, const Meanwhile& meanwhile = nullptr);
  // The second half, of the oldest that was flushed and not settled yet.
  Status settle();
  // Whether a commit failed since the store was opened.
  bool broken() const;
  // A consistent copy of everything committed so far, in a new directory on the same file system: files that
  // no longer change are linked, not copied. Commits go on meanwhile.
  Status copy_to(const std::string& directory) const;

  // Empty before the first commit.
  std::optional<LogHead> head() const;
  // Heads the anchor held when the store was opened, oldest first; a store that is not in quarantine has
  // reached all of them.
  const std::vector<LogHead>& anchored_heads() const;
  // Why nothing here may be built on: it has fallen behind the anchor (rule "storage/behind"), or was told
  // so.
  const std::optional<Error>& quarantine() const;
  // Somebody holds more of this ledger, or another, than the store does: no commit from now on, and in
  // quarantine whenever it is opened again.
  Status enter_quarantine(const Error& why);
  // For whoever brings a store in quarantine back (node/recovery). Durable, and of no account until
  // end_quarantine().
  Status mend(const Batch& batch);
  // These rows, then a new anchor: opened again, the store stands at `head` and takes commits.
  Status end_quarantine(const Batch& batch, const LogHead& head);

 private:
  struct Database;
  explicit Store(std::unique_ptr<Database> database);
  Status catch_up(const StoreOptions& options, const std::string& path);
  Status write_rows(const Bytes& ops, bool durable);
  Status make_durable();
  Status flush_entry(AnchorEntry& entry, const Meanwhile& meanwhile);
  Status settle_rows(std::uint64_t number);
  Status failing(Status status);
  std::unique_ptr<Database> database_;
};

}  // namespace tocsin::storage
