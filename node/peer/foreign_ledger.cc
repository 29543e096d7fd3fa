#include "node/peer/foreign_ledger.h"

#include <algorithm>
#include <unordered_map>

#include "crypto/base/encoding.h"
#include "node/ledger/changes.h"
#include "node/members/members.h"
#include "protocol/identity/ids.h"
#include "protocol/log/checkpoint.h"
#include "protocol/process/case_state.h"
#include "protocol/process/fold.h"
#include "protocol/process/policy_override.h"
#include "protocol/process/rules.h"
#include "storage/chain_store.h"
#include "storage/receipt_store.h"
#include "storage/signal_store.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using protocol::OpenedRecord;
using protocol::Registry;
using protocol::SlotType;

protocol::RecordView view_of(const OpenedRecord& record) {
  return {record.index, record.leaf, record.leaf_hash, &record.event, record.key_a};
}

Result<Hash> as_hash(const std::string& bytes) {
  return fixed<32>(as_view(bytes), "a stored hash");
}

// Whether our own ledger says so already: a node that was put back to an earlier state pulls its peers'
// records again.
bool known_already(const Registry& ours, const Draft& draft) {
  const auto hash = [](const protocol::SlotValue& slot) {
    const auto out = fixed<32>(slot.value, "a hash");
    return out ? *out : Hash{};
  };
  switch (draft.event) {
    case Event::kGroupSet: {
      const auto* group = ours.current_group(hash(draft.slots[0]));
      return group != nullptr && group->epoch >= get_be<std::uint64_t>(draft.slots[1].value.data());
    }
    case Event::kCharterVersion: {
      const auto* charter = ours.charter(hash(draft.slots[0]));
      return charter != nullptr && charter->version >= get_be<std::uint64_t>(draft.slots[2].value.data());
    }
    case Event::kMemberAdded: {
      const auto descriptor = protocol::parse_descriptor(draft.slots[0].value);
      const auto* member = descriptor ? ours.member(descriptor->fingerprint()) : nullptr;
      return member != nullptr && member->descriptor.message().sequence() >= descriptor->message().sequence();
    }
    case Event::kMemberRemoved:
      return ours.member(hash(draft.slots[0])) == nullptr;
    default:
      return false;
  }
}

bool concerns_signals(Event event) {
  return event == Event::kPublished || event == Event::kRetractionIssued;
}

// The membership records of a coordinator that every member repeats in its own ledger (SPEC §8).
bool mirrored(const OpenedRecord& record, const Hash& coordinator) {
  switch (record.event.event()) {
    case Event::kGroupSet:
    case Event::kCharterVersion:
      return record.event.hash(protocol::kSlotOrigin) == coordinator;
    case Event::kMemberAdded:
    case Event::kMemberRemoved:
      return true;
    default:
      return false;
  }
}

}  // namespace

// A page that passed the arithmetic, with what follows from it and from the pages before it.
struct ForeignLedger::Page {
  protocol::VerifiedPage proved;
  v1::Openings openings;
  std::vector<OpenedRecord> records;
  std::vector<std::optional<Error>> broken;  // by record: the rule it breaks whatever its case is
  std::vector<std::vector<Hash>> signals;    // by record: what it is about, as far as it was opened to us
  std::unordered_map<Hash, storage::ChainHead, HashOfHash> chains;  // those it touches, as they are after it
  std::shared_ptr<const Registry> registry;
  storage::Batch rows;  // what is stored of it whatever the cases say
  bool to_be_receipted = false;
  std::string overridden_by;  // the policy that an override moved the reader to; empty: none did

  std::uint64_t end() const { return proved.from + proved.leaves.size(); }
};

struct ForeignLedger::View {
  Reached reached;
  std::shared_ptr<const protocol::ValidDescriptor> descriptor;
  std::vector<protocol::VerifierKey> keys;
  std::deque<PagePtr> pending;
};

