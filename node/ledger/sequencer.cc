#include "node/ledger/sequencer.h"

#include <algorithm>

#include "node/ledger/answers.h"
#include "node/ledger/process_step.h"
#include "node/metrics/metrics.h"
#include "protocol/log/checkpoint.h"
#include "storage/keys.h"

namespace tocsin::node {
namespace {

Error failed_ledger() {
  return Error{Code::kFailedPrecondition,
               "an earlier write failed; the ledger must be opened again",
               "ledger/failed",
               {},
               {}};
}

}  // namespace

// One commit, from its first append to its answers.
struct Ledger::Sequencer::Commit {
  Commit(Changes staged_on, std::uint64_t at_size, std::uint64_t now)
      : changes(std::move(staged_on)), from(at_size), size(at_size), time_ms(now) {}

  struct Answer {
    AppendDone done;
    Result<Appended> appended;
  };
  Changes changes;
  const std::uint64_t from;  // the ledger's size before it
  std::uint64_t size;        // with everything placed so far
  std::uint64_t time_ms;     // of its records
  std::vector<Placed> placed;
  std::vector<Answer> answers;
  std::map<IdempotencyKey, Appended> keys;
  std::uint64_t started_us = 0;
  std::uint64_t flush_us = 0;  // what the disk took

  // Once it is laid out.
  storage::Batch batch;
  LedgerHead next;  // the checkpoint comes while it is flushed
  Status status;    // why it cannot be written, then how the disk took it

