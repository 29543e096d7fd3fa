#include "protocol/process/matter.h"

#include <algorithm>

#include "protocol/process/clocks.h"

namespace tocsin::protocol {
namespace {

using Matters = google::protobuf::RepeatedPtrField<v1::Matter>;

v1::Matter& matter_of(v1::ReceiverState& entry, const Hash& chain) {
  for (v1::Matter& matter : *entry.mutable_matters())
    if (equal(as_view(matter.chain()), chain)) return matter;
  v1::Matter& added = *entry.add_matters();
  added.set_chain(to_string(chain));
  return added;
}

void apply_action(v1::Matter& matter, const RecordView& record, const FoldContext& context,
                  const Clocks& clocks) {
  const ValidEvent& event = *record.event;
  matter.set_taken_index(record.index);
  matter.set_taken_ms(record.leaf.time_ms);
  matter.set_rests_on(event.number(12));
  matter.set_ends_ms(event.number(8));
  matter.set_emergency(context.registry.emergency(event.number(12), record.index) != nullptr);
  matter.set_statement(to_string(event.bytes(3)));
  matter.set_decisions(static_cast<std::uint32_t>(event.labels(0).size()));
  matter.set_notice_due_ms(record.leaf.time_ms + clocks.ms(Clock::kUserNotice));
  if (matter.emergency())
    matter.set_confirm_due_ms(record.leaf.time_ms + clocks.ms(Clock::kEmergencyReviewed));
}

void apply_deferral(v1::Matter& matter, const RecordView& record) {
  constexpr std::uint64_t kWaived = 2;
  if (record.event->number(0) == kWaived) return matter.set_waived_ms(record.leaf.time_ms);
  if (matter.deferrals() == 0) matter.set_deferred_ms(record.leaf.time_ms);
  matter.set_deferrals(matter.deferrals() + 1);
  matter.set_deferred_until_ms(record.event->number(2));
}

void apply_appeal(v1::Matter& matter, const RecordView& record, const Clocks& clocks) {
  const ValidEvent& event = *record.event;
  matter.set_appeal(to_string(event.bytes(0)));
  matter.set_channel(to_string(event.bytes(3)));
  matter.set_appeal_statement(to_string(event.bytes(5)));
  matter.set_appeal_index(record.index);
  matter.set_appeal_ms(event.number(1));
  matter.set_appeal_due_ms(event.number(2));
  matter.set_ack_due_ms(event.number(1) + clocks.ms(Clock::kAppealAcked));
}

void overturn(v1::Matter& matter, const RecordView& record, const Clocks& clocks) {
  const std::uint64_t now = record.leaf.time_ms;
  matter.set_overturned_ms(now);
  matter.set_overturned_index(record.index);
  if (matter.taken_ms() != 0) matter.set_reinstate_due_ms(now + clocks.ms(Clock::kReinstated));
  if (matter.foreign())
    matter.set_report_due_ms(now + clocks.ms(Clock::kOutcomeReported));
  else
    matter.set_retract_due_ms(now + clocks.ms(Clock::kRetractionSent));
}

void apply_decision(v1::Matter& matter, const RecordView& record, const Clocks& clocks) {
  constexpr std::uint64_t kUpheld = 1;
  const ValidEvent& event = *record.event;
  if (event.event() == Event::kAppealDecided) {
    matter.set_decided_ms(record.leaf.time_ms);
    matter.set_decided_index(record.index);
    matter.set_outcome(static_cast<std::uint32_t>(event.number(1)));
    matter.set_decider_key(to_string(event.bytes(8)));
    if (event.number(1) != kUpheld) overturn(matter, record, clocks);
    return;
  }
  matter.set_dispute_ms(record.leaf.time_ms);
  matter.set_outcome(static_cast<std::uint32_t>(event.number(2)));
  if (event.number(2) != kUpheld && matter.overturned_ms() == 0) overturn(matter, record, clocks);
}

void apply_event(v1::Matter& matter, const RecordView& record, const FoldContext& context) {
  const Clocks clocks = Clocks::at(context.registry, record.index);
  const ValidEvent& event = *record.event;
  const std::uint64_t now = record.leaf.time_ms;
  switch (event.event()) {
    case Event::kActionTaken:
      return apply_action(matter, record, context, clocks);
    case Event::kNoticeSent:
      matter.set_notice_ms(now);
      return matter.set_redress_until_ms(event.number(4));
    case Event::kNoticeDeferred:
      return apply_deferral(matter, record);
    case Event::kStatementFiled:
      return matter.set_filed_ms(now);
    case Event::kAppealReceived:
      return apply_appeal(matter, record, clocks);
    case Event::kAppealAcked:
      return matter.set_acked_ms(now);
    case Event::kAppealDecided:
    case Event::kDisputeOutcome:
    case Event::kCourtOutcome:
      return apply_decision(matter, record, clocks);
    case Event::kDisputeReferred:
      matter.set_dispute_index(record.index);
      return matter.set_dispute_due_ms(event.number(2));
    case Event::kReinstated:
      return matter.set_reinstated_ms(now);
    case Event::kOutcomeReported:
      return matter.set_reported_ms(now);
    default:
      return;
  }
}

}  // namespace

const v1::Matter* find_matter(const v1::ReceiverState* entry, const Hash& chain) {
  if (entry == nullptr) return nullptr;
  for (const v1::Matter& matter : entry->matters())
    if (equal(as_view(matter.chain()), chain)) return &matter;
  return nullptr;
}

bool begins_unseen(const RecordView& record, const FoldContext& context) {
  return context.shown != nullptr && record.leaf.chain_seq != 0 &&
         !(*context.shown)(record.leaf.previous_index);
}

void confirm_emergencies(v1::ReceiverState& entry, std::uint64_t time_ms) {
  for (v1::Matter& matter : *entry.mutable_matters())
    if (matter.emergency() && matter.confirmed_ms() == 0) matter.set_confirmed_ms(time_ms);
}

void apply_matter(v1::ReceiverState& entry, const RecordView& record, const FoldContext& context) {
  const ValidEvent& event = *record.event;
  if (!is_matter_event(event.event())) return;
  const v1::Matter* known = find_matter(&entry, record.leaf.chain);
  if (known == nullptr && entry.matters_size() >= kMattersMax) return;
  v1::Matter& matter = matter_of(entry, record.leaf.chain);
  if (known == nullptr) {
    matter.set_foreign(event.has(kSlotOrigin));
    if (begins_unseen(record, context)) matter.set_phase(v1::UNSEEN);
  }
  if (matter.phase() == v1::UNSEEN) return;
  const v1::MatterPhase next = matter_after(matter.phase(), event);
  if (next == v1::MATTER_PHASE_UNSPECIFIED) return;
  apply_event(matter, record, context);
  matter.set_phase(next);
}

bool is_open_appeal(const v1::Matter& matter) {
  return matter.phase() == v1::UNDER_APPEAL || matter.phase() == v1::IN_DISPUTE;
}

}  // namespace tocsin::protocol
