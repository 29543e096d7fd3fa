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

// One commit under construction.
struct Ledger::Sequencer::Commit {
  Commit(const storage::Store& store, const LedgerHead& head, std::uint64_t now)
      : changes(store, head.registry), size(head.tree.size), time_ms(now) {}

  struct Answer {
    AppendDone done;
    Appended appended;
  };
  Changes changes;
  std::uint64_t size;     // of the ledger with everything placed so far
  std::uint64_t time_ms;  // of its records
  std::vector<Placed> placed;
  std::vector<Answer> answers;
  std::map<IdempotencyKey, Appended> keys;
  bool effects = false;
};

Ledger::Sequencer::Sequencer(storage::Store& store, Runtime& runtime, LedgerKeys keys)
    : log(store),
      sealer(std::move(keys.kek), std::move(keys.chain_key)),
      self(keys.self),
      origin(std::move(keys.origin)),
      store_(store),
      runtime_(runtime),
      operational_(std::move(keys.operational)),
      descriptor_(std::move(keys.descriptor)) {
  head_.registry = std::make_shared<const protocol::Registry>();
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
  if (scheduled_) return;
  scheduled_ = true;
  runtime_.post(Lane::kSequencer, [alive = std::weak_ptr<Sequencer*>(alive_)] {
    if (const auto held = alive.lock()) (*held)->sequence_once();
  });
}

std::deque<Ledger::Sequencer::Pending> Ledger::Sequencer::take() {
  std::deque<Pending> taken;
  const std::lock_guard lock(mu_);
  scheduled_ = false;
  std::size_t records = 0;
  while (!queue_.empty()) {
    records += std::max<std::size_t>(queue_.front().records.size(), 1);
    if (!taken.empty() && records > kRecordsPerCommitMax) break;
    taken.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  if (!queue_.empty()) schedule_locked();
  return taken;
}

void Ledger::Sequencer::sequence_once() {
  std::deque<Pending> taken = take();
  if (taken.empty()) return;
  const std::uint64_t started_us = runtime_.steady_us();
  Commit commit(store_, head(), std::max(runtime_.now_ms(), last_time_ms_));
  for (Pending& pending : taken) {
    const std::uint64_t size_before = commit.size;
    const std::size_t placed_before = commit.placed.size();
    Status staged = stage(commit, pending);
    if (staged) continue;
    commit.changes.drop();
    commit.size = size_before;
    commit.placed.erase(commit.placed.begin() + static_cast<std::ptrdiff_t>(placed_before),
                        commit.placed.end());
    refuse(pending.done, std::move(staged.error()));
  }
  if (commit.answers.empty()) return;
  const Status written = write(commit);
  if (metrics != nullptr) metrics->ledger_commit.observe_us(runtime_.steady_us() - started_us);
  for (auto& answer : commit.answers) {
    if (!written) {
      refuse(answer.done, written.error());
      continue;
    }
    answer.appended.checkpoint = head().checkpoint;
    answer.done(std::move(answer.appended));
  }
}

Result<std::optional<Appended>> Ledger::Sequencer::answered_before(const Commit& commit,
                                                                   const IdempotencyKey& key) const {
  if (const auto found = commit.keys.find(key); found != commit.keys.end())
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
  commit.effects = commit.effects || pending.effects || pending.key;
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

// The leaves as the store has them are the ones the tree was grown by: a bit that flipped on the way to the
// disk is never signed over.
Status Ledger::Sequencer::read_back(const Commit& commit, const storage::Batch& written) const {
  const auto differs = [] {
    return fail(Code::kDataLoss, "a record reads back differently from what was written", "ledger/read-back");
  };
  const std::uint64_t from = tree_.size() - commit.placed.size();
  std::vector<Hash> hashes(commit.placed.size());
  Bytes leaves;
  if (written.empty()) {
    TRY_ASSIGN(leaves, log.leaves(from, hashes.size()));
  } else {
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      const auto leaf = written.staged(storage::Family::kLeaf, storage::index_key(from + i));
      if (!leaf || leaf->size() != protocol::kLeafBytes) return differs();
      tocsin::append(leaves, *leaf);
    }
  }
  crypto::leaf_hashes(leaves, protocol::kLeafBytes, hashes);
  for (std::size_t i = 0; i < hashes.size(); ++i)
    if (hashes[i] != commit.placed[i].leaf_hash) return differs();
  return {};
}

// The checkpoint is signed while the disk writes, over what was read back.
Status Ledger::Sequencer::write_rows(const Commit& commit, const storage::Batch& batch, LedgerHead& next) {
  if (commit.placed.empty()) return batch.rows() > 0 ? store_.commit(batch) : Status();
  next.tree = {tree_.size(), tree_.range().root()};
  next.time_ms = commit.time_ms;
  next.registry = commit.changes.kept_registry();
  return store_.commit(
      batch, sealer.seal_head(next.tree), [&](const storage::Batch& written, storage::Batch& more) -> Status {
        TRY(read_back(commit, written));
        next.checkpoint =
            std::make_shared<const std::string>(protocol::sign_checkpoint(operational_, {origin, next.tree}));
        storage::LogStore::put_checkpoint(more, next.tree.size, *next.checkpoint);
        return {};
      });
}

Status Ledger::Sequencer::write(Commit& commit) {
  const std::uint64_t from = tree_.size();
  LedgerHead next = head();
  const auto give_up = [this](Error error) {
    const std::lock_guard lock(mu_);
    failed_ = true;
    return fail(std::move(error));
  };
  auto batch = commit.changes.finish();
  if (!batch) return give_up(std::move(batch.error()));
  std::vector<Hash> hashes;
  hashes.reserve(commit.placed.size());
  for (std::size_t i = 0; i < commit.placed.size(); ++i) {
    const Placed& placed = commit.placed[i];
    const std::uint64_t index = from + i;
    storage::LogStore::put_leaf(*batch, index, placed.leaf);
    storage::LogStore::put_sealed(*batch, index, placed.draft.sealed);
    storage::LogStore::put_key(*batch, index, protocol::SlotClass::kAccountability, placed.draft.key_a);
    if (!placed.draft.key_p.empty())
      storage::LogStore::put_key(*batch, index, protocol::SlotClass::kPersonal, placed.draft.key_p);
    hashes.push_back(placed.leaf_hash);
  }
  tree_.append(hashes);
  for (const auto& tile : tree_.take_changed()) storage::LogStore::put_tile(*batch, tile);
  if (Status written = write_rows(commit, *batch, next); !written) return give_up(std::move(written.error()));
  last_time_ms_ = next.time_ms;
  {
    const std::lock_guard lock(mu_);
    head_ = next;
  }
  if (listener) listener({std::move(next), from, commit.changes.take_changed_cases()});
  return {};
}

}  // namespace tocsin::node