ForeignLedger::ViewPtr ForeignLedger::view() const {
  return std::make_shared<const View>(View{taken_, descriptor_, log_keys(), pending_});
}

Result<std::unique_ptr<ForeignLedger>> ForeignLedger::open(storage::Store& store, Ledger& ledger,
                                                           Runtime& runtime,
                                                           const protocol::ValidDescriptor& peer) {
  std::unique_ptr<ForeignLedger> out(new ForeignLedger(store, ledger, runtime, peer.fingerprint()));
  TRY(out->set_descriptor(peer));
  protocol::FeedPosition& position = out->settled_.position;
  TRY_ASSIGN(const v1::PeerCursor cursor, out->peers_.cursor(out->peer_));
  if (!cursor.range().empty()) {
    TRY_ASSIGN(position.range, protocol::CompactRange::parse(as_view(cursor.range())));
  }
  position.last_time_ms = cursor.last_time_ms();
  if (!cursor.checkpoint().empty()) {
    TRY_ASSIGN(const protocol::Note note, protocol::parse_note(cursor.checkpoint()));
    TRY_ASSIGN(const protocol::Checkpoint checkpoint, protocol::parse_checkpoint(note.text));
    position.known = checkpoint.tree;
  }
  TRY_ASSIGN(out->settled_.registry, out->replay_registry());
  out->taken_ = out->settled_;
  return out;
}

Result<std::shared_ptr<const Registry>> ForeignLedger::replay_registry() const {
  auto registry = std::make_shared<Registry>();
  constexpr std::size_t kRead = 1024;
  for (std::uint64_t from = 0;;) {
    TRY_ASSIGN(const auto openings, peers_.openings(peer_, from, kRead));
    for (const v1::Opening& opening : openings) {
      from = opening.index() + 1;
      TRY_ASSIGN(const auto bytes, peers_.leaf(peer_, opening.index()));
      if (!bytes) return fail(Code::kDataLoss, "an opening is stored without its leaf", "storage/peer");
      TRY_ASSIGN(const protocol::Leaf leaf, protocol::parse_leaf(*bytes));
      const auto event = protocol::event_from_code(leaf.event);
      if (!event || !protocol::is_node_event(*event)) continue;
      TRY_ASSIGN(const OpenedRecord record, protocol::verify_opening(opening, leaf));
      registry->apply(view_of(record));
    }
    if (openings.size() < kRead) return std::shared_ptr<const Registry>(std::move(registry));
  }
}

Status ForeignLedger::set_descriptor(const protocol::ValidDescriptor& peer) {
  const bool another_key = !descriptor_ || peer.operational_key() != descriptor_->operational_key();
  // Checked here, so that log_keys() cannot fail: the origin is a valid key name.
  TRY(protocol::make_verifier_key(peer.message().log_origin(), protocol::KeyType::kEd25519,
                                  peer.operational_key()));
  descriptor_ = std::make_shared<const protocol::ValidDescriptor>(peer);
  if (!another_key) return {};
  settled_.note.clear();
  taken_.note.clear();
  return {};
}

// The key of the newest descriptor, whether a link or the ledger showed it; and for who has not read the
// change yet, the key in force where it reads: a checkpoint from before the change may be what it is shown
// (SPEC §7).
std::vector<protocol::VerifierKey> ForeignLedger::log_keys() const {
  std::vector<crypto::PublicKey> keys = {descriptor_->operational_key()};
  if (const protocol::ValidDescriptor* read = taken_.registry->self(); read != nullptr) {
    if (read->message().sequence() > descriptor_->message().sequence()) keys.clear();
    if (keys.empty() || keys.front() != read->operational_key()) keys.push_back(read->operational_key());
  }
  std::vector<protocol::VerifierKey> out;
  for (const crypto::PublicKey& key : keys) {
    auto verifier =
        protocol::make_verifier_key(descriptor_->message().log_origin(), protocol::KeyType::kEd25519, key);
    CHECK_INVARIANT(verifier.has_value());
    out.push_back(std::move(*verifier));
  }
  return out;
}

