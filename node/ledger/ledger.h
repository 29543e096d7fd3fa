#pragma once
// Ledger: the node's own append-only log and its one sequencer. Everything that happens enters here.
//
// append() takes drafts from any thread and answers when they are durable: indices assigned, one synced
// RocksDB batch written with leaves, sealed bodies, tiles, projections and the signed checkpoint. Drafts of
// one append stand or fall together; a draft that breaks a rule fails its append alone, with the rule's id,
// and nothing of it is written. A page of a peer's ledger travels the same way (Effects), so that what it
// changes and our own receipts for it are one commit. Nothing is acknowledged before the sync; after a failed
// write the ledger refuses everything (kFailedPrecondition, "ledger/failed") until it is opened again.
// Opening recomputes the tree's right edge and refuses (kDataLoss, "ledger/start") a store that is not
// exactly what its newest checkpoint signs. Concurrency: append() and the readers from any thread;
// sequence_once() on Lane::kSequencer alone; the disk is waited for on Lane::kDisk while the next commit is
// prepared. Source: ledger.md of the design; SPEC §3-§6.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/base/secret.h"
#include "crypto/sign.h"
#include "node/ledger/draft.h"
#include "protocol/log/leaf.h"
#include "protocol/log/proof.h"
#include "storage/log_store.h"
#include "storage/store.h"

namespace tocsin::v1 {
class Case;
class Opening;
class SealedRecord;
}  // namespace tocsin::v1
namespace tocsin::protocol {
class Registry;
}

namespace tocsin::node {

class Changes;
class Runtime;
struct Metrics;

inline constexpr std::size_t kDraftsPerAppendMax = 4096;   // bounds one commit's memory
inline constexpr std::size_t kPendingAppendsMax = 16384;   // beyond it append() answers kResourceExhausted
inline constexpr std::size_t kRecordsPerCommitMax = 8192;  // bounds one commit's latency
inline constexpr std::size_t kCommitsOnTheirWayMax = 2;    // one at the disk, one prepared for it
// Fewer records, with nothing on its way, are flushed where they were prepared.
inline constexpr std::size_t kHandOverFrom = 8;
// While a flush takes no longer than this, a commit takes about so many bytes of rows and leaves the rest to
// the next: the anchor carries it, so it costs one flush. A slower disk gets all there is at once.
inline constexpr std::uint64_t kQuickFlushUs = 500;
inline constexpr std::size_t kQuickCommitBytes = 12 << 10;

struct LedgerKeys {
  crypto::SigningKey operational;               // signs checkpoints, as long as the ledger names it
  Secret<32> chain_key;                         // blinds subjects into chain ids
  Secret<32> kek;                               // wraps record keys
  std::string origin;                           // C2SP origin of the checkpoints
  Hash self{};                                  // root fingerprint
  Bytes descriptor;                             // serialised SignedDescriptor, for GENESIS
  std::optional<crypto::SigningKey> next = {};  // one that the ledger may name already: see add_key()
};

struct Appended {
  std::uint64_t first_index = 0;  // where it stands; the ledger's size when count is 0
  std::uint64_t count = 0;
  std::shared_ptr<const std::string> checkpoint;  // signed note that covers them, already durable
};
using AppendDone = std::function<void(Result<Appended>)>;

// What the page of a peer's ledger changes. An error drops the whole append.
using Effects = std::function<Status(Changes&)>;
using IdempotencyKey = FixedBytes<16>;

struct Append {
  std::vector<Draft> drafts;
  Effects effects = nullptr;               // runs on the sequencer, before the drafts are judged
  std::optional<IdempotencyKey> key = {};  // the same key again changes nothing and gets the first answer
  bool correction = false;  // takes something back: written even into the last room on the disk
};

// The ledger as of its last durable commit.
struct LedgerHead {
  protocol::TreeHead tree;
  std::shared_ptr<const std::string> checkpoint;
  std::uint64_t time_ms = 0;                           // of the last record
  std::shared_ptr<const protocol::Registry> registry;  // what the 05xx records up to here say
};

class Ledger {
 public:
  // Told of each commit on Lane::kSequencer, after the sync and before its callers are answered.
  struct Committed {
    LedgerHead head;
    std::uint64_t from = 0;         // our records [from, head.tree.size) are new
    std::vector<v1::Case> changed;  // cases that are new or different
  };
  using Listener = std::function<void(const Committed&)>;

  // Appends GENESIS to a new store. The references outlive the ledger.
  static Result<std::unique_ptr<Ledger>> open(storage::Store& store, Runtime& runtime, LedgerKeys keys);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // `done` runs on Lane::kSequencer, or at once when the append is refused unseen (schema, limits, failed
  // ledger).
  void append(Append append, AppendDone done);
  // Prepares what is waiting, up to kRecordsPerCommitMax, and sends it on its way; append() posts this.
  void sequence_once();
  // Instead of kHandOverFrom, before anything is appended: 1 sends every commit over Lane::kDisk.
  void hand_over_from(std::size_t records);
  // Signs nothing from the next commit on: every append gets `why`. Until the ledger is opened again.
  void halt(Error why);
  // A later operational key. A checkpoint is signed by the key that the ledger names at its size (SPEC §2),
  // and by every older one that was not forgotten.
  void add_key(crypto::SigningKey key);
  // Those older than this one sign no more.
  void forget_keys_before(const crypto::PublicKey& key);
  // Before anything is appended.
  void set_listener(Listener listener);
  // Before anything is appended; they outlive the ledger.
  void count_in(Metrics& metrics);
  // Asked on the caller's thread before an append is taken; its error is the append's answer. Set before the
  // first.
  using Gate = std::function<Status(const Append&)>;
  void set_gate(Gate gate);

  LedgerHead head() const;
  std::uint64_t size() const { return head().tree.size; }
  std::shared_ptr<const std::string> checkpoint() const { return head().checkpoint; }
  std::shared_ptr<const protocol::Registry> registry() const { return head().registry; }
  const Hash& self() const;
  const std::string& origin() const;
  Hash chain_of(const Subject& subject) const;

  // Readers of durable records; kOutOfRange beyond the size.
  Result<protocol::LeafBytes> leaf(std::uint64_t index) const;
  Result<Bytes> leaves(std::uint64_t from, std::uint64_t count) const;
  Result<v1::SealedRecord> sealed(std::uint64_t index) const;
  // Class P is opened only on demand and only where the record has it; else its root is given.
  Result<v1::Opening> opening(std::uint64_t index, bool personal = false) const;
  // The same for many in a row: `reader` is log().reader().
  Result<v1::Opening> opening(storage::LogReader& reader, std::uint64_t index, bool personal = false) const;
  Result<protocol::Proof> inclusion(std::uint64_t index, std::uint64_t size) const;
  Result<protocol::Proof> consistency(std::uint64_t old_size, std::uint64_t new_size) const;
  const storage::LogStore& log() const;

 private:
  class Sequencer;
  struct Proofs;
  explicit Ledger(std::unique_ptr<Sequencer> sequencer);
  const std::unique_ptr<Sequencer> sequencer_;
  const std::unique_ptr<Proofs> proofs_;
};

}  // namespace tocsin::node
