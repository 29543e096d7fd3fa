#include "crypto/random.h"
#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/session.h"
#include "node/cli/time_text.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

constexpr std::size_t kFactsBytesMax = 4096;

// What was typed of the notice; nothing was when the request stays empty.
Result<v1::NoticeRequest> notice_of(Session& session, const Arguments& arguments) {
  v1::NoticeRequest request;
  if (arguments.has("--notice") && arguments.has("--no-notice"))
    return tocsin::fail(usage_error("say --notice or --no-notice, not both"));
  request.set_channel(arguments.text("--notice"));
  request.set_recipient(arguments.text("--recipient"));
  request.set_ground(arguments.text("--no-notice"));
  if (arguments.has("--until")) {
    TRY_ASSIGN(const std::uint64_t until, parse_moment(arguments.text("--until"), session.now_ms()));
    request.set_defer_until_ms(until);
  }
  return request;
}

Result<int> record(Session& session, const Arguments& arguments) {
  v1::ActionRequest request;
  request.set_signal(arguments.text("SIGNAL"));
  for (const std::string& decision : arguments.all("--decision")) request.add_decisions(decision);
  request.set_ground(arguments.has("--illegal") ? "DECISION_GROUND_ILLEGAL_CONTENT"
                                                : "DECISION_GROUND_INCOMPATIBLE_CONTENT");
  request.set_ground_reference(arguments.text("--ground-ref"));
  request.set_explanation(arguments.text("--explanation"));
  if (arguments.has("--facts-file")) {
    TRY_ASSIGN(*request.mutable_facts(), read_text_file(arguments.text("--facts-file"), kFactsBytesMax));
  }
  request.set_category(arguments.text("--category"));
  for (const std::string& type : arguments.all("--content-type")) request.add_content_types(type);
  for (const std::string& territory : arguments.all("--territory")) request.add_territorial_scope(territory);
  const auto or_else = [&](std::string_view option, const char* otherwise) {
    return arguments.has(option) ? arguments.text(option) : std::string(otherwise);
  };
  request.set_source_type(or_else("--source-type", "SOURCE_VOLUNTARY"));
  request.set_automated_detection(or_else("--automated-detection", "Yes"));
  request.set_automated_decision(or_else("--automated-decision", "AUTOMATED_DECISION_NOT_AUTOMATED"));
  request.set_content_reference(arguments.text("--content-ref"));
  if (arguments.has("--ends")) {
    TRY_ASSIGN(const std::uint64_t ends, parse_moment(arguments.text("--ends"), session.now_ms()));
    request.set_ends_ms(ends);
  }
  TRY_ASSIGN(const v1::NoticeRequest notice, notice_of(session, arguments));
  if (notice.ByteSizeLong() != 0) *request.mutable_notice() = notice;
  FixedBytes<16> key{};
  crypto::random_fill(key);
  request.set_idempotency_key(to_string(key));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::ActionReply>("ActionTake", request));
  std::string text = "✓ action " + reply.action() + " is on record   puid " + reply.puid() + "\n";
  if (reply.redress_until_ms() != 0)
    text += "  the person was told and may complain until " + print_time(reply.redress_until_ms()) + "\n";
  else if (notice.ByteSizeLong() == 0)
    text += "  the person is told by " + print_time(reply.notice_due_ms()) + ": tocsin action notify " +
            reply.action() + " --notice CHANNEL\n";
  session.print_one("Action", reply, text);
  return static_cast<int>(kDone);
}

Result<int> notify(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(v1::NoticeRequest request, notice_of(session, arguments));
  request.set_action(arguments.text("ACTION"));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::RecordReply>("ActionNotice", request));
  session.print_one("Record", reply, "✓ on record\n");
  return static_cast<int>(kDone);
}

const OptionSpec kNotice{"--notice", "CHANNEL", "the person was told: in-product, email, post or other"};
const OptionSpec kRecipient{"--recipient", "TEXT", "who was told; personal, opened to nobody"};
const OptionSpec kNoNotice{
    "--no-notice", "GROUND",
    "authority-order or investigation (with --until), deceptive-commercial or unknown-contact"};
const OptionSpec kUntil{"--until", "WHEN", "how long the notice is put off; at most six weeks"};

}  // namespace

std::vector<Command> action_commands() {
  return {
      {"action record",
       "put on record what was done about content that a signal found, with its statement of reasons",
       {{"SIGNAL", "", "its id, or any unambiguous beginning; reviewed here", Need::kRequired},
        {"--decision", "WORD",
         "as in the DSA Transparency Database, e.g. DECISION_VISIBILITY_CONTENT_REMOVED",
         Need::kRequiredRepeated},
        {"--category", "WORD", "e.g. STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY", Need::kRequired},
        {"--content-type", "WORD", "e.g. CONTENT_TYPE_IMAGE", Need::kRequiredRepeated},
        {"--territory", "CODE", "where it applies, e.g. DE", Need::kRequiredRepeated},
        {"--ground-ref", "TEXT", "which law or terms", Need::kRequired},
        {"--illegal", "", "the ground is a law; else it is the terms"},
        {"--explanation", "TEXT", "why it falls under that ground"},
        {"--facts-file", "FILE", "what was seen; personal, opened to nobody"},
        {"--source-type", "WORD", "SOURCE_VOLUNTARY"},
        {"--automated-detection", "WORD", "Yes"},
        {"--automated-decision", "WORD", "AUTOMATED_DECISION_NOT_AUTOMATED"},
        {"--content-ref", "TEXT", "the platform's own name of the content; personal"},
        {"--ends", "WHEN", "when the measure ends; never"},
        kNotice,
        kRecipient,
        kNoNotice,
        kUntil},
       {"tocsin action record sig_k2m5n7 --decision DECISION_VISIBILITY_CONTENT_REMOVED --category "
        "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY --content-type CONTENT_TYPE_IMAGE --territory DE "
        "--ground-ref "
        "\"terms 4.2\" --notice in-product"},
       record},
      {"action notify",
       "put on record that the person was told of an action, or why not",
       {{"ACTION", "", "its id, or any unambiguous beginning", Need::kRequired},
        kNotice,
        kRecipient,
        kNoNotice,
        kUntil},
       {"tocsin action notify 3f2a9c --notice email"},
       notify},
  };
}

}  // namespace tocsin::cli
