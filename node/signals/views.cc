// What people see of signals: matches, lists, one signal, its history.
#include <algorithm>
#include <ctime>

#include "node/signals/signals.h"
#include "protocol/identity/ids.h"
#include "protocol/process/effective.h"
#include "protocol/process/registry.h"
#include "protocol/signal/indicator.h"

namespace tocsin::node {

std::string rfc3339(std::uint64_t ms) {
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

std::string Signals::name_of(const std::string& fingerprint) const {
  const auto registry = ledger_.registry();
  const auto hash = fixed<32>(as_view(fingerprint), "fingerprint");
  if (!hash) return "unknown";
  if (*hash == ledger_.self()) return registry->self()->name();
  const protocol::Member* member = registry->member(*hash);
  return member != nullptr ? member->descriptor.name() : protocol::print_fingerprint(*hash);
}

protocol::Effective Signals::now_of(const v1::Case& value) const {
  const auto issuer = fixed<32>(as_view(value.issuer()), "fingerprint");
  return protocol::effective(value, ledger_.self(), runtime_.now_ms(),
                             issuer && ledger_.registry()->quarantined(*issuer));
}

v1::SignalView Signals::view_of(v1::Case value) const {
  v1::SignalView view;
  const protocol::Effective now = now_of(value);
  const Hash signal = *fixed<32>(as_view(value.signal()), "signal id");
  view.set_id(protocol::print_signal_id(signal));
  view.set_state(std::string(now.state));
  view.set_handling(std::string(protocol::handling_name(now.handling)));
  view.set_handling_reason(now.reason);
  view.set_issuer_name(name_of(value.issuer()));
  if (const auto indicator = protocol::decode_indicator(as_view(value.indicator()))) {
    view.set_type(std::string(protocol::indicator_type_name(indicator->type())));
    view.set_value(indicator->text());
  }
  view.set_chain(to_string(ledger_.chain_of(Subject::of_signal(signal))));
  for (const v1::ReceiverState& receiver : value.receivers())
    view.add_receiver_names(name_of(receiver.node()));
  *view.mutable_case_() = std::move(value);
  return view;
}

Result<v1::SignalView> Signals::view(const std::string& id) const {
  TRY_ASSIGN(v1::Case value, find(id));
  return view_of(std::move(value));
}

Result<v1::SignalListReply> Signals::list(const v1::SignalListRequest& request) const {
  const std::size_t limit =
      std::clamp<std::size_t>(request.limit() == 0 ? 100 : request.limit(), 1, kListMax);
  Hash after{};
  const bool first = request.after().empty();
  if (!first) {
    TRY_ASSIGN(after, fixed<32>(as_view(request.after()), "a list's place"));
  }
  v1::SignalListReply reply;
  for (bool more = true; more && static_cast<std::size_t>(reply.signals_size()) < limit;) {
    TRY_ASSIGN(auto cases, signals_.list({}, first && after == Hash{} ? nullptr : &after, kListMax));
    more = cases.size() == kListMax;
    for (v1::Case& value : cases) {
      after = *fixed<32>(as_view(value.signal()), "signal id");
      v1::SignalView view = view_of(std::move(value));
      if ((!request.state().empty() && view.state() != request.state()) ||
          (!request.type().empty() && view.type() != request.type()) ||
          (!request.issuer().empty() && view.issuer_name() != request.issuer()))
        continue;
      *reply.add_signals() = std::move(view);
      if (static_cast<std::size_t>(reply.signals_size()) == limit) {
        reply.set_next(to_string(after));
        break;
      }
    }
  }
  return reply;
}

Result<v1::SignalListReply> Signals::queue(std::uint32_t limit) const {
  v1::SignalListReply reply;
  for (const char* state : {"DRAFT", "HELD"}) {
    v1::SignalListRequest request;
    request.set_state(state);
    request.set_limit(limit);
    TRY_ASSIGN(const auto some, list(request));
    reply.MergeFrom(some);
  }
  return reply;
}

Result<v1::MatchHit> Signals::hit_of(const storage::IndexHit& hit) const {
  TRY_ASSIGN(const auto value, signals_.get(hit.signal));
  if (!value) return fail(Code::kDataLoss, "a signal of the index is not stored", "storage/signal");
  const protocol::Effective now = now_of(*value);
  const v1::SignalView view = view_of(*value);
  v1::MatchHit out;
  out.set_signal(view.id());
  out.set_type(view.type());
  out.set_value(view.value());
  out.set_distance(hit.distance);
  out.set_issuer(view.issuer_name());
  *out.mutable_labels() = value->labels();
  out.set_category(value->category());
  out.set_state(view.state());
  out.set_handling(view.handling());
  out.set_reason(view.handling_reason());
  out.mutable_opinions()->set_positive(now.positive);
  out.mutable_opinions()->set_seed(now.seed);
  out.mutable_opinions()->set_negative(now.negative);
  out.set_valid_until(rfc3339(value->origin().valid_until_ms()));
  return out;
}

Result<v1::MatchReply> Signals::match(const v1::MatchRequest& request) const {
  if (request.queries_size() > kMatchQueriesMax)
    return fail(Code::kResourceExhausted,
                "at most " + std::to_string(kMatchQueriesMax) + " look-ups a request", "match/limit");
  const unsigned radius = request.has_max_distance() ? request.max_distance() : settings_.radius;
  if (radius > storage::kPdqRadiusMax)
    return fail(Code::kInvalidArgument, "a PDQ distance is at most " + std::to_string(storage::kPdqRadiusMax),
                "match/distance");
  v1::MatchReply reply;
  std::vector<protocol::Indicator> queries;
  std::vector<int> positions;
  for (const v1::MatchQuery& query : request.queries()) {
    v1::MatchResult& result = *reply.add_results();
    *result.mutable_query() = query;
    TRY_ASSIGN(const auto type, protocol::indicator_type_from_name(query.type()));
    if (type == protocol::IndicatorType::kPdq && query.quality() < settings_.quality_gate) {
      result.set_note("quality " + std::to_string(query.quality()) + " is below the gate of " +
                      std::to_string(settings_.quality_gate) + ": not looked up");
      continue;
    }
    TRY_ASSIGN(protocol::Indicator indicator, protocol::parse_indicator(type, query.value()));
    queries.push_back(std::move(indicator));
    positions.push_back(reply.results_size() - 1);
  }
  const auto found = index_.open().search_many(queries, radius);
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const storage::IndexHit& hit : found[i]) {
      TRY_ASSIGN(v1::MatchHit described, hit_of(hit));
      if (described.state() == "QUARANTINED") continue;  // nothing of its issuer matches (SPEC §13)
      if (described.handling() == "alert") reply.set_alert(true);
      *reply.mutable_results(positions[i])->add_hits() = std::move(described);
    }
  }
  return reply;
}

}  // namespace tocsin::node