// R6: the policy in force where the reader stands, or what overrides it by the root key's word.
Status ForeignLedger::check_quorum(const View& view, Page& page, const v1::RecordsReply& reply) {
  const protocol::FeedPosition& position = view.reached.position;
  const auto* policy = view.reached.registry->witness_policy_at(position.range.size());
  // A checkpoint that was accepted before, by who had read less of the ledger, stays so.
  if (policy == nullptr || (position.known && *position.known == *page.proved.position.known)) return {};
  auto accepted = policy->policy->evaluate(reply.checkpoint(), view.keys);
  if (!accepted && reply.policy_overrides_size() > 0) {
    TRY_ASSIGN(page.overridden_by, follow_overrides(view, policy->text, reply));
    if (page.overridden_by != policy->text) {
      TRY_ASSIGN(const protocol::Policy after, protocol::Policy::parse(page.overridden_by));
      accepted = after.evaluate(reply.checkpoint(), view.keys);
    } else {
      page.overridden_by.clear();
    }
  }
  if (accepted) return {};
  return fail(Code::kFailedPrecondition, "its checkpoint lacks cosignatures: " + accepted.error().message,
              std::string(kQuorumMissingRule));
}

// An override replaces the policy it names and what came behind that, so one that names an earlier policy
// than the reader's counts too; one that the reader has read already moves nobody.
Result<std::string> ForeignLedger::follow_overrides(const View& view, std::string text,
                                                    const v1::RecordsReply& reply) {
  const auto& policies = view.reached.registry->witness_policies();
  for (const v1::PolicyOverride& told : reply.policy_overrides()) {
    const bool past = std::any_of(policies.begin(), policies.end(), [&](const auto& policy) {
      return equal(policy.override_signature, as_view(told.signature()));
    });
    const bool applies = told.before() == text ||
                         std::any_of(policies.begin(), policies.end(),
                                     [&](const auto& policy) { return policy.text == told.before(); });
    if (past || !applies) continue;
    if (const Status held = protocol::verify_policy_override(
            view.descriptor->root_key(), view.descriptor->message().log_origin(), told.before(), told.after(),
            told.reason(), as_view(told.signature()));
        !held)
      return fail(Code::kUnauthenticated, held.error().message, "feed/override");
    text = told.after();
  }
  return text;
}

std::string ForeignLedger::notice() const {
  const auto& policies = settled_.registry->witness_policies();
  if (policies.empty() || policies.back().override_reason.empty()) return {};
  return "its witness policy was replaced without the old quorum, by its root key: " +
         policies.back().override_reason;
}

// Who has read up to the checkpoint knows whose signature it must bear.
Status ForeignLedger::check_signer(const Page& page, const std::vector<protocol::VerifierKey>& believed) {
  const auto* in_force = page.registry->operational_at(page.end());
  if (!page.proved.position.known || page.end() != page.proved.position.known->size || in_force == nullptr)
    return {};
  // What moved the reader from its policy stands in the ledger, or did not happen.
  const auto& policies = page.registry->witness_policies();
  if (!page.overridden_by.empty() && std::none_of(policies.begin(), policies.end(), [&](const auto& policy) {
        return policy.text == page.overridden_by && !policy.override_reason.empty();
      }))
    return fail(Code::kDataLoss, "its policy was overridden, and its ledger does not say so",
                "feed/override");
  if (believed.size() == 1 && believed.front().key == in_force->key) return {};
  TRY_ASSIGN(const auto key,
             protocol::make_verifier_key(believed.front().name, protocol::KeyType::kEd25519, in_force->key));
  const auto opened = protocol::open_checkpoint(page.proved.checkpoint_note, std::span(&key, 1));
  if (!opened)
    return fail(Code::kUnauthenticated,
                "its checkpoint is not signed by the operational key that the ledger names", "feed/key");
  return {};
}

