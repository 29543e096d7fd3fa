#include "node/cli/signal_text.h"

#include "node/cli/time_text.h"

namespace tocsin::cli {
namespace {

constexpr std::size_t kShortId = 16;

std::string joined(const google::protobuf::RepeatedPtrField<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}

std::string shortened(const std::string& value) {
  return value.size() <= 24 ? value : value.substr(0, 21) + "…";
}

std::string receiver_line(const v1::ReceiverState& receiver, const std::string& name) {
  std::string out = "  at " + printable(name) + ": ";
  if (receiver.stance() != v1::STANCE_UNSPECIFIED) {
    std::string stance = v1::Stance_Name(receiver.stance());
    for (char& c : stance) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    out += "opinion " + stance + " since " + print_time(receiver.stance_ms()) + "; ";
  }
  if (receiver.applied_ms() != 0)
    return out + "retraction applied " + print_time(receiver.applied_ms()) + "\n";
  return out +
         (receiver.reviewed_ms() != 0 ? "reviewed " + print_time(receiver.reviewed_ms())
                                      : "held, not reviewed") +
         "\n";
}

}  // namespace

std::string short_id(const std::string& id) {
  return id.size() <= kShortId ? id : id.substr(0, kShortId);
}

std::string opinions_text(const v1::Case& value) {
  unsigned counts[4] = {};
  for (const v1::ReceiverState& receiver : value.receivers()) {
    if (receiver.stance() > 0 && receiver.stance() < 4) ++counts[receiver.stance()];
  }
  return "+" + std::to_string(counts[v1::POSITIVE]) + "/?" + std::to_string(counts[v1::SEED]) + "/−" +
         std::to_string(counts[v1::NEGATIVE]);
}

Table signal_table(const google::protobuf::RepeatedPtrField<v1::SignalView>& signals) {
  Table table = {{"SIGNAL", "TYPE", "VALUE", "STATE", "HANDLING", "ISSUER", "LABELS", "OPINIONS"}};
  for (const v1::SignalView& view : signals) {
    table.push_back({short_id(view.id()), view.type(), shortened(view.value()), view.state(), view.handling(),
                     view.issuer_name(), joined(view.case_().labels()), opinions_text(view.case_())});
  }
  return table;
}

std::string signal_text(const v1::SignalView& view) {
  const v1::Case& value = view.case_();
  const v1::OriginState& origin = value.origin();
  std::string out =
      view.id() + "  " + printable(view.state()) + "\n  " + printable(view.type()) + "  " +
      printable(view.value()) + (value.quality() != 0 ? "  quality " + std::to_string(value.quality()) : "") +
      "\n  from      " + printable(view.issuer_name()) + "\n  labels    " +
      printable(joined(value.labels())) + "   category " + printable(value.category()) + "\n  handling  " +
      printable(view.handling()) +
      (view.handling_reason().empty() ? "" : ": " + printable(view.handling_reason())) + "\n  opinions  " +
      opinions_text(value) + "\n  submitted " + print_time(origin.submitted_ms()) + "   reviewed " +
      print_time(origin.review_ms()) + "   published " + print_time(origin.published_ms()) +
      "   valid until " + print_time(origin.valid_until_ms()) + "\n";
  if (origin.retraction_ms() != 0) {
    out += "  retracted " + print_time(origin.retraction_ms()) + "   receipts due " +
           print_time(origin.retraction_due_ms()) + "\n";
  }
  for (int i = 0; i < value.receivers_size(); ++i) {
    const std::string name = i < view.receiver_names_size() ? view.receiver_names(i) : "a member";
    out += receiver_line(value.receivers(i), name);
  }
  return out;
}

std::string record_text(std::string_view what, const v1::RecordReply& reply) {
  return "✓ " + std::string(what) + " · ledger entry " + grouped(reply.index()) +
         (reply.count() > 1 ? " and " + grouped(reply.count() - 1) + " more" : "") + " · durable at size " +
         grouped(reply.ledger_size()) + "\n";
}

}  // namespace tocsin::cli
