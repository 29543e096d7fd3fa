// A signal's whole life as this node knows it: the issuer's records, every receiver's answers, and the
// receipts for the pages that brought it, from all ledgers held.
#include "node/signals/history.h"

#include <algorithm>
#include <ctime>

#include "node/ledger/record_seal.h"
#include "node/signals/signals.h"
#include "protocol/feed/opening.h"
#include "protocol/identity/ids.h"
#include "protocol/process/case_state.h"
#include "protocol/process/effective.h"
#include "protocol/process/registry.h"
#include "protocol/signal/indicator.h"
#include "storage/chain_store.h"
#include "storage/receipt_store.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using protocol::OpenedRecord;
using protocol::Registry;
using protocol::SlotSpec;
using protocol::SlotType;

constexpr std::size_t kNodeRecordsMax = 10'000;  // of one peer's 05xx chain, to name its people

protocol::RecordView view_of(const OpenedRecord& record) {
  return {record.index, record.leaf, record.leaf_hash, &record.event, record.key_a};
}

std::string value_in_words(const protocol::ValidEvent& event, const SlotSpec& spec) {
  switch (spec.type) {
    case SlotType::kText:
      return std::string(event.text(spec.slot));
    case SlotType::kUint:
      return std::to_string(event.number(spec.slot));
    case SlotType::kEnum:
      return std::string(protocol::enum_word(spec, event.number(spec.slot)));
    case SlotType::kTime:
      return rfc3339(event.number(spec.slot));
    case SlotType::kLabels: {
      std::string out;
      for (const std::string& label : event.labels(spec.slot)) out += (out.empty() ? "" : ",") + label;
      return out;
    }
    case SlotType::kIndicator: {
      const auto indicator = protocol::decode_indicator(event.bytes(spec.slot));
      if (!indicator) return "unreadable";
      return std::string(protocol::indicator_type_name(indicator->type())) + " " + indicator->text();
    }
    default:
      return {};
  }
}

// The slots that say why, in the order in which a person says them.
std::span<const std::uint8_t> reason_slots(Event event) {
  static constexpr std::uint8_t kReview[] = {1, 2, 3, 4};
  static constexpr std::uint8_t kFirst[] = {0};
  static constexpr std::uint8_t kFirstTwo[] = {0, 1};
  static constexpr std::uint8_t kSecond[] = {1};
  static constexpr std::uint8_t kPurpose[] = {3};
  switch (event) {
    case Event::kReviewed:
    case Event::kReceiverReviewed:
      return kReview;
    case Event::kWithdrawn:
    case Event::kDeclined:
    case Event::kExpired:
      return kFirst;
    case Event::kRetractionIssued:
      return kFirstTwo;
    case Event::kOpinion:
    case Event::kSubmitted:
      return kSecond;
    case Event::kPublished:
      return kPurpose;
    default:
      return {};
  }
}

std::string reason_of(const protocol::ValidEvent& event) {
  std::string out;
  for (const std::uint8_t slot : reason_slots(event.event()))
    out += (out.empty() ? "" : ", ") + value_in_words(event, *protocol::find_slot(event.event(), slot));
  return out;
}

// What the record says besides its reason: names and values that a person reads, nothing personal.
std::string words_of(const protocol::ValidEvent& event) {
  const auto reasons = reason_slots(event.event());
  std::string out;
  for (const SlotSpec& spec : protocol::event_slots(event.event())) {
    if (spec.slot >= protocol::kClassSlots || !event.has(spec.slot)) continue;
    if (std::find(reasons.begin(), reasons.end(), spec.slot) != reasons.end()) continue;
    const std::string value = value_in_words(event, spec);
    if (!value.empty()) out += (out.empty() ? "" : " · ") + std::string(spec.name) + " " + value;
  }
  return out;
}