v1::RecordsRequest ForeignLedger::next_request() const {
  const protocol::FeedPosition& position = taken_.position;
  v1::RecordsRequest request;
  request.set_from(position.range.size());
  request.set_known_size(position.known ? position.known->size : 0);
  request.set_max_bytes(kPageBytes);
  return request;
}

std::optional<v1::RecordsRequest> ForeignLedger::request_after(const v1::RecordsReply& reply) {
  const auto note = protocol::parse_note(reply.checkpoint());
  if (!note) return std::nullopt;
  const auto checkpoint = protocol::parse_checkpoint(note->text);
  const std::uint64_t reached = reply.from() + reply.leaves().size() / protocol::kLeafBytes;
  if (!checkpoint || reached == reply.from() || reached >= checkpoint->tree.size) return std::nullopt;
  v1::RecordsRequest request;
  request.set_from(reached);
  request.set_known_size(checkpoint->tree.size);
  request.set_max_bytes(kPageBytes);
  return request;
}

ForeignLedger::Progress ForeignLedger::progress() const {
  const protocol::FeedPosition& position = settled_.position;
  return {position.range.size(), position.known ? position.known->size : 0};
}

// A chain as it is after what `page` says so far, the pages before it and what is stored.
Result<std::optional<storage::ChainHead>> ForeignLedger::chain(const View& view, const Page& page,
                                                               const Hash& id) const {
  if (const auto here = page.chains.find(id); here != page.chains.end())
    return std::optional<storage::ChainHead>(here->second);
  for (auto before = view.pending.rbegin(); before != view.pending.rend(); ++before)
    if (const auto there = (*before)->chains.find(id); there != (*before)->chains.end())
      return std::optional<storage::ChainHead>(there->second);
  return storage::ChainStore(store_).get(peer_, id);
}

Result<protocol::Leaf> ForeignLedger::earlier_leaf(const View& view, std::uint64_t index) const {
  for (const PagePtr& page : view.pending)
    if (page->proved.from <= index && index < page->end())
      return page->proved.leaves[static_cast<std::size_t>(index - page->proved.from)];
  TRY_ASSIGN(const auto bytes, peers_.leaf(peer_, index));
  if (!bytes) return fail(Code::kInvalidArgument, "an opening is of a record we do not hold", "feed/shape");
  return protocol::parse_leaf(*bytes);
}

Status ForeignLedger::open_records(const View& view, Page& page, const v1::RecordsReply& reply,
                                   std::span<const crypto::KemKey* const> envelope_keys) const {
  Result<v1::Openings> openings = fail(Code::kUnauthenticated, "no envelope key of ours", "feed/opening");
  for (const crypto::KemKey* key : envelope_keys) {
    openings = protocol::open_page({peer_, ledger_.self(), reply.from()}, *key, reply.page());
    if (openings) break;
  }
  if (!openings) return fail(std::move(openings).error());
  page.openings = std::move(*openings);
  TRY_ASSIGN(page.records, protocol::verify_openings(page.proved, page.openings, [&](std::uint64_t index) {
               return earlier_leaf(view, index);
             }));
  return protocol::check_nothing_withheld(page.records, [&](const Hash& id) {
    const auto head = chain(view, page, id);
    return head && *head && (*head)->signal != Hash{};
  });
}

