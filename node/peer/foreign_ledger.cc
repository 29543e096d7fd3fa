#include "node/peer/foreign_ledger.h"

#include <algorithm>
#include <map>
#include <set>

#include "node/ledger/changes.h"
#include "node/members/members.h"
#include "protocol/identity/ids.h"
#include "protocol/process/case_state.h"
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

// A page that passed the arithmetic, with what follows from it alone.
struct ForeignLedger::Page {
  struct Retraction {
    std::size_t record = 0;  // in `records`
    std::vector<Hash> signals;
    std::vector<Hash> audience;
  };
  protocol::VerifiedPage page;
  v1::Openings openings;
  std::vector<OpenedRecord> records;
  std::vector<Retraction> retractions;
  std::shared_ptr<const Registry> registry;
  bool to_be_receipted = false;
};

Result<std::unique_ptr<ForeignLedger>> ForeignLedger::open(storage::Store& store, Ledger& ledger,
                                                           Runtime& runtime,
                                                           const protocol::ValidDescriptor& peer) {
  std::unique_ptr<ForeignLedger> out(new ForeignLedger(store, ledger, runtime, peer.fingerprint()));
  TRY(out->set_descriptor(peer));
  TRY_ASSIGN(const v1::PeerCursor cursor, out->peers_.cursor(out->peer_));
  if (!cursor.range().empty()) {
    TRY_ASSIGN(out->position_.range, protocol::CompactRange::parse(as_view(cursor.range())));
  }
  out->position_.last_time_ms = cursor.last_time_ms();
  if (!cursor.checkpoint().empty()) {
    TRY_ASSIGN(const protocol::Note note, protocol::parse_note(cursor.checkpoint()));
    TRY_ASSIGN(const protocol::Checkpoint checkpoint, protocol::parse_checkpoint(note.text));
    out->position_.known = checkpoint.tree;
  }
  auto registry = std::make_shared<Registry>();
  constexpr std::size_t kRead = 1024;
  for (std::uint64_t from = 0;;) {
    TRY_ASSIGN(const auto openings, out->peers_.openings(out->peer_, from, kRead));
    for (const v1::Opening& opening : openings) {
      from = opening.index() + 1;
      TRY_ASSIGN(const auto bytes, out->peers_.leaf(out->peer_, opening.index()));
      if (!bytes) return fail(Code::kDataLoss, "an opening is stored without its leaf", "storage/peer");
      TRY_ASSIGN(const protocol::Leaf leaf, protocol::parse_leaf(*bytes));
      const auto event = protocol::event_from_code(leaf.event);
      if (!event || !protocol::is_node_event(*event)) continue;
      TRY_ASSIGN(const OpenedRecord record, protocol::verify_opening(opening, leaf));
      registry->apply(view_of(record));
    }
    if (openings.size() < kRead) break;
  }
  out->registry_ = std::move(registry);
  return out;
}

Status ForeignLedger::set_descriptor(const protocol::ValidDescriptor& peer) {
  if (!keys_.empty() && peer.operational_key() == operational_) return {};
  TRY_ASSIGN(auto key, protocol::make_verifier_key(peer.message().log_origin(), protocol::KeyType::kEd25519,
                                                   peer.operational_key()));
  keys_ = {std::move(key)};
  operational_ = peer.operational_key();
  note_.clear();
  return {};
}

v1::RecordsRequest ForeignLedger::next_request() const {
  v1::RecordsRequest request;
  request.set_from(position_.range.size());
  request.set_known_size(position_.known ? position_.known->size : 0);
  request.set_max_bytes(1024 * 1024);
  return request;
}

ForeignLedger::Progress ForeignLedger::progress() const {
  return {position_.range.size(), position_.known ? position_.known->size : 0};
}

