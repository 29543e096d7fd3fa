#include "crypto/base/encoding.h"
#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/session.h"
#include "node/cli/signal_text.h"
#include "node/cli/time_text.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

constexpr std::uint64_t kListPage = 50;
constexpr std::uint64_t kListPageMax = 1000;

const OptionSpec kSignal{"SIGNAL", "", "its id, or any unambiguous beginning", Need::kRequired};

Result<int> show(Session& session, const Arguments& arguments) {
  v1::SignalRequest request;
  request.set_id(arguments.text("SIGNAL"));
  TRY_ASSIGN(const auto view, session.daemon().call<v1::SignalView>("SignalShow", request));
  session.print_one("Signal", view, signal_text(view));
  return static_cast<int>(kDone);
}

Result<int> list(Session& session, const Arguments& arguments) {
  v1::SignalListRequest request;
  request.set_state(arguments.text("--state"));
  request.set_type(arguments.text("--type"));
  request.set_issuer(arguments.text("--issuer"));
  const bool all = arguments.has("--all");
  TRY_ASSIGN(const std::uint64_t limit,
             arguments.number("--limit", all ? kListPageMax : kListPage, kListPageMax));
  request.set_limit(static_cast<std::uint32_t>(limit));
  if (arguments.has("--after")) {
    const Result<Bytes> after = hex_decode(arguments.text("--after"));
    if (!after) return tocsin::fail(usage_error("--after takes what \"next\" of the page before says"));
    request.set_after(to_string(*after));
  }
  v1::SignalListReply out;
  do {
    TRY_ASSIGN(auto page, session.daemon().call<v1::SignalListReply>("SignalList", request));
    request.set_after(page.next());
    out.set_next(page.next());
    if (session.format() == OutputFormat::kNdjson) {
      session.print_list("SignalList", page.signals(), {});  // page by page: any number fits
    } else {
      out.mutable_signals()->MergeFrom(page.signals());
    }
  } while (all && !request.after().empty());
  if (session.format() != OutputFormat::kNdjson) {
    session.print_list("SignalList", out.signals(), signal_table(out.signals()),
                       hex_encode(as_view(out.next())));
  }
  if (session.for_people() && !out.next().empty()) {
    session.io().err << "more follow: --all, or --after " << hex_encode(as_view(out.next())) << '\n';
  }
  return static_cast<int>(kDone);
}

Result<int> history(Session& session, const Arguments& arguments) {
  v1::SignalRequest request;
  request.set_id(arguments.text("SIGNAL"));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::HistoryReply>("History", request));
  Table table = {{"TIME", "LEDGER", "ENTRY", "EVENT", "WHO", "REASON", "WHAT"}};
  for (const auto& e : reply.entries()) {
    table.push_back({print_time(e.time_ms()), e.ledger(), grouped(e.index()), e.event_name(), e.who(),
                     e.reason(), e.text()});
  }
  session.print_list("History", reply.entries(), table);
  if (session.for_people() && reply.left_out() > 0) {
    session.io().err << grouped(reply.left_out()) << " older entries are not shown\n";
  }
  return static_cast<int>(kDone);
}

}  // namespace

std::vector<Command> signal_commands() {
  return {
      {"signal show",
       "one signal: basis, state, opinions, receipts",
       {kSignal},
       {"tocsin signal show sig_k2m5n7"},
       show},
      {"signal list",
       "signals this node holds",
       {{"--state", "STATE", "LIVE, SHAREABLE, RETRACTED, HELD, …"},
        {"--type", "TYPE", "sha256, pdq, …"},
        {"--issuer", "NAME", "of this member only"},
        {"--limit", "N", "at most this many; 50"},
        {"--after", "HEX", "the page after this one"},
        {"--all", "", "every page"}},
       {"tocsin signal list --state LIVE", "tocsin signal list --all -o ndjson"},
       list},
      {"signal history",
       "all that happened to a signal, in every ledger we hold",
       {kSignal},
       {"tocsin signal history sig_k2m5n7 -o json"},
       history},
  };
}

}  // namespace tocsin::cli