// What the records say whatever the cases are: the registry after them, who breaks a rule by itself, and
// which signals each is about. A batch's attestation is verified here once, not once a signal.
Status ForeignLedger::judge_records(const View& view, Page& page) const {
  std::shared_ptr<Registry> changed;
  page.registry = view.reached.registry;
  for (const OpenedRecord& record : page.records) {
    const Event event = record.event.event();
    if (concerns_signals(event)) page.to_be_receipted = true;
    if (event == Event::kSubmitted) {
      TRY_ASSIGN(auto head, chain(view, page, record.leaf.chain));
      CHECK_INVARIANT(head.has_value());
      if (head->signal == Hash{}) {
        head->signal = protocol::signal_id(peer_, record.event.bytes(0));
        page.chains.insert_or_assign(record.leaf.chain, *head);
      }
    }
    if (!protocol::is_node_event(event)) continue;
    if (!changed) page.registry = changed = std::make_shared<Registry>(*page.registry);
    TRY(changed->judge(view_of(record), peer_));
    changed->apply(view_of(record));
  }
  const protocol::FoldContext context{peer_, *page.registry};
  for (const OpenedRecord& record : page.records) {
    auto& broken = page.broken.emplace_back();
    TRY_ASSIGN(page.signals.emplace_back(), signals_of(view, page, record));
    if (protocol::is_node_event(record.event.event())) continue;
    if (auto judged = protocol::judge_record(view_of(record), context); !judged)
      broken = std::move(judged).error();
  }
  return {};
}

Result<std::vector<Hash>> ForeignLedger::signals_of(const View& view, const Page& page,
                                                    const OpenedRecord& record) const {
  protocol::Covered over = protocol::covered(record.leaf, record.event);
  if (over.kind != protocol::Covered::Kind::kChains) return std::move(over.ids);
  std::vector<Hash> signals;
  signals.reserve(over.ids.size());
  for (const Hash& id : over.ids) {
    TRY_ASSIGN(const auto head, chain(view, page, id));
    if (head && head->signal != Hash{}) signals.push_back(head->signal);  // else never opened to us
  }
  return signals;
}

void ForeignLedger::prepare_rows(Page& page) const {
  const protocol::VerifiedPage& proved = page.proved;
  for (std::size_t i = 0; i < proved.leaves.size(); ++i)
    storage::PeerStore::put_leaf(page.rows, peer_, proved.from + i, protocol::encode_leaf(proved.leaves[i]));
  for (const v1::Opening& opening : page.openings.openings())
    storage::PeerStore::put_opening(page.rows, peer_, opening);
  for (const auto& [id, head] : page.chains) storage::ChainStore::put(page.rows, peer_, id, head);
  v1::PeerCursor cursor;
  cursor.set_range(to_string(proved.position.range.encode()));
  cursor.set_checkpoint(proved.checkpoint_note);
  cursor.set_last_time_ms(proved.position.last_time_ms);
  storage::PeerStore::put_cursor(page.rows, peer_, cursor);
  page.openings.Clear();
}

// Most polls find nothing new: the very head that was verified before costs no signature and no key exchange.
bool ForeignLedger::nothing_new(const View& view, const v1::RecordsReply& reply) {
  const protocol::FeedPosition& position = view.reached.position;
  return reply.leaves().empty() && !view.reached.note.empty() && reply.checkpoint() == view.reached.note &&
         reply.from() == position.range.size() && position.known && position.known->size == reply.from();
}

Result<ForeignLedger::PagePtr> ForeignLedger::prove(
    const View& view, const v1::RecordsReply& reply,
    std::span<const crypto::KemKey* const> envelope_keys) const {
  auto page = std::make_shared<Page>();
  if (nothing_new(view, reply)) {
    page->proved.from = reply.from();
    page->proved.position = view.reached.position;
    page->proved.checkpoint_note = reply.checkpoint();
    page->registry = view.reached.registry;
    return PagePtr(std::move(page));
  }
  std::unordered_map<Hash, Hash, HashOfHash> opened;  // chains the page goes on with -> their signals
  const auto head_of = [&](const Hash& id) -> Result<std::optional<protocol::ChainHead>> {
    TRY_ASSIGN(const auto head, chain(view, *page, id));
    if (!head) return std::optional<protocol::ChainHead>();
    opened[id] = head->signal;
    return std::optional(protocol::ChainHead{head->seq, head->index, head->leaf});
  };
  TRY_ASSIGN(page->proved, protocol::verify_page(view.reached.position, reply, view.keys, head_of));
  TRY(check_quorum(view, *page, reply));
  for (const auto& [id, head] : page->proved.chain_heads) {
    const auto before = opened.find(id);
    page->chains[id] = {head.seq, head.index, head.leaf_hash,
                        before == opened.end() ? Hash{} : before->second};
  }
  TRY(open_records(view, *page, reply, envelope_keys));
  TRY(judge_records(view, *page));
  TRY(check_signer(*page, view.keys));
  prepare_rows(*page);
  return PagePtr(std::move(page));
}

