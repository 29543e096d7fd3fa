#include "protocol/verify/replay.h"

#include <algorithm>

#include "protocol/process/rules.h"

namespace tocsin::protocol {
namespace {

// "due-process/R1" to "R1".
std::string short_rule(const std::string& rule) {
  const std::size_t slash = rule.rfind('/');
  return slash == std::string::npos ? rule : rule.substr(slash + 1);
}

std::string sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + ".";
}

}  // namespace

void Replay::breach(const RecordView& record, const Error& error) {
  report_.breach("V10.rule", short_rule(error.rule), sentence(error.message), record.index);
}

void Replay::take(const RecordView& record) {
  ledger_.last_ms = std::max(ledger_.last_ms, record.leaf.time_ms);
  if (is_node_event(record.event->event())) return take_node_event(record);
  const FoldContext context{ledger_.issuer, ledger_.registry, false, true};
  const Covered covers = covered(record.leaf, *record.event);
  const auto judged = judge_record(record, context);
  if (!judged) {
    breach(record, judged.error());
    if (covers.kind != Covered::Kind::kChains) return;
    for (const Hash& chain : covers.ids) refuse(ledger_.cases[chain], record, context, judged.error());
    return;
  }
  note_claim(record);
  if (covers.kind == Covered::Kind::kChains) take_origin_event(record, covers);
  if (covers.kind == Covered::Kind::kSignals) take_receiver_event(record, covers);
}

void Replay::take_node_event(const RecordView& record) {
  if (record.event->event() == Event::kGenesis && ledger_.registry.self() == nullptr)
    if (const auto self = parse_descriptor(record.event->bytes(0))) ledger_.issuer = self->fingerprint();
  if (const auto judged = ledger_.registry.judge(record, ledger_.issuer); !judged)
    return breach(record, judged.error());
  ledger_.registry.apply(record);
}

void Replay::take_origin_event(const RecordView& record, const Covered& covers) {
  const FoldContext context{ledger_.issuer, ledger_.registry, true, true};
  bool reported = false;  // a batch may break one rule in a thousand cases; one finding says so
  for (const Hash& chain : covers.ids) {
    v1::Case& state = ledger_.cases[chain];
    const auto judged = judge(state, record, context);
    if (judged) {
      apply(state, record, context);
      continue;
    }
    if (!reported) breach(record, judged.error());
    reported = true;
    refuse(state, record, context, judged.error());
  }
}

void Replay::take_receiver_event(const RecordView& record, const Covered& covers) {
  const FoldContext context{ledger_.issuer, ledger_.registry, true, true};
  bool reported = false;
  for (const Hash& signal : covers.ids) {
    v1::Case& state = ledger_.received[{covers.origin, signal}];
    state.set_signal(to_string(signal));
    state.set_issuer(to_string(covers.origin));
    const auto judged = judge(state, record, context);
    if (judged) {
      apply(state, record, context);
      continue;
    }
    if (!reported) breach(record, judged.error());
    reported = true;
  }
}

void Replay::note_claim(const RecordView& record) {
  const ValidEvent& event = *record.event;
  if (event.event() == Event::kReceipt)
    ledger_.claims.push_back({record.index, event.hash(kSlotOrigin), true, event.number(3), event.hash(2)});
  if (event.event() == Event::kRetractionApplied)
    ledger_.claims.push_back({record.index, event.hash(kSlotOrigin), false, event.number(5), event.hash(6)});
}

ReplayedLedger Replay::finish(const std::string& origin, std::span<const VerifierKey> keys) {
  const ValidDescriptor* self = ledger_.registry.self();
  if (self == nullptr) return std::move(ledger_);
  ledger_.name = self->name();
  if (self->message().log_origin() != origin)
    report_.tampering("V10.identity", "The ledger's genesis names another origin than its checkpoint.", 0);
  const bool named = std::any_of(keys.begin(), keys.end(), [&](const VerifierKey& key) {
    return key.name == origin && key.key == self->operational_key();
  });
  if (!named)
    report_.tampering("V10.identity",
                      "The ledger's own records name another key than the one that signed it.", 0);
  return std::move(ledger_);
}

}  // namespace tocsin::protocol