std::optional<std::uint8_t> signer_slot(Event event) {
  switch (event) {
    case Event::kSubmitted:
      return 6;
    case Event::kReviewed:
    case Event::kReceiverReviewed:
    case Event::kOpinion:
    case Event::kRetractionIssued:
    case Event::kSecondReview:
    case Event::kAmended:
    case Event::kAppealDecided:
      return 8;
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<std::optional<HistoryReader::Record>> HistoryReader::read(std::uint64_t index) const {
  Record out;
  std::optional<v1::Opening> opening;
  protocol::LeafBytes bytes{};
  if (own_) {
    TRY_ASSIGN(bytes, ledger_.leaf(index));
    auto own = ledger_.opening(index);
    if (!own && own.error().rule != kLostRule) return fail(std::move(own).error());
    if (own) opening = std::move(*own);
  } else {
    TRY_ASSIGN(const auto held, peers_.leaf(node_, index));
    if (!held) return std::optional<Record>();
    bytes = *held;
    TRY_ASSIGN(opening, peers_.opening(node_, index));
  }
  TRY_ASSIGN(out.leaf, protocol::parse_leaf(bytes));
  if (opening) {
    TRY_ASSIGN(out.opened, protocol::verify_opening(*opening, out.leaf));
  }
  return std::optional(std::move(out));
}

Status HistoryReader::follow(std::uint64_t index, const Hash& subject) {
  while (index != protocol::kNoPrevious && !records_.contains(index)) {
    TRY_ASSIGN(auto record, read(index));
    if (!record) return {};
    const bool about = record->opened ? protocol::covers(record->leaf, record->opened->event, subject)
                                      : record->leaf.chain == subject;
    if (!about) return {};
    const std::uint64_t previous = record->leaf.previous_index;
    records_.emplace(index, std::move(*record));
    index = previous;
  }
  return {};
}

Status HistoryReader::add(std::uint64_t index) {
  if (records_.contains(index)) return {};
  TRY_ASSIGN(auto record, read(index));
  if (record) records_.emplace(index, std::move(*record));
  return {};
}

std::vector<std::uint64_t> HistoryReader::indices_of(std::initializer_list<Event> events) const {
  std::vector<std::uint64_t> out;
  for (const auto& [index, record] : records_)
    for (const Event event : events)
      if (record.leaf.event == static_cast<std::uint16_t>(event)) out.push_back(index);
  return out;
}

// A peer's keys, from its 05xx chain as far as it is opened to us.
Result<std::shared_ptr<const Registry>> HistoryReader::registry() const {
  if (own_) return ledger_.registry();
  auto out = std::make_shared<Registry>();
  TRY_ASSIGN(const auto genesis, read(0));
  if (!genesis) return std::shared_ptr<const Registry>(std::move(out));
  TRY_ASSIGN(const auto head, storage::ChainStore(store_).get(node_, genesis->leaf.chain));
  std::vector<OpenedRecord> chain;
  for (std::uint64_t index = head ? head->index : 0;
       index != protocol::kNoPrevious && chain.size() < kNodeRecordsMax;) {
    TRY_ASSIGN(auto record, read(index));
    if (!record) break;
    index = record->leaf.previous_index;
    if (record->opened) chain.push_back(std::move(*record->opened));
  }
  for (auto at = chain.rbegin(); at != chain.rend(); ++at)
    if (protocol::is_node_event(at->event.event()) && out->judge(view_of(*at), node_))
      out->apply(view_of(*at));
  return std::shared_ptr<const Registry>(std::move(out));
}

Status HistoryReader::describe(const std::string& name, std::vector<v1::HistoryEntry>& out) const {
  if (records_.empty()) return {};
  TRY_ASSIGN(const auto keys, registry());
  for (const auto& [index, record] : records_) {
    v1::HistoryEntry& entry = out.emplace_back();
    entry.set_ledger(name);
    entry.set_node(to_string(node_));
    if (keys->self() != nullptr) entry.set_origin(keys->self()->message().log_origin());
    entry.set_index(index);
    entry.set_time_ms(record.leaf.time_ms);
    entry.set_event(record.leaf.event);
    const auto event = protocol::event_from_code(record.leaf.event);
    entry.set_event_name(event ? std::string(protocol::event_name(*event)) : "UNKNOWN");
    entry.set_who(name);
    if (!record.opened) continue;
    const protocol::ValidEvent& said = record.opened->event;
    entry.set_text(words_of(said));
    entry.set_reason(reason_of(said));
    const auto slot = signer_slot(said.event());
    if (!slot || !said.has(*slot)) continue;
    const protocol::RegisteredKey* key = keys->key(said.key_id(*slot));
    if (key != nullptr && key->role != protocol::KeyRole::kOperational) entry.set_who(key->pseudonym);
    if (key == nullptr) entry.set_who("a key we do not know");
  }
  return {};
}

Result<v1::HistoryReply> Signals::history(const std::string& id) const {
  TRY_ASSIGN(const v1::Case value, find(id));
  const Hash signal = *fixed<32>(as_view(value.signal()), "signal id");
  const Hash issuer = *fixed<32>(as_view(value.issuer()), "issuer");
  std::map<Hash, HistoryReader> ledgers;
  const auto ledger_of = [&](const Hash& node) -> HistoryReader& {
    return ledgers.try_emplace(node, store_, ledger_, node).first->second;
  };
  HistoryReader& origin = ledger_of(issuer);
  if (!value.origin().chain().empty()) {
    TRY_ASSIGN(const Hash chain, fixed<32>(as_view(value.origin().chain()), "a signal's chain"));
    TRY_ASSIGN(const auto head, storage::ChainStore(store_).get(issuer, chain));
    if (head) TRY(origin.follow(head->index, chain));
  }
  for (const std::uint64_t index : value.origin().records()) TRY(origin.add(index));
  for (const v1::ReceiverState& receiver : value.receivers()) {
    TRY_ASSIGN(const Hash node, fixed<32>(as_view(receiver.node()), "a receiver"));
    for (const std::uint64_t index : receiver.records()) TRY(ledger_of(node).follow(index, signal));
  }
  const auto registry = ledger_.registry();
  const storage::ReceiptStore receipts(store_);
  for (const std::string& group : value.origin().groups())
    for (const Hash& member :
         registry->members_between(*fixed<32>(as_view(group), "a group"), 0, ledger_.size())) {
      for (const std::uint64_t index : origin.indices_of({Event::kPublished, Event::kRetractionIssued})) {
        TRY_ASSIGN(const auto at, receipts.covering(issuer, member, index));
        if (at) TRY(ledger_of(member).add(*at));
      }
    }
  std::vector<v1::HistoryEntry> entries;
  for (const auto& [node, reader] : ledgers) TRY(reader.describe(name_of(to_string(node)), entries));
  return merge_history(std::move(entries));
}

v1::HistoryReply merge_history(std::vector<v1::HistoryEntry> entries) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.time_ms(), a.origin(), a.index()) < std::tuple(b.time_ms(), b.origin(), b.index());
  });
  v1::HistoryReply reply;
  const std::size_t left_out = entries.size() > kHistoryMax ? entries.size() - kHistoryMax : 0;
  reply.set_left_out(left_out);
  for (std::size_t i = left_out; i < entries.size(); ++i) *reply.add_entries() = std::move(entries[i]);
  return reply;
}

}  // namespace tocsin::node
