#pragma once
// Ledger::Sequencer: the queue of appends, and the one thread's worth of state that turns them into commits.
//
// Concurrency: push() and head() from any thread; everything else on the sequencer's lane.

#include <deque>
#include <map>
#include <mutex>

#include "node/ledger/changes.h"
#include "node/ledger/ledger.h"
#include "node/ledger/record_seal.h"
#include "node/runtime/runtime.h"
#include "protocol/log/tile.h"

namespace tocsin::node {

class Ledger::Sequencer {
 public:
  Sequencer(storage::Store& store, Runtime& runtime, LedgerKeys keys);

  // Reads and checks what is stored; appends GENESIS to an empty store.
  Status start();
  void push(Append append, AppendDone done);
  void sequence_once();
  void halt(Error why);

  LedgerHead head() const;
  RecordSealer::FillRandom random() {
    return [this](std::span<std::uint8_t> out) { runtime_.fill_random(out); };
  }

  const storage::LogStore log;
  const RecordSealer sealer;
  const Hash self;
  const std::string origin;
  Listener listener;
  Metrics* metrics = nullptr;
  Gate gate;

 private:
  struct Pending {
    std::vector<SealedDraft> records;
    Effects effects;
    std::optional<IdempotencyKey> key;
    AppendDone done;
  };
  // A record with its place: what is about to be written.
  struct Placed {
    SealedDraft draft;
    protocol::LeafBytes leaf{};
    Hash leaf_hash{};
  };
  struct Commit;

  void refuse(AppendDone& done, Error error);
  Status write_genesis();
  Status check_start(const storage::LogHead& stored);
  Status check_checkpoints(const storage::LogHead& stored);
  Status check_right_edge(std::uint64_t size);
  Result<std::shared_ptr<const protocol::Registry>> replay_registry() const;
  std::deque<Pending> take();
  Result<std::optional<Appended>> answered_before(const Commit& commit, const IdempotencyKey& key) const;
  Status stage(Commit& commit, Pending& pending);
  Status place(Commit& commit, SealedDraft draft);
  Status write(Commit& commit);
  Status write_rows(const Commit& commit, const storage::Batch& batch, LedgerHead& next);
  Status read_back(const Commit& commit, const storage::Batch& written) const;
  void schedule_locked();

  // Constant after construction.
  storage::Store& store_;
  Runtime& runtime_;
  const crypto::SigningKey operational_;
  const Bytes descriptor_;

  // Owned by the sequencer.
  protocol::TileWriter tree_;
  std::uint64_t last_time_ms_ = 0;

  // Guarded by mu_.
  mutable std::mutex mu_;
  std::deque<Pending> queue_;
  bool scheduled_ = false;
  bool failed_ = false;
  std::optional<Error> halted_;  // what to say instead, when it was told to stop
  LedgerHead head_;

  // Posted tasks hold it weakly: a task that outlives the ledger does nothing.
  const std::shared_ptr<Sequencer*> alive_ = std::make_shared<Sequencer*>(this);
};

}  // namespace tocsin::node