Result<std::shared_ptr<ForeignLedger::Page>> ForeignLedger::judge(
    const v1::RecordsReply& reply, std::span<const crypto::KemKey* const> envelope_keys) const {
  const storage::ChainStore chains(store_);
  auto out = std::make_shared<Page>();
  TRY_ASSIGN(out->page, protocol::verify_page(
                            position_, reply, keys_,
                            [&](const Hash& chain) -> Result<std::optional<protocol::ChainHead>> {
                              TRY_ASSIGN(const auto head, chains.get(peer_, chain));
                              if (!head) return std::optional<protocol::ChainHead>();
                              return std::optional(protocol::ChainHead{head->seq, head->index, head->leaf});
                            }));
  if (const auto* policy = registry_->witness_policy_at(position_.range.size()); policy != nullptr) {
    const auto accepted = policy->policy->evaluate(reply.checkpoint());
    if (!accepted)
      return fail(Code::kFailedPrecondition, "its checkpoint lacks cosignatures: " + accepted.error().message,
                  std::string(kQuorumMissingRule));
  }
  Result<v1::Openings> openings = fail(Code::kUnauthenticated, "no envelope key of ours", "feed/opening");
  for (const crypto::KemKey* key : envelope_keys) {
    openings = protocol::open_page({peer_, ledger_.self(), reply.from()}, *key, reply.page());
    if (openings) break;
  }
  if (!openings) return fail(std::move(openings).error());
  out->openings = std::move(*openings);
  TRY_ASSIGN(out->records,
             protocol::verify_openings(
                 out->page, out->openings, [this](std::uint64_t index) -> Result<protocol::Leaf> {
                   TRY_ASSIGN(const auto bytes, peers_.leaf(peer_, index));
                   if (!bytes)
                     return fail(Code::kInvalidArgument, "an opening is of a record we do not hold",
                                 "feed/shape");
                   return protocol::parse_leaf(*bytes);
                 }));
  const auto known = [&](const Hash& chain) {
    const auto head = chains.get(peer_, chain);
    return head && *head && (*head)->signal != Hash{};
  };
  TRY(protocol::check_nothing_withheld(out->records, known));

  std::map<Hash, Hash> signal_of;  // chains first opened here
  auto registry = std::make_shared<Registry>(*registry_);
  for (std::size_t i = 0; i < out->records.size(); ++i) {
    const OpenedRecord& record = out->records[i];
    const Event event = record.event.event();
    if (event == Event::kSubmitted)
      signal_of[record.leaf.chain] = protocol::signal_id(peer_, record.event.bytes(0));
    if (protocol::is_node_event(event)) {
      TRY(registry->judge(view_of(record), peer_));
      registry->apply(view_of(record));
    }
    if (concerns_signals(event)) out->to_be_receipted = true;
    if (event != Event::kRetractionIssued) continue;
    Page::Retraction retraction{i, {}, {}};
    std::set<Hash> audience;
    for (const Hash& chain : protocol::covered(record.leaf, record.event).ids) {
      Hash signal{};
      if (const auto here = signal_of.find(chain); here != signal_of.end()) {
        signal = here->second;
      } else {
        TRY_ASSIGN(const auto head, chains.get(peer_, chain));
        if (!head || head->signal == Hash{}) continue;  // never published to us
        signal = head->signal;
      }
      retraction.signals.push_back(signal);
      TRY_ASSIGN(const auto held, storage::SignalStore(store_).get(signal));
      if (!held) continue;
      for (const std::string& group : held->origin().groups()) {
        TRY_ASSIGN(const Hash id, as_hash(group));
        audience.insert(id);
      }
    }
    for (const OpenedRecord& other : out->records)
      if (other.event.event() == Event::kPublished) audience.insert(other.event.hash(0));
    retraction.audience.assign(audience.begin(), audience.end());
    if (!retraction.signals.empty()) out->retractions.push_back(std::move(retraction));
  }
  out->registry = std::move(registry);
  return out;
}