  bool writes() const { return batch.rows() > 0; }
};

Ledger::Sequencer::Sequencer(storage::Store& store, Runtime& runtime, LedgerKeys keys)
    : log(store),
      sealer(std::move(keys.kek), std::move(keys.chain_key)),
      signers(std::move(keys.operational)),
      self(keys.self),
      origin(std::move(keys.origin)),
      store_(store),
      runtime_(runtime),
      descriptor_(std::move(keys.descriptor)) {
  if (keys.next) signers.add(std::move(*keys.next));
  head_.registry = registry_ = std::make_shared<const protocol::Registry>();
}

LedgerHead Ledger::Sequencer::head() const {
  const std::lock_guard lock(mu_);
  return head_;
}

void Ledger::Sequencer::push(Append append, AppendDone done) {
  if (append.drafts.size() > kDraftsPerAppendMax)
    return refuse(done, {Code::kInvalidArgument, "too many records in one append", "ledger/drafts", {}, {}});
  if (gate)
    if (Status open = gate(append); !open) return refuse(done, std::move(open.error()));
  Pending pending{{}, std::move(append.effects), append.key, std::move(done)};
  pending.records.reserve(append.drafts.size());
  const auto fill = random();
  for (Draft& draft : append.drafts) {
    auto sealed = sealer.seal(std::move(draft), fill);
    if (!sealed) return refuse(pending.done, std::move(sealed.error()));
    pending.records.push_back(std::move(*sealed));
  }
  std::optional<Error> refused;
  {
    const std::lock_guard lock(mu_);
    if (failed_) {
      refused = halted_ ? *halted_ : failed_ledger();
    } else if (queue_.size() >= kPendingAppendsMax) {
      refused = Error{Code::kResourceExhausted, "too many appends are waiting", "ledger/queue", {}, {}};
    } else {
      queue_.push_back(std::move(pending));
      schedule_locked();
    }
  }
  if (refused) refuse(pending.done, std::move(*refused));
}

void Ledger::Sequencer::refuse(AppendDone& done, Error error) {
  if (metrics != nullptr) metrics->ledger_refused.add();
  done(fail(std::move(error)));
}

void Ledger::Sequencer::halt(Error why) {
  const std::lock_guard lock(mu_);
  failed_ = true;
  if (!halted_) halted_ = std::move(why);
}

void Ledger::Sequencer::schedule_locked() {
  if (scheduled_ || waiting_) return;
  scheduled_ = true;
  runtime_.post(Lane::kSequencer, [alive = std::weak_ptr<Sequencer*>(alive_)] {
    if (const auto held = alive.lock()) (*held)->sequence_once();
  });
}

std::size_t Ledger::Sequencer::records_wanted() const {
  if (flush_us_ > kQuickFlushUs) return kRecordsPerCommitMax;
  return std::clamp<std::size_t>(kQuickCommitBytes / bytes_a_record_, 1, kRecordsPerCommitMax);
}

std::deque<Ledger::Sequencer::Pending> Ledger::Sequencer::take() {
  const std::size_t most = records_wanted();
  std::deque<Pending> taken;
  const std::lock_guard lock(mu_);
  scheduled_ = false;
  std::size_t records = 0;
  waiting_ = on_their_way_.size() >= kCommitsOnTheirWayMax;
  while (!queue_.empty() && !waiting_) {
    // What the effects read must be in the store.
    if (queue_.front().effects && !on_their_way_.empty()) {
      waiting_ = true;
      break;
    }
    records += std::max<std::size_t>(queue_.front().records.size(), 1);
    if (!taken.empty() && records > most) break;
    taken.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  if (!queue_.empty()) schedule_locked();
  return taken;
}

void Ledger::Sequencer::sequence_once() {
  std::deque<Pending> taken = take();
  if (taken.empty()) return;
  std::shared_ptr<Commit> commit = prepare(std::move(taken));
  if (on_their_way_.empty() && commit->placed.size() < hand_over_from) {
    flush(*commit);
    return finish(*commit);
  }
  on_their_way_.push_back(commit);
  runtime_.post(Lane::kDisk, [commit, alive = std::weak_ptr<Sequencer*>(alive_)] {
    const auto held = alive.lock();
    if (!held) return;
    (*held)->flush(*commit);
    (*held)->runtime_.post(Lane::kSequencer, [alive] {
      if (const auto still_held = alive.lock()) (*still_held)->go_on();
    });
  });
}

// The oldest commit on its way has come back from the disk.
void Ledger::Sequencer::go_on() {
  const std::shared_ptr<Commit> commit = std::move(on_their_way_.front());
  on_their_way_.pop_front();
  finish(*commit);
  const std::lock_guard lock(mu_);
  waiting_ = false;
  if (!queue_.empty()) schedule_locked();
}

std::shared_ptr<Ledger::Sequencer::Commit> Ledger::Sequencer::prepare(std::deque<Pending> taken) {
  std::vector<const Changes*> before;
  for (const auto& commit : on_their_way_) before.push_back(&commit->changes);
  const auto commit = std::make_shared<Commit>(Changes(store_, registry_, std::move(before)), tree_.size(),
                                               std::max(runtime_.now_ms(), last_time_ms_));
  commit->started_us = runtime_.steady_us();
  commit->placed.reserve(taken.size());
  commit->answers.reserve(taken.size());
  for (Pending& pending : taken) {
    const std::uint64_t size_before = commit->size;
    const std::size_t placed_before = commit->placed.size();
    Status staged = stage(*commit, pending);
    if (staged) continue;
    commit->changes.drop();
    commit->size = size_before;
    commit->placed.erase(commit->placed.begin() + static_cast<std::ptrdiff_t>(placed_before),
                         commit->placed.end());
    // Answered with the commit: it may rest on what the ones in front of it say.
    commit->answers.push_back({std::move(pending.done), tl::unexpected<Error>(std::move(staged.error()))});
  }
  commit->status = lay_out(*commit);
  return commit;
}

Result<std::optional<Appended>> Ledger::Sequencer::answered_before(const Commit& commit,
                                                                   const IdempotencyKey& key) const {
  if (const auto found = commit.keys.find(key); found != commit.keys.end())
    return std::optional<Appended>(found->second);
  for (const auto& before : on_their_way_)
    if (const auto found = before->keys.find(key); found != before->keys.end())
      return std::optional<Appended>(found->second);
  TRY_ASSIGN(const auto row, store_.get(storage::Family::kIdempotency, key));
  if (!row) return std::optional<Appended>();
  TRY_ASSIGN(const StoredAnswer answer, parse_answer(as_view(*row)));
  return std::optional<Appended>(Appended{answer.first, answer.count, nullptr});
}

Status Ledger::Sequencer::stage(Commit& commit, Pending& pending) {
  {
    const std::lock_guard lock(mu_);
    if (failed_) return fail(halted_ ? *halted_ : failed_ledger());
  }
  if (pending.key) {
    TRY_ASSIGN(const auto before, answered_before(commit, *pending.key));
    if (before) {
      commit.answers.push_back({std::move(pending.done), *before});
      return {};
    }
  }
  if (pending.effects) TRY(pending.effects(commit.changes));
  const Appended appended{commit.size, pending.records.size(), nullptr};
  for (SealedDraft& draft : pending.records) TRY(place(commit, std::move(draft)));
  if (pending.key) {
    commit.keys.emplace(*pending.key, appended);
    commit.changes.batch().put(storage::Family::kIdempotency, *pending.key,
                               encode_answer({appended.first_index, appended.count, commit.time_ms}));
  }
  commit.changes.keep();
  commit.answers.push_back({std::move(pending.done), appended});
  return {};
}

Status Ledger::Sequencer::place(Commit& commit, SealedDraft draft) {
  TRY_ASSIGN(const auto before, commit.changes.chain(self, draft.chain));
  protocol::Leaf leaf;
  leaf.event = static_cast<std::uint16_t>(draft.event.event());
  leaf.flags = draft.personal ? protocol::kLeafPersonal : std::uint16_t{0};
  leaf.time_ms = commit.time_ms;
  leaf.chain = draft.chain;
  if (before) {
    leaf.chain_seq = before->seq + 1;
    leaf.previous = before->leaf;
    leaf.previous_index = before->index;
  }
  leaf.body_root = draft.body_root;
  Placed placed;
  placed.leaf = protocol::encode_leaf(leaf);
  placed.leaf_hash = protocol::leaf_hash(placed.leaf);
  OwnRecord record{{commit.size, leaf, placed.leaf_hash, &draft.event, {}}, draft.subject};
  std::copy_n(draft.plain_key_a.expose().begin(), record.view.key_a.size(), record.view.key_a.begin());
  TRY(apply_own_record(commit.changes, self, record, draft.sealed));
  const Hash about = draft.subject.kind == Subject::Kind::kSignal ? draft.subject.signal : Hash{};
  commit.changes.put_chain(self, draft.chain, {leaf.chain_seq, commit.size, placed.leaf_hash, about});
  placed.draft = std::move(draft);
  commit.placed.push_back(std::move(placed));
  ++commit.size;
  return {};
}

// Everything the commit writes, as rows on top of what is on its way.
Status Ledger::Sequencer::lay_out(Commit& commit) {
  TRY_ASSIGN(commit.batch, commit.changes.finish());
  std::vector<Hash> hashes;
  hashes.reserve(commit.placed.size());
  for (std::size_t i = 0; i < commit.placed.size(); ++i) {
    const Placed& placed = commit.placed[i];
    const std::uint64_t index = commit.from + i;
    storage::LogStore::put_leaf(commit.batch, index, placed.leaf);
    storage::LogStore::put_sealed(commit.batch, index, placed.draft.sealed);
    storage::LogStore::put_key(commit.batch, index, protocol::SlotClass::kAccountability, placed.draft.key_a);
    if (!placed.draft.key_p.empty())
      storage::LogStore::put_key(commit.batch, index, protocol::SlotClass::kPersonal, placed.draft.key_p);
    hashes.push_back(placed.leaf_hash);
  }
  if (commit.placed.empty()) return {};
  bytes_a_record_ = std::max<std::size_t>(commit.batch.bytes() / commit.placed.size(), 1);
  tree_.append(hashes);
  for (const auto& tile : tree_.take_changed()) storage::LogStore::put_tile(commit.batch, tile);
  registry_ = commit.changes.kept_registry();
  last_time_ms_ = commit.time_ms;
  commit.next = {{tree_.size(), tree_.range().root()}, nullptr, commit.time_ms, registry_};
  return {};
}

// The leaves as the store has them are the ones the tree was grown by: a bit that flipped on the way to the
// disk is never signed over.
Status Ledger::Sequencer::read_back(const Commit& commit, const storage::Batch& written) const {
  const auto differs = [] {
    return fail(Code::kDataLoss, "a record reads back differently from what was written", "ledger/read-back");
  };
  const std::size_t count = commit.placed.size();
  Bytes leaves;
  if (written.empty()) {
    TRY_ASSIGN(leaves, log.leaves(commit.from, count));
  } else {
    leaves.reserve(count * protocol::kLeafBytes);
    std::uint64_t next = commit.from;
    written.each(storage::Family::kLeaf, [&](ByteView key, ByteView leaf) {
      if (!equal(key, storage::index_key(next)) || leaf.size() != protocol::kLeafBytes) return false;
      tocsin::append(leaves, leaf);
      ++next;
      return true;
    });
    if (next != commit.size) return differs();
  }
  std::vector<Hash> hashes(count);
  crypto::leaf_hashes(leaves, protocol::kLeafBytes, hashes);
  for (std::size_t i = 0; i < count; ++i)
    if (hashes[i] != commit.placed[i].leaf_hash) return differs();
  return {};
}

// The checkpoint is signed while the disk writes, over what was read back.
void Ledger::Sequencer::flush(Commit& commit) {
  if (!commit.status || !commit.writes()) return;
  if (commit.placed.empty()) {
    commit.status = store_.flush(commit.batch, std::nullopt);
    return;
  }
  commit.status = store_.flush(
      commit.batch, sealer.seal_head(commit.next.tree),
      [&](const storage::Batch& written, storage::Batch& more) -> Status {
        TRY(read_back(commit, written));
        TRY_ASSIGN(std::string note, signers.sign(origin, commit.next.tree, *commit.next.registry));
        commit.next.checkpoint = std::make_shared<const std::string>(std::move(note));
        storage::LogStore::put_checkpoint(more, commit.next.tree.size, *commit.next.checkpoint);
        commit.flush_us = runtime_.steady_us();
        return {};
      });
  commit.flush_us = runtime_.steady_us() - commit.flush_us;
}

void Ledger::Sequencer::publish(Commit& commit) {
  LedgerHead next = std::move(commit.next);
  {
    const std::lock_guard lock(mu_);
    if (commit.placed.empty())
      next = head_;
    else
      head_ = next;
  }
  if (listener) listener({std::move(next), commit.from, commit.changes.take_changed_cases()});
}

void Ledger::Sequencer::finish(Commit& commit) {
  if (commit.status && commit.writes()) commit.status = store_.settle();
  // What was prepared on top of a commit that failed must not stand either.
  if (commit.status && broken_) commit.status = fail(failed_ledger());
  if (!commit.status) {
    broken_ = true;
    const std::lock_guard lock(mu_);
    failed_ = true;
  }
  if (!commit.placed.empty()) flush_us_ = commit.flush_us;
  if (commit.status && commit.writes()) publish(commit);
  if (metrics != nullptr && commit.writes())
    metrics->ledger_commit.observe_us(runtime_.steady_us() - commit.started_us);
  const std::shared_ptr<const std::string> checkpoint = head().checkpoint;
  for (Commit::Answer& answer : commit.answers) {
    if (!commit.status) {
      refuse(answer.done, commit.status.error());
    } else if (!answer.appended) {
      refuse(answer.done, std::move(answer.appended.error()));
    } else {
      answer.appended->checkpoint = checkpoint;
      answer.done(std::move(answer.appended));
    }
  }
  commit.answers.clear();
}

}  // namespace tocsin::node
