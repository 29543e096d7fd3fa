// Submission: from what a platform sends to SUBMITTED drafts.
#include <set>

#include "node/signals/signals.h"
#include "protocol/identity/ids.h"
#include "protocol/process/registry.h"
#include "protocol/signal/indicator.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using protocol::slot_bytes;
using protocol::slot_number;
using protocol::slot_text;
using protocol::SlotType;

constexpr std::uint64_t kDayMs = 24ULL * 3600 * 1000;
constexpr std::uint64_t kDefaultValidityMs = 365 * kDayMs;

// The first of a closed list when nothing was said.
Result<std::uint64_t> choice(std::uint8_t slot, std::string_view word) {
  if (word.empty()) return std::uint64_t{1};
  return protocol::enum_value(Event::kSubmitted, slot, word);
}

}  // namespace

Result<protocol::SlotValue> Signals::submitter(const v1::SubmitRequest& request) const {
  const auto registry = ledger_.registry();
  protocol::KeyId id = protocol::key_id(registry->self()->operational_key());
  if (!request.submitter_key().empty()) {
    TRY_ASSIGN(id, fixed<8>(as_view(request.submitter_key()), "a submitter's key id"));
    if (registry->key(id) == nullptr)
      return fail(Error{Code::kNotFound,
                        "no such submitter key is in this ledger",
                        "signal/submitter",
                        {},
                        "tocsin user list"});
  }
  return slot_bytes(6, SlotType::kKeyId, id);
}

Result<Draft> Signals::draft_of(const v1::NewSignal& signal, const protocol::SlotValue& submitter,
                                Hash& id) const {
  TRY_ASSIGN(const protocol::IndicatorType type, protocol::indicator_type_from_name(signal.type()));
  TRY_ASSIGN(const protocol::Indicator indicator, protocol::parse_indicator(type, signal.value()));
  if (signal.labels().empty())
    return fail(Error{Code::kInvalidArgument,
                      "a signal needs at least one label",
                      "signal/label",
                      {},
                      "--label tvec:propaganda"});
  if (type == protocol::IndicatorType::kPdq && signal.quality() < settings_.quality_gate)
    return fail(Code::kInvalidArgument,
                "a PDQ hash of quality " + std::to_string(signal.quality()) + " is below the gate of " +
                    std::to_string(settings_.quality_gate),
                "signal/quality");
  TRY_ASSIGN(const auto source, choice(1, signal.source()));
  TRY_ASSIGN(const auto automated, choice(2, signal.automated_detection()));
  TRY_ASSIGN(const auto state, choice(9, signal.state_involvement()));
  const std::uint64_t now = runtime_.now_ms();
  const Bytes encoded = indicator.encode();
  id = protocol::signal_id(ledger_.self(), encoded);
  Draft draft;
  draft.event = Event::kSubmitted;
  draft.subject = Subject::of_signal(id);
  draft.slots = {
      slot_bytes(0, SlotType::kIndicator, encoded),
      slot_number(1, SlotType::kEnum, source),
      slot_number(2, SlotType::kEnum, automated),
      slot_text(3, signal.category().empty() ? "KEYWORD_TERRORIST_CONTENT" : signal.category()),
      protocol::slot_labels(4, {signal.labels().begin(), signal.labels().end()}),
      slot_text(5, "tvec/1"),
      submitter,
      slot_number(7, SlotType::kTime, signal.first_seen_ms() != 0 ? signal.first_seen_ms() : now),
      slot_text(8, signal.jurisdiction().empty() ? "EU" : signal.jurisdiction()),
      slot_number(9, SlotType::kEnum, state),
      slot_number(10, SlotType::kTime,
                  signal.valid_until_ms() != 0 ? signal.valid_until_ms() : now + kDefaultValidityMs)};
  if (type == protocol::IndicatorType::kPdq)
    draft.slots.push_back(slot_number(11, SlotType::kUint, signal.quality()));
  draft.slots.push_back(slot_text(13, protocol::rule_id(type)));
  if (!signal.content_group().empty())
    draft.slots.push_back(slot_bytes(14, SlotType::kHash, as_view(signal.content_group())));
  if (!signal.case_reference().empty()) draft.slots.push_back(slot_text(16, signal.case_reference()));
  TRY(protocol::ValidEvent::parse(draft.event, draft.slots));
  return draft;
}

Result<Signals::Submission> Signals::submit(const v1::SubmitRequest& request) const {
  if (request.signals_size() > kSubmitMax)
    return fail(Code::kResourceExhausted, "at most " + std::to_string(kSubmitMax) + " signals a request",
                "signal/limit");
  TRY_ASSIGN(const protocol::SlotValue by, submitter(request));
  Submission out;
  if (!request.idempotency_key().empty()) {
    TRY_ASSIGN(out.append.key, fixed<16>(as_view(request.idempotency_key()), "an idempotency key"));
  }
  std::set<Hash> here;
  for (const v1::NewSignal& signal : request.signals()) {
    v1::SubmitItem& item = *out.reply.add_items();
    item.set_line(signal.line());
    Hash id{};
    auto draft = draft_of(signal, by, id);
    if (!draft) {
      item.set_outcome(v1::SubmitItem::REJECTED);
      item.set_error(draft.error().message);
      item.set_rule(draft.error().rule);
      continue;
    }
    item.set_signal(to_string(id));
    TRY_ASSIGN(const auto known, signals_.get(id));
    if ((known && known->origin().phase() != v1::PHASE_UNSPECIFIED) || !here.insert(id).second) {
      item.set_outcome(v1::SubmitItem::KNOWN);
      continue;
    }
    item.set_outcome(v1::SubmitItem::NEW);
    if (!request.dry_run()) out.append.drafts.push_back(std::move(*draft));
  }
  return out;
}

}  // namespace tocsin::node