void ForeignLedger::take(PagePtr page) {
  taken_ = {page->proved.position, page->proved.checkpoint_note, page->registry};
  pending_.push_back(std::move(page));
}

void ForeignLedger::settle(const PagePtr& page) {
  CHECK_INVARIANT(!pending_.empty() && pending_.front() == page);
  settled_ = {page->proved.position, page->proved.checkpoint_note, page->registry};
  pending_.pop_front();
}

void ForeignLedger::rewind() {
  taken_ = settled_;
  pending_.clear();
}

bool ForeignLedger::accuses(const Error& error) {
  return !error.rule.starts_with("storage/") && error.rule != kQuorumMissingRule &&
         error.code != Code::kUnavailable;
}

// The store takes one piece of evidence a peer and commit: the first refusal speaks, every record refused is
// exhibited.
void ForeignLedger::exhibit(const OpenedRecord& record, const Error& why, v1::Evidence& evidence) const {
  if (evidence.exhibits().empty()) {
    evidence.set_at_ms(runtime_.now_ms());
    evidence.set_rule(why.rule);
    evidence.set_message(why.message);
    evidence.set_index(record.index);
  }
  evidence.add_exhibits(to_string(protocol::encode_leaf(record.leaf)));
}

// Whether the peer opened the record to us, with this page or before.
bool ForeignLedger::was_opened(const Page& page, std::uint64_t index) const {
  const auto at =
      std::lower_bound(page.records.begin(), page.records.end(), index,
                       [](const OpenedRecord& record, std::uint64_t i) { return record.index < i; });
  if (at != page.records.end() && at->index == index) return true;
  const auto held = peers_.opening(peer_, index);
  return held && held->has_value();
}

Status ForeignLedger::fold(Changes& changes, const Page& page, std::size_t at, v1::Evidence& evidence) const {
  const OpenedRecord& record = page.records[at];
  const Event event = record.event.event();
  if (protocol::is_node_event(event)) return {};
  if (event == Event::kReceipt)
    storage::ReceiptStore::put(changes.batch(), peer_, record.index, record.event);
  const protocol::RecordView view = view_of(record);
  const std::function<bool(std::uint64_t)> shown = [&](std::uint64_t index) {
    return was_opened(page, index);
  };
  const protocol::FoldContext context{peer_, *page.registry, true, false, &shown};
  const bool receiver = protocol::is_receiver_event(event);
  for (const Hash& signal : page.signals[at]) {
    TRY_ASSIGN(v1::Case* const value, changes.edit_case(signal));
    if (value->signal().empty()) {
      value->set_signal(to_string(signal));
      const bool another = receiver && record.event.has(protocol::kSlotOrigin);
      value->set_issuer(to_string(another ? record.event.hash(protocol::kSlotOrigin) : peer_));
    }
    if (value->origin().phase() == v1::REFUSED && !receiver) continue;
    // A publication opens again what an earlier one, to another group, has opened already.
    const bool again = event == Event::kSubmitted && value->origin().phase() != v1::PHASE_UNSPECIFIED &&
                       value->origin().submitted_index() == record.index;
    // A batch's review comes again with each publication that covers part of the batch.
    const bool folded = event == Event::kReviewed && value->origin().published_ms() != 0 &&
                        (record.index < value->origin().published_index() ||
                         protocol::has_folded(value->origin(), record.index));
    if (again || folded) continue;
    const auto& broken = page.broken[at];
    if (const Status judged = protocol::take(*value, view, context, broken ? &*broken : nullptr); !judged) {
      exhibit(record, judged.error(), evidence);
      continue;
    }
    if (event == Event::kPublished && value->held_ms() == 0) value->set_held_ms(runtime_.now_ms());
  }
  return {};
}

