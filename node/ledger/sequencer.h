#pragma once
// Ledger::Sequencer: the queue of appends, and the one thread's worth of state that turns them into commits.
//
// A commit is made in three steps. prepare(): rules, chains, the tree, its rows; flush(): the disk; finish():
// it is seen, published and answered. Flushing runs on Lane::kDisk while the next commit is prepared on top
// of what is on its way; a few records alone are flushed where they were prepared, since changing threads
// costs more than it gains. Commits are flushed and finished in the order they were prepared, and one that
// fails takes all behind it with it: nothing of them is answered with success. Effects read the store, so an
// append that has some waits until nothing is on its way. Concurrency: push() and head() from any thread;
// flush() on either lane, one at a time; everything else on the sequencer's lane.

#include <deque>
#include <map>
#include <mutex>

#include "node/ledger/changes.h"
#include "node/ledger/checkpoint_signer.h"
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
  CheckpointSigner signers;
  const Hash self;
  const std::string origin;
  Listener listener;
  Metrics* metrics = nullptr;
  Gate gate;
  std::size_t hand_over_from = kHandOverFrom;

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
  std::size_t records_wanted() const;
  std::shared_ptr<Commit> prepare(std::deque<Pending> taken);
  Result<std::optional<Appended>> answered_before(const Commit& commit, const IdempotencyKey& key) const;
  Status stage(Commit& commit, Pending& pending);
  Status place(Commit& commit, SealedDraft draft);
  Status lay_out(Commit& commit);
  void flush(Commit& commit);
  Status read_back(const Commit& commit, const storage::Batch& written) const;
  void finish(Commit& commit);
  void publish(Commit& commit);
  void go_on();
  void schedule_locked();

  // Constant after construction.
  storage::Store& store_;
  Runtime& runtime_;
  const Bytes descriptor_;

  // Owned by the sequencer: the ledger with everything that was prepared.
  protocol::TileWriter tree_;
  std::uint64_t last_time_ms_ = 0;
  std::shared_ptr<const protocol::Registry> registry_;
  bool broken_ = false;                               // a commit failed
  std::uint64_t flush_us_ = 0;                        // how long the disk took for the last one
  std::size_t bytes_a_record_ = 700;                  // of the last commit
  std::deque<std::shared_ptr<Commit>> on_their_way_;  // handed to the disk and not finished, oldest first

  // Guarded by mu_.
  mutable std::mutex mu_;
  std::deque<Pending> queue_;
  bool scheduled_ = false;
  bool waiting_ = false;  // the queue's front waits for a commit on its way, which schedules it
  bool failed_ = false;
  std::optional<Error> halted_;  // what to say instead, when it was told to stop
  LedgerHead head_;

  // Posted tasks hold it weakly: a task that outlives the ledger does nothing.
  const std::shared_ptr<Sequencer*> alive_ = std::make_shared<Sequencer*>(this);
};

}  // namespace tocsin::node
