#include "protocol/process/case_state.h"

#include <algorithm>
#include <set>

#include "protocol/identity/ids.h"
#include "protocol/process/clocks.h"
#include "protocol/process/matter.h"

namespace tocsin::protocol {
namespace {

Hash hash_of(const std::string& bytes) {
  Hash out{};
  if (bytes.size() == out.size()) std::memcpy(out.data(), bytes.data(), out.size());
  return out;
}

v1::ReceiverState& receiver_entry(v1::Case& state, const Hash& node) {
  auto& list = *state.mutable_receivers();
  const std::string key = to_string(node);
  int at = 0;
  while (at < list.size() && list[at].node() < key) ++at;
  if (at < list.size() && list[at].node() == key) return list[at];
  list.Add()->set_node(key);
  std::rotate(list.pointer_begin() + at, list.pointer_end() - 1, list.pointer_end());
  return list[at];
}

// Batches are opened again with each publication of a part of them, so an index may come twice and late.
void remember(google::protobuf::RepeatedField<std::uint64_t>& records, std::uint64_t index) {
  const auto at = std::lower_bound(records.begin(), records.end(), index);
  if (at != records.end() && *at == index) return;
  const auto place = at - records.begin();
  records.Add(index);
  std::rotate(records.begin() + place, records.end() - 1, records.end());
  if (records.size() > kCaseRecordsMax) records.erase(records.begin() + kCaseRecordsMax / 2);
}

void remember_reviewer(google::protobuf::RepeatedPtrField<std::string>& keys, ByteView key) {
  const std::string added = to_string(key);
  const auto at = std::lower_bound(keys.begin(), keys.end(), added);
  if (at != keys.end() && *at == added) return;
  const auto place = static_cast<int>(at - keys.begin());
  *keys.Add() = added;
  std::rotate(keys.pointer_begin() + place, keys.pointer_end() - 1, keys.pointer_end());
}

void apply_submitted(v1::Case& state, const RecordView& record, const FoldContext& context) {
  constexpr std::uint64_t kQualityMax = 100;
  const ValidEvent& event = *record.event;
  state.set_signal(to_string(signal_id(context.issuer, event.bytes(0))));
  state.set_issuer(to_string(context.issuer));
  state.set_indicator(to_string(event.bytes(0)));
  if (event.has(11)) state.set_quality(static_cast<std::uint32_t>(std::min(event.number(11), kQualityMax)));
  state.clear_labels();
  for (std::string& label : event.labels(4)) state.add_labels(std::move(label));
  state.set_category(std::string(event.text(3)));
  state.set_taxonomy(std::string(event.text(5)));
  state.set_source(static_cast<std::uint32_t>(event.number(1)));
  state.set_state_involvement(static_cast<std::uint32_t>(event.number(9)));
  state.set_first_seen_ms(event.number(7));
  state.set_jurisdiction(std::string(event.text(8)));
  v1::OriginState& origin = *state.mutable_origin();
  origin.set_chain(to_string(record.leaf.chain));
  origin.set_submitted_index(record.index);
  origin.set_amended_index(record.index);
  origin.set_submitted_ms(record.leaf.time_ms);
  origin.set_submitter_key(to_string(event.bytes(6)));
  origin.set_valid_until_ms(event.number(10));
  origin.set_severe(is_severe(context.registry, record.index, event.text(3)));
}

// The last review is the only one: what it said before is void, its second opinion too.
void clear_second_review(v1::OriginState& origin) {
  origin.clear_second_review_index();
  origin.clear_second_review_ms();
  origin.clear_second_review_expires_ms();
}

void apply_reviewed(v1::OriginState& origin, const RecordView& record) {
  constexpr std::uint64_t kApprove = 1;
  const ValidEvent& event = *record.event;
  remember_reviewer(*origin.mutable_reviewer_keys(), event.bytes(8));
  clear_second_review(origin);
  if (event.number(0) == kApprove) {
    origin.set_review_index(record.index);
    origin.set_review_ms(record.leaf.time_ms);
    origin.set_review_expires_ms(event.number(12));
    origin.set_reviewer_key(to_string(event.bytes(8)));
  } else {
    origin.clear_review_index();
    origin.clear_review_ms();
    origin.clear_review_expires_ms();
    origin.clear_reviewer_key();
  }
}

void apply_second_review(v1::OriginState& origin, const RecordView& record) {
  constexpr std::uint64_t kApprove = 1;
  const ValidEvent& event = *record.event;
  remember_reviewer(*origin.mutable_reviewer_keys(), event.bytes(8));
  clear_second_review(origin);
  if (event.number(0) != kApprove) {
    origin.clear_review_index();
    origin.clear_review_ms();
    origin.clear_review_expires_ms();
    origin.clear_reviewer_key();
    return;
  }
  origin.set_second_review_index(record.index);
  origin.set_second_review_ms(record.leaf.time_ms);
  origin.set_second_review_expires_ms(event.number(12));
}

void apply_amended(v1::Case& state, const RecordView& record, const FoldContext& context) {
  const ValidEvent& event = *record.event;
  v1::OriginState& origin = *state.mutable_origin();
  origin.set_amended_index(record.index);
  if (event.has(2)) {
    state.set_category(std::string(event.text(2)));
    origin.set_severe(is_severe(context.registry, record.index, event.text(2)));
  }
  if (event.has(3)) {
    state.clear_labels();
    for (std::string& label : event.labels(3)) state.add_labels(std::move(label));
  }
  if (event.has(4)) state.set_taxonomy(std::string(event.text(4)));
  if (event.has(5)) origin.set_valid_until_ms(event.number(5));
}

void apply_published(v1::OriginState& origin, const RecordView& record) {
  const ValidEvent& event = *record.event;
  // The first publication fixes the end; a later one to another group may not exceed it (R19).
  if (origin.published_ms() == 0) {
    origin.set_published_index(record.index);
    origin.set_published_ms(record.leaf.time_ms);
    origin.set_valid_until_ms(event.number(7));
  }
  const std::string group = to_string(event.bytes(0));
  const auto& groups = origin.groups();
  if (std::find(groups.begin(), groups.end(), group) == groups.end()) origin.add_groups(group);
}

void apply_retraction(v1::Case& state, const RecordView& record, const FoldContext& context) {
  const ValidEvent& event = *record.event;
  v1::OriginState& origin = *state.mutable_origin();
  origin.set_retraction_index(record.index);
  origin.set_retraction_ms(record.leaf.time_ms);
  origin.set_retraction_reason(static_cast<std::uint32_t>(event.number(0)));
  origin.set_retraction_due_ms(event.number(3));
  origin.set_retraction_leaf(to_string(record.leaf_hash));
  origin.clear_recipients();
  for (const Hash& node : recipients_of(state, context, record.index)) origin.add_recipients(to_string(node));
}

void apply_origin(v1::Case& state, const RecordView& record, const FoldContext& context) {
  v1::OriginState& origin = *state.mutable_origin();
  const v1::Phase next = origin_after(origin.phase(), *record.event);
  if (next == v1::PHASE_UNSPECIFIED) return;
  switch (record.event->event()) {
    case Event::kSubmitted:
      apply_submitted(state, record, context);
      break;
    case Event::kReviewed:
      apply_reviewed(origin, record);
      if (origin.review_ms() != 0 && find_receiver(state, context.issuer) != nullptr)
        confirm_emergencies(receiver_entry(state, context.issuer), record.leaf.time_ms);
      break;
    case Event::kSecondReview:
      apply_second_review(origin, record);
      break;
    case Event::kAmended:
      apply_amended(state, record, context);
      break;
    case Event::kPublished:
      apply_published(origin, record);
      break;
    case Event::kRestricted:
      origin.set_restricted_ms(record.leaf.time_ms);
      break;
    case Event::kUnrestricted:
      origin.clear_restricted_ms();
      break;
    case Event::kHoldSet:
      origin.set_hold_until_ms(std::max<std::uint64_t>(origin.hold_until_ms(), record.event->number(1)));
      break;
    case Event::kHoldReleased:
      origin.clear_hold_until_ms();
      break;
    case Event::kPropagationComplete:
      origin.set_complete_ms(record.leaf.time_ms);
      break;
    case Event::kPropagationOverdue:
      origin.set_overdue_ms(record.leaf.time_ms);
      break;
    case Event::kRetractionIssued:
      apply_retraction(state, record, context);
      break;
    default:
      break;
  }
  origin.set_phase(next);
  remember(*origin.mutable_records(), record.index);
}

void apply_opinion(v1::ReceiverState& receiver, const RecordView& record) {
  const ValidEvent& event = *record.event;
  receiver.set_stance(static_cast<v1::Stance>(event.number(0)));
  receiver.set_stance_reason(static_cast<std::uint32_t>(event.number(1)));
  receiver.set_label_set(to_string(event.bytes(2)));
  receiver.set_stance_basis(static_cast<std::uint32_t>(event.number(3)));
  receiver.set_stance_ms(record.leaf.time_ms);
}

void apply_receiver_review(v1::ReceiverState& receiver, const RecordView& record) {
  constexpr std::uint64_t kApprove = 1;
  const ValidEvent& event = *record.event;
  receiver.set_reviewed_ms(record.leaf.time_ms);
  receiver.set_reviewer_key(to_string(event.bytes(8)));
  remember_reviewer(*receiver.mutable_reviewer_keys(), event.bytes(8));
  receiver.clear_review_index();
  receiver.clear_review_expires_ms();
  if (event.number(0) != kApprove) return;
  receiver.set_review_index(record.index);
  receiver.set_review_expires_ms(event.number(12));
  confirm_emergencies(receiver, record.leaf.time_ms);
}

void apply_receiver(v1::ReceiverState& receiver, const RecordView& record, const FoldContext& context) {
  const ValidEvent& event = *record.event;
  v1::ReceiverPhase next = receiver_after(receiver.phase(), event);
  if (is_matter_event(event.event()))
    next = receiver.phase();  // an action leaves the receiver where it is; the matter moves
  else if (next == v1::RECEIVER_PHASE_UNSPECIFIED && receiver.phase() != next)
    return;
  apply_matter(receiver, record, context);
  switch (event.event()) {
    case Event::kReceiverReviewed:
      apply_receiver_review(receiver, record);
      break;
    case Event::kOpinion:
      apply_opinion(receiver, record);
      break;
    case Event::kRetractionApplied:
      receiver.set_applied_ms(record.leaf.time_ms);
      receiver.set_applied_index(record.index);
      receiver.set_applied_retraction(to_string(event.bytes(6)));
      receiver.set_reversed(static_cast<std::uint32_t>(std::min<std::uint64_t>(event.number(3), UINT32_MAX)));
      break;
    default:
      break;
  }
  receiver.set_phase(next);
  remember(*receiver.mutable_records(), record.index);
}

bool open_phase(v1::Phase phase) {
  return phase == v1::PHASE_UNSPECIFIED || phase == v1::DRAFT || phase == v1::SHAREABLE || phase == v1::LIVE;
}

}  // namespace

void apply(v1::Case& state, const RecordView& record, const FoldContext& context) {
  const Event event = record.event->event();
  if (is_node_event(event) || event == Event::kReceipt) return;
  if (is_receiver_event(event))
    apply_receiver(receiver_entry(state, context.issuer), record, context);
  else
    apply_origin(state, record, context);
}

void refuse(v1::Case& state, const RecordView& record, const FoldContext& context, const Error& error) {
  const Event event = record.event->event();
  if (is_node_event(event) || event == Event::kReceipt || is_receiver_event(event)) return;
  if (event == Event::kSubmitted && state.origin().phase() == v1::PHASE_UNSPECIFIED &&
      (state.signal().empty() ||
       equal(as_view(state.signal()), signal_id(context.issuer, record.event->bytes(0)))))
    apply_submitted(state, record, context);
  v1::OriginState& origin = *state.mutable_origin();
  if (origin.refused_rule().empty()) {
    const std::size_t slash = error.rule.rfind('/');
    origin.set_refused_rule(slash == std::string::npos ? error.rule : error.rule.substr(slash + 1));
  }
  if (open_phase(origin.phase())) origin.set_phase(v1::REFUSED);
  remember(*origin.mutable_records(), record.index);
}

bool has_folded(const v1::OriginState& origin, std::uint64_t index) {
  return std::binary_search(origin.records().begin(), origin.records().end(), index);
}

const v1::ReceiverState* find_receiver(const v1::Case& state, const Hash& node) {
  for (const v1::ReceiverState& receiver : state.receivers())
    if (equal(as_view(receiver.node()), node)) return &receiver;
  return nullptr;
}

std::vector<Hash> recipients_of(const v1::Case& state, const FoldContext& context, std::uint64_t index) {
  std::set<Hash> out;
  for (const std::string& group : state.origin().groups()) {
    const auto members =
        context.registry.members_between(hash_of(group), state.origin().published_index(), index);
    out.insert(members.begin(), members.end());
  }
  out.erase(context.issuer);
  return {out.begin(), out.end()};
}

MissingReceipts missing_receipts(const v1::Case& state, std::uint64_t now_ms) {
  MissingReceipts out;
  const v1::OriginState& origin = state.origin();
  for (const std::string& recipient : origin.recipients()) {
    const Hash node = hash_of(recipient);
    const v1::ReceiverState* receiver = find_receiver(state, node);
    const bool answered = receiver != nullptr && receiver->phase() == v1::CLOSED &&
                          receiver->applied_retraction() == origin.retraction_leaf();
    if (!answered) out.nodes.push_back(node);
  }
  out.overdue = !out.nodes.empty() && now_ms > origin.retraction_due_ms();
  return out;
}

Hash labels_of(const v1::Case& state) {
  return label_set_hash(std::vector<std::string>(state.labels().begin(), state.labels().end()));
}

}  // namespace tocsin::protocol