Status ForeignLedger::fold_page(Changes& changes, const Page& page, std::uint64_t& refused) const {
  changes.batch().append(page.rows);
  v1::Evidence evidence;
  for (std::size_t i = 0; i < page.records.size(); ++i) {
    const int before = evidence.exhibits_size();
    TRY(fold(changes, page, i, evidence));
    if (evidence.exhibits_size() != before) ++refused;
  }
  if (refused > 0) TRY(peers_.add_evidence(changes.batch(), peer_, std::move(evidence)));
  return {};
}

namespace {

// What was done on the retracted signals, and how much of it is undone already.
struct Redress {
  std::uint64_t actions = 0;
  std::uint64_t reversed = 0;
};

void count_actions(const v1::ReceiverState* ours, Redress& redress) {
  if (ours == nullptr) return;
  for (const v1::Matter& matter : ours->matters()) {
    redress.actions += matter.taken_ms() != 0;
    redress.reversed += matter.reinstated_ms() != 0;
  }
}

}  // namespace

// Empty when every signal of it has been answered: a peer that retracts twice must not stop its own feed.
Result<std::optional<Draft>> ForeignLedger::retraction_applied(const Page& page, std::size_t at,
                                                               std::set<Hash>& answered) const {
  const OpenedRecord& record = page.records[at];
  std::set<Hash> audience;
  std::vector<Hash> signals;
  Redress redress;
  for (const Hash& signal : page.signals[at]) {
    TRY_ASSIGN(const auto held, storage::SignalStore(store_).get(signal));
    const v1::ReceiverState* ours = held ? protocol::find_receiver(*held, ledger_.self()) : nullptr;
    if ((ours != nullptr && ours->phase() == v1::CLOSED) || !answered.insert(signal).second) continue;
    signals.push_back(signal);
    if (!held) continue;
    count_actions(ours, redress);
    for (const std::string& group : held->origin().groups()) {
      TRY_ASSIGN(const Hash id, as_hash(group));
      audience.insert(id);
    }
  }
  if (signals.empty()) return std::optional<Draft>();
  for (const OpenedRecord& other : page.records)
    if (other.event.event() == Event::kPublished) audience.insert(other.event.hash(0));
  Draft draft;
  draft.event = Event::kRetractionApplied;
  draft.slots = {protocol::slot_number(0, SlotType::kTime, runtime_.now_ms()),
                 protocol::slot_number(1, SlotType::kUint, 0),
                 protocol::slot_number(2, SlotType::kUint, redress.actions),
                 protocol::slot_number(3, SlotType::kUint, redress.reversed),
                 protocol::slot_number(4, SlotType::kUint, redress.actions - redress.reversed),
                 protocol::slot_number(5, SlotType::kUint, record.index),
                 protocol::slot_bytes(6, SlotType::kHash, record.leaf_hash),
                 protocol::slot_hashes(protocol::kSlotCovers, signals),
                 protocol::slot_bytes(protocol::kSlotOrigin, SlotType::kHash, peer_)};
  if (signals.size() == 1) {
    draft.subject = Subject::of_signal(signals.front());
  } else {
    draft.subject.kind = Subject::Kind::kBatch;
    runtime_.fill_random(draft.subject.batch);
  }
  draft.audience.assign(audience.begin(), audience.end());
  return std::optional<Draft>(std::move(draft));
}