Result<std::vector<Hash>> ForeignLedger::signals_of(const Changes& changes,
                                                    const OpenedRecord& record) const {
  const protocol::Covered over = protocol::covered(record.leaf, record.event);
  if (over.kind != protocol::Covered::Kind::kChains) return over.ids;
  std::vector<Hash> signals;
  for (const Hash& chain : over.ids) {
    TRY_ASSIGN(const auto head, changes.chain(peer_, chain));
    if (head && head->signal != Hash{}) signals.push_back(head->signal);
  }
  return signals;
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

Status ForeignLedger::fold(Changes& changes, const OpenedRecord& record, const Registry& registry,
                           v1::Evidence& evidence) const {
  const Event event = record.event.event();
  if (protocol::is_node_event(event)) return {};
  if (event == Event::kReceipt)
    storage::ReceiptStore::put(changes.batch(), peer_, record.index, record.event);
  if (event == Event::kSubmitted) {
    TRY_ASSIGN(auto head, changes.chain(peer_, record.leaf.chain));
    CHECK_INVARIANT(head.has_value());
    if (head->signal != Hash{}) return {};  // opened by an earlier publication
    head->signal = protocol::signal_id(peer_, record.event.bytes(0));
    changes.put_chain(peer_, record.leaf.chain, *head);
  }
  const protocol::RecordView view = view_of(record);
  const protocol::FoldContext context{peer_, registry};
  const bool receiver = protocol::is_receiver_event(event);
  TRY_ASSIGN(const auto signals, signals_of(changes, record));
  for (const Hash& signal : signals) {
    TRY_ASSIGN(auto found, changes.case_of(signal));
    v1::Case value = found ? std::move(*found) : v1::Case();
    if (value.signal().empty()) {
      value.set_signal(to_string(signal));
      value.set_issuer(to_string(receiver ? record.event.hash(protocol::kSlotOrigin) : peer_));
    }
    if (value.origin().phase() == v1::REFUSED && !receiver) continue;
    // A batch's review comes again with each publication that covers part of the batch.
    if (event == Event::kReviewed && value.origin().published_ms() != 0 &&
        (record.index < value.origin().published_index() ||
         protocol::has_folded(value.origin(), record.index)))
      continue;
    if (auto ok = protocol::judge(value, view, context); !ok) {
      protocol::refuse(value, view, context, ok.error());
      changes.put_case(std::move(value));
      exhibit(record, ok.error(), evidence);
      continue;
    }
    protocol::apply(value, view, context);
    if (event == Event::kPublished && value.held_ms() == 0) value.set_held_ms(runtime_.now_ms());
    changes.put_case(std::move(value));
  }
  return {};
}

Status ForeignLedger::write(Changes& changes, const Page& in) const {
  const protocol::VerifiedPage& page = in.page;
  storage::Batch& batch = changes.batch();
  for (std::size_t i = 0; i < page.leaves.size(); ++i)
    storage::PeerStore::put_leaf(batch, peer_, page.from + i, protocol::encode_leaf(page.leaves[i]));
  for (const auto& [chain, head] : page.chain_heads) {
    TRY_ASSIGN(const auto before, changes.chain(peer_, chain));
    changes.put_chain(peer_, chain, {head.seq, head.index, head.leaf_hash, before ? before->signal : Hash{}});
  }
  for (const v1::Opening& opening : in.openings.openings())
    storage::PeerStore::put_opening(batch, peer_, opening);
  v1::Evidence evidence;
  for (const OpenedRecord& record : in.records) TRY(fold(changes, record, *in.registry, evidence));
  if (!evidence.exhibits().empty()) TRY(peers_.add_evidence(changes.batch(), peer_, std::move(evidence)));
  v1::PeerCursor cursor;
  cursor.set_range(to_string(page.position.range.encode()));
  cursor.set_checkpoint(page.checkpoint_note);
  cursor.set_last_time_ms(page.position.last_time_ms);
  storage::PeerStore::put_cursor(batch, peer_, cursor);
  return {};
}

std::vector<Draft> ForeignLedger::answers(const Page& in, bool coordinator) const {
  std::vector<Draft> drafts;
  if (coordinator) {
    for (const OpenedRecord& record : in.records) {
      if (!mirrored(record, peer_)) continue;
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
      drafts.push_back(std::move(draft));
    }
  }
  if (in.to_be_receipted) {
    const protocol::TreeHead& head = *in.page.position.known;
    Draft draft;
    draft.event = Event::kReceipt;
    draft.slots = {protocol::slot_number(0, SlotType::kUint, in.page.from),
                   protocol::slot_number(1, SlotType::kUint, in.page.position.range.size()),
                   protocol::slot_bytes(2, SlotType::kHash, head.root),
                   protocol::slot_number(3, SlotType::kUint, head.size),
                   protocol::slot_bytes(protocol::kSlotOrigin, SlotType::kHash, peer_)};
    draft.subject.kind = Subject::Kind::kBatch;
    runtime_.fill_random(draft.subject.batch);
    draft.members = true;
    drafts.push_back(std::move(draft));
  }
  for (const Page::Retraction& retraction : in.retractions) {
    const OpenedRecord& record = in.records[retraction.record];
    Draft draft;
    draft.event = Event::kRetractionApplied;
    draft.slots = {protocol::slot_number(0, SlotType::kTime, runtime_.now_ms()),
                   protocol::slot_number(1, SlotType::kUint, 0),
                   protocol::slot_number(2, SlotType::kUint, 0),
                   protocol::slot_number(3, SlotType::kUint, 0),
                   protocol::slot_number(4, SlotType::kUint, 0),
                   protocol::slot_number(5, SlotType::kUint, record.index),
                   protocol::slot_bytes(6, SlotType::kHash, record.leaf_hash),
                   protocol::slot_hashes(protocol::kSlotCovers, retraction.signals),
                   protocol::slot_bytes(protocol::kSlotOrigin, SlotType::kHash, peer_)};
    if (retraction.signals.size() == 1) {
      draft.subject = Subject::of_signal(retraction.signals.front());
    } else {
      draft.subject.kind = Subject::Kind::kBatch;
      runtime_.fill_random(draft.subject.batch);
    }
    draft.audience = retraction.audience;
    drafts.push_back(std::move(draft));
  }
  return drafts;
}

void ForeignLedger::accept(const v1::RecordsReply& reply,
                           std::span<const crypto::KemKey* const> envelope_keys, bool coordinator,
                           Done done) {
  // Most polls find nothing new: the very head that was verified before costs no signature and no key
  // exchange.
  if (reply.leaves().empty() && !note_.empty() && reply.checkpoint() == note_ &&
      reply.from() == position_.range.size() && progress().complete())
    return done(progress());
  auto page = judge(reply, envelope_keys);
  if (!page && page.error().rule == kQuorumMissingRule) return done(fail(std::move(page.error())));
  if (!page) {
    keep_evidence(reply, page.error(), std::move(done));
    return;
  }
  if ((*page)->page.leaves.empty()) {  // nothing new; the head is remembered with the next page
    position_ = (*page)->page.position;
    note_ = (*page)->page.checkpoint_note;
    done(progress());
    return;
  }
  Append append;
  append.drafts = answers(**page, coordinator);
  append.correction = std::any_of(append.drafts.begin(), append.drafts.end(), [](const Draft& draft) {
    return draft.event == Event::kRetractionApplied;
  });
#if TOCSIN_PLANTED_FAULT == 1  // a receiver that never answers a retraction: the simulation must find it
  std::erase_if(append.drafts, [](const Draft& draft) { return draft.event == Event::kRetractionApplied; });
#endif
  append.effects = [this, kept = *page, mirrored = coordinator ? append.drafts : std::vector<Draft>()](
                       Changes& changes) -> Status {
    TRY(write(changes, *kept));
    return Members::add_rows(changes, mirrored, runtime_.now_ms());
  };
  ledger_.append(std::move(append), [this, kept = *page, done = std::move(done)](Result<Appended> appended) {
    if (!appended) return done(tl::unexpected<Error>(std::move(appended).error()));
    position_ = kept->page.position;
    note_ = kept->page.checkpoint_note;
    registry_ = kept->registry;
    done(progress());
  });
}

void ForeignLedger::keep_evidence(const v1::RecordsReply& reply, const Error& why, Done done) {
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
  ledger_.append(std::move(append), [why, done = std::move(done)](Result<Appended> appended) {
    if (!appended) return done(tl::unexpected<Error>(std::move(appended).error()));
    done(tl::unexpected<Error>(why));
  });
}

}  // namespace tocsin::node
