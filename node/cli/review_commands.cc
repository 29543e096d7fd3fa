#include "node/cli/attested.h"
#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/session.h"
#include "node/cli/signal_text.h"
#include "node/cli/time_text.h"
#include "protocol/identity/descriptor.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

using protocol::slot_number;
using protocol::slot_text;
using protocol::SlotType;

constexpr std::uint64_t kAllContexts = 31;  // SPEC §4, REVIEWED slot 6: all five were looked at
constexpr std::size_t kFactsBytesMax = 4096;

Result<int> queue(Session& session, const Arguments& arguments) {
  v1::QueueRequest request;
  TRY_ASSIGN(const std::uint64_t limit, arguments.number("--limit", 50, 1000));
  request.set_limit(static_cast<std::uint32_t>(limit));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::SignalListReply>("Queue", request));
  session.print_list("ReviewQueue", reply.signals(), signal_table(reply.signals()));
  return static_cast<int>(kDone);
}

struct Decision {
  std::uint64_t decision = 0;
  std::uint64_t ground = 0;
  std::uint64_t reviewed_ms = 0;
  std::uint64_t expiry_ms = 0;
};

Result<Decision> decision_of(Session& session, const Arguments& arguments) {
  Decision out;
  if (arguments.has("--approve") + arguments.has("--reject") + arguments.has("--more") != 1) {
    return tocsin::fail(usage_error("say one of --approve, --reject or --more"));
  }
  out.decision = arguments.has("--approve") ? 1 : arguments.has("--reject") ? 2 : 3;
  const std::string ground = arguments.text("--ground");
  if (ground != "law" && ground != "terms") {
    return tocsin::fail(usage_error("no ground \"" + ground + "\"", "--ground law or --ground terms"));
  }
  out.ground = ground == "law" ? 1 : 2;
  if (!arguments.has("--context-checked")) {
    return tocsin::fail(
        Error{Code::kInvalidArgument, "a review looks at the context first", "due-process/context",
              "journalism, education, art, research and counter-speech are not shared as signals",
              "look, then say --context-checked"});
  }
  out.reviewed_ms = session.now_ms();
  TRY_ASSIGN(out.expiry_ms,
             parse_moment(arguments.has("--expires") ? arguments.text("--expires") : "1y", out.reviewed_ms));
  return out;
}

Result<int> decide(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(const Decision decision, decision_of(session, arguments));
  TRY_ASSIGN(const SecretBytes passphrase, read_secret_file(arguments.text("--passphrase-file")));
  TRY_ASSIGN(const PersonKey person, read_person_key(arguments.text("--key-file"), passphrase));
  if (person.role == PersonRole::kSubmitter) {
    return tocsin::fail(Error{Code::kPermissionDenied,
                              "a submitter's key cannot review",
                              "due-process/role",
                              {},
                              "use a reviewer's or an appeals officer's key (tocsin user list)"});
  }
  std::string facts;
  if (arguments.has("--facts-file")) {
    TRY_ASSIGN(facts, read_text_file(arguments.text("--facts-file"), kFactsBytesMax));
  }
  TRY_ASSIGN(const Subject subject,
             resolve_subject(session, arguments.all("SIGNAL"), protocol::Event::kReviewed));
  std::vector<protocol::SlotValue> slots = {
      slot_number(0, SlotType::kEnum, decision.decision),
      slot_text(1, arguments.text("--clause")),
      slot_text(2, arguments.has("--clause-version") ? arguments.text("--clause-version") : "1"),
      slot_number(3, SlotType::kEnum, decision.ground),
      slot_text(4, arguments.text("--ground-ref")),
      slot_text(5, arguments.text("--data-basis")),
      slot_number(6, SlotType::kUint, kAllContexts),
      slot_text(7, arguments.text("--proportionality")),
      protocol::slot_bytes(8, SlotType::kKeyId, protocol::key_id(person.key.public_key())),
      slot_number(9, SlotType::kEnum, person.role == PersonRole::kReviewer ? 1 : 2),
      slot_text(10, arguments.text("--language")),
      slot_number(11, SlotType::kTime, decision.reviewed_ms),
      slot_number(12, SlotType::kTime, decision.expiry_ms)};
  TRY_ASSIGN(const auto reply, send_attested(session, subject, std::move(slots), &person, facts));
  static constexpr std::string_view kVerbs[] = {"approved", "rejected", "sent back for more"};
  session.print_one(
      "Record", reply,
      record_text(std::string(kVerbs[decision.decision - 1]) + " by " + printable(person.pseudonym), reply));
  return static_cast<int>(kDone);
}

}  // namespace

std::vector<Command> review_commands() {
  return {
      {"review queue",
       "signals that wait for a review here",
       {{"--limit", "N", "at most this many; 50"}},
       {"tocsin review queue", "tocsin review queue -o ndjson"},
       queue},
      {"review decide",
       "decide about signals, ours or another company's, and sign it with a person's key",
       {{"SIGNAL", "", "ids, or any unambiguous beginning; several of one company make one record",
         Need::kRequiredRepeated},
        {"--approve", "", "it may be shared and used"},
        {"--reject", "", "it may not"},
        {"--more", "", "undecided: more is needed"},
        {"--key-file", "FILE", "the reviewer's key", Need::kRequired},
        {"--passphrase-file", "FILE", "its first line opens the key", Need::kRequired},
        {"--clause", "TEXT", "the rule that applies, e.g. tvec:3.2", Need::kRequired},
        {"--clause-version", "TEXT", "of that rule; 1"},
        {"--ground", "GROUND", "law or terms", Need::kRequired},
        {"--ground-ref", "TEXT", "which law or terms, e.g. EU-2021/784", Need::kRequired},
        {"--data-basis", "TEXT", "data-protection basis, e.g. \"GDPR 6(1)(f)\"", Need::kRequired},
        {"--proportionality", "TEXT", "why sharing it is not too much", Need::kRequired},
        {"--language", "CODE", "of what was reviewed, e.g. en", Need::kRequired},
        {"--context-checked", "", "it is no journalism, education, art, research or counter-speech"},
        {"--expires", "WHEN", "when the review lapses; 1y"},
        {"--facts-file", "FILE", "what the reviewer saw; personal, opened to nobody"}},
       {"tocsin review decide sig_k2m5n7 --approve --key-file r-17.key --passphrase-file r-17.pass --clause "
        "tvec:3.2 "
        "--ground law --ground-ref EU-2021/784 --data-basis \"GDPR 6(1)(f)\" --proportionality \"hash only, "
        "one year\" "
        "--language en --context-checked"},
       decide},
  };
}

}  // namespace tocsin::cli