Result<std::vector<Draft>> ForeignLedger::answers(const Page& page, bool coordinator) const {
  std::vector<Draft> drafts;
  const auto ours = ledger_.registry();
  for (const OpenedRecord& record : page.records) {
    if (!coordinator || !mirrored(record, peer_)) continue;
    Draft draft;
    draft.event = record.event.event();
    draft.slots.assign(record.event.slots().begin(), record.event.slots().end());
    if (draft.event == Event::kMemberAdded) {
      auto member = protocol::parse_descriptor(record.event.bytes(0));
      if (!member || member->fingerprint() == ledger_.self()) continue;
      for (protocol::SlotValue& slot : draft.slots)
        if (slot.slot == 2)
          slot = protocol::slot_number(2, SlotType::kEnum, 3);  // by the coordinator's record
    }
    if (!known_already(*ours, draft)) drafts.push_back(std::move(draft));
  }
  if (page.to_be_receipted) {
    const protocol::TreeHead& head = *page.proved.position.known;
    Draft draft;
    draft.event = Event::kReceipt;
    draft.slots = {protocol::slot_number(0, SlotType::kUint, page.proved.from),
                   protocol::slot_number(1, SlotType::kUint, page.end()),
                   protocol::slot_bytes(2, SlotType::kHash, head.root),
                   protocol::slot_number(3, SlotType::kUint, head.size),
                   protocol::slot_bytes(protocol::kSlotOrigin, SlotType::kHash, peer_)};
    draft.subject.kind = Subject::Kind::kBatch;
    runtime_.fill_random(draft.subject.batch);
    draft.members = true;
    drafts.push_back(std::move(draft));
  }
  std::set<Hash> answered;
  for (std::size_t i = 0; i < page.records.size(); ++i) {
    if (page.records[i].event.event() != Event::kRetractionIssued) continue;
    TRY_ASSIGN(auto draft, retraction_applied(page, i, answered));
    if (draft) drafts.push_back(std::move(*draft));
  }
  return drafts;
}

void ForeignLedger::write(const PagePtr& page, bool coordinator, Done done) const {
  if (page->proved.leaves.empty()) return done(0);  // nothing new; the head is stored with the next page
  auto drafts = answers(*page, coordinator);
  if (!drafts) return done(fail(std::move(drafts).error()));
  Append append;
  append.drafts = std::move(*drafts);
  append.correction = std::any_of(append.drafts.begin(), append.drafts.end(), [](const Draft& draft) {
    return draft.event == Event::kRetractionApplied;
  });
#if TOCSIN_PLANTED_FAULT == 1  // a receiver that never answers a retraction: the simulation must find it
  std::erase_if(append.drafts, [](const Draft& draft) { return draft.event == Event::kRetractionApplied; });
#endif
  auto refused = std::make_shared<std::uint64_t>(0);
  append.effects = [this, page, refused, mirrored = coordinator ? append.drafts : std::vector<Draft>()](
                       Changes& changes) -> Status {
    if (changes.registry().quarantined(peer_))
      return fail(Code::kFailedPrecondition, "the peer is in quarantine", std::string(kQuarantinedRule));
    TRY(fold_page(changes, *page, *refused));
    return Members::add_rows(changes, mirrored, runtime_.now_ms());
  };
  ledger_.append(std::move(append), [refused, done = std::move(done)](Result<Appended> appended) {
    if (!appended) return done(fail(std::move(appended).error()));
    done(*refused);
  });
}

void ForeignLedger::keep_evidence(const v1::RecordsReply& reply, const Error& why,
                                  std::function<void(Status)> done) const {
  v1::Evidence evidence;
  evidence.set_at_ms(runtime_.now_ms());
  evidence.set_rule(why.rule);
  evidence.set_message(why.message);
  evidence.set_index(reply.from());
  evidence.add_exhibits(reply.checkpoint());
  evidence.add_exhibits(reply.leaves());
  Append append;
  append.effects = [this, evidence](Changes& changes) {
    return peers_.add_evidence(changes.batch(), peer_, evidence);
  };
  ledger_.append(std::move(append), [done = std::move(done)](Result<Appended> appended) {
    if (!appended) return done(fail(std::move(appended).error()));
    done({});
  });
}

}  // namespace tocsin::node
