#include <algorithm>

#include "crypto/hash.h"
#include "crypto/random.h"
#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/person_key.h"
#include "node/cli/session.h"
#include "node/cli/time_text.h"
#include "protocol/identity/descriptor.h"
#include "protocol/process/attestation.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

using protocol::slot_bytes;
using protocol::slot_number;
using protocol::slot_text;
using protocol::SlotType;

constexpr std::size_t kTextBytesMax = 4096;

Table page_of(const v1::AppealView& view) {
  Table table = {{"COMPANY", "ROLE", "ACTED", "TOLD", "STATE", "PUT RIGHT", "STOPPED", "WAITING FOR"}};
  for (const v1::AppealParty& party : view.parties()) {
    const std::string acted = print_time(party.acted_ms()) +
                              (party.actions() > 1 ? " (" + std::to_string(party.actions()) + ")" : "");
    const std::string waiting =
        party.waiting().empty() ? "-" : party.waiting() + ", due " + print_time(party.due_ms());
    table.push_back({party.node(), party.role(), acted, print_time(party.told_ms()), party.state(),
                     print_time(party.put_right_ms()), print_time(party.stopped_ms()), waiting});
  }
  return table;
}

// The one page: the head, then who acted, who put it right, when, and who has not answered.
void print_appeal(Session& session, const v1::AppealView& view) {
  if (!session.for_people()) return session.print_one("Appeal", view, {});
  std::string head = "appeal " + view.id() + " about " + view.signal() + " of " + view.origin() + ", at " +
                     view.channel() + "\n  received " + print_time(view.received_ms()) + ", due " +
                     print_time(view.due_ms()) + ", " + view.state();
  if (view.decided_ms() != 0) head += "; decided " + print_time(view.decided_ms()) + ": " + view.outcome();
  if (!view.retraction().empty()) head += "\n  the signal was retracted: " + view.retraction();
  session.print_text(head + "\n");
  session.print_list("AppealParties", view.parties(), page_of(view));
}

Result<int> file(Session& session, const Arguments& arguments) {
  v1::AppealFileRequest request;
  request.set_action(arguments.text("ACTION"));
  request.set_appellant(arguments.text("--as"));
  request.set_contact(arguments.text("--contact"));
  TRY_ASSIGN(*request.mutable_text(), read_text_file(arguments.text("--text-file"), kTextBytesMax));
  FixedBytes<16> key{};
  crypto::random_fill(key);
  request.set_idempotency_key(to_string(key));
  TRY_ASSIGN(const auto view, session.daemon().call<v1::AppealView>("AppealFile", request));
  print_appeal(session, view);
  return static_cast<int>(kDone);
}

Result<int> list(Session& session, const Arguments& arguments) {
  v1::AppealListRequest request;
  request.set_all(arguments.has("--all"));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::AppealListReply>("AppealList", request));
  Table table = {{"APPEAL", "SIGNAL", "ORIGIN", "CHANNEL", "STATE", "DUE", "OUTCOME"}};
  for (const v1::AppealView& view : reply.appeals())
    table.push_back({view.id(), view.signal(), view.origin(), view.channel(), view.state(),
                     print_time(view.due_ms()), view.outcome().empty() ? "-" : view.outcome()});
  session.print_list("AppealList", reply.appeals(), table);
  return static_cast<int>(kDone);
}

Result<int> show(Session& session, const Arguments& arguments) {
  v1::AppealRequest request;
  request.set_id(arguments.text("APPEAL"));
  TRY_ASSIGN(const auto view, session.daemon().call<v1::AppealView>("AppealShow", request));
  print_appeal(session, view);
  return static_cast<int>(kDone);
}

Result<int> decide(Session& session, const Arguments& arguments) {
  if (arguments.has("--uphold") + arguments.has("--overturn") + arguments.has("--partly") != 1)
    return tocsin::fail(usage_error("say one of --uphold, --overturn or --partly"));
  TRY_ASSIGN(const SecretBytes passphrase, read_secret_file(arguments.text("--passphrase-file")));
  TRY_ASSIGN(const PersonKey person, read_person_key(arguments.text("--key-file"), passphrase));
  if (person.role != PersonRole::kAppealsOfficer)
    return tocsin::fail(Error{Code::kPermissionDenied, "an appeal is decided by an appeals officer",
                              "due-process/R10", "whoever reviewed the signal does not judge the review",
                              "use an appeals officer's key (tocsin user list)"});
  v1::AppealDecideRequest request;
  TRY_ASSIGN(*request.mutable_reasons(), read_text_file(arguments.text("--reasons-file"), kTextBytesMax));
  v1::AppealRequest ask;
  ask.set_id(arguments.text("APPEAL"));
  TRY_ASSIGN(const auto subject, session.daemon().call<v1::AppealSubjectReply>("AppealSubject", ask));
  std::vector<Hash> covers;
  for (const std::string& id : subject.covers()) {
    TRY_ASSIGN(const Hash one, fixed<32>(as_view(id), "an id from the daemon"));
    covers.push_back(one);
  }
  std::vector<protocol::SlotValue> slots = {
      slot_bytes(0, SlotType::kHash, as_view(subject.appeal())),
      slot_number(1, SlotType::kEnum,
                  arguments.has("--uphold")     ? 1
                  : arguments.has("--overturn") ? 2
                                                : 3),
      slot_number(2, SlotType::kEnum, 1),
      slot_bytes(3, SlotType::kHash, crypto::sha256(as_view(request.reasons()))),
      slot_text(
          4, arguments.has("--redress") ? arguments.text("--redress") : "an out-of-court body, or a court"),
      slot_bytes(8, SlotType::kKeyId, protocol::key_id(person.key.public_key())),
      slot_number(9, SlotType::kEnum, 2),
      slot_text(10, arguments.text("--language")),
      slot_number(11, SlotType::kTime, session.now_ms()),
      protocol::slot_hashes(protocol::kSlotCovers, std::move(covers))};
  if (!subject.origin().empty())
    slots.push_back(slot_bytes(protocol::kSlotOrigin, SlotType::kHash, as_view(subject.origin())));
  const Secret<32> key = crypto::random_secret<32>();
  protocol::AttestationContext context;
  TRY_ASSIGN(context.issuer, fixed<32>(as_view(subject.issuer()), "the node's fingerprint"));
  TRY_ASSIGN(context.chain, fixed<32>(as_view(subject.chain()), "a chain id"));
  context.event = protocol::Event::kAppealDecided;
  TRY_ASSIGN(protocol::SlotValue attestation, protocol::attest(context, key.expose(), slots, person.key));
  slots.push_back(std::move(attestation));
  request.set_id(arguments.text("APPEAL"));
  request.set_key_a(to_string(key.expose()));
  request.set_slots_a(to_string(protocol::pack_slots(slots)));
  TRY_ASSIGN(const auto view, session.daemon().call<v1::AppealView>("AppealDecide", request));
  print_appeal(session, view);
  return static_cast<int>(kDone);
}

Result<int> escalate(Session& session, const Arguments& arguments) {
  v1::AppealEscalateRequest request;
  request.set_id(arguments.text("APPEAL"));
  request.set_body(arguments.text("--body"));
  request.set_court(arguments.has("--court"));
  if (arguments.has("--upheld") && arguments.has("--overturned"))
    return tocsin::fail(usage_error("say --upheld or --overturned, not both"));
  if (arguments.has("--upheld")) request.set_outcome("upheld");
  if (arguments.has("--overturned")) request.set_outcome("overturned");
  if (request.court() && request.outcome().empty())
    return tocsin::fail(usage_error("--court goes with --upheld or --overturned"));
  if (arguments.has("--due")) {
    TRY_ASSIGN(const std::uint64_t due, parse_moment(arguments.text("--due"), session.now_ms()));
    request.set_due_ms(due);
  }
  TRY_ASSIGN(const auto view, session.daemon().call<v1::AppealView>("AppealEscalate", request));
  print_appeal(session, view);
  return static_cast<int>(kDone);
}

Result<int> deadlines(Session& session, const Arguments&) {
  TRY_ASSIGN(const auto reply,
             session.daemon().call<v1::DeadlinesReply>("Deadlines", v1::DeadlinesRequest()));
  Table table = {{"DUE", "CLOCK", "RULE", "SIGNAL", "ENTRY", "STATE"}};
  for (const v1::DeadlineView& view : reply.deadlines())
    table.push_back({print_time(view.due_ms()), view.clock(), view.rule(), view.signal(),
                     grouped(view.index()), view.late() ? "late" : "open"});
  session.print_list("DeadlineList", reply.deadlines(), table);
  return static_cast<int>(kDone);
}

const OptionSpec kAppeal{"APPEAL", "", "its id, or any unambiguous beginning", Need::kRequired};

}  // namespace

std::vector<Command> appeal_commands() {
  return {
      {"appeal file",
       "a person's complaint about an action of ours: it reaches the signal's origin and everybody who holds "
       "it",
       {{"ACTION", "", "the action's id, or any unambiguous beginning", Need::kRequired},
        {"--text-file", "FILE", "what the person says; personal, opened to nobody", Need::kRequired},
        {"--contact", "TEXT", "how to reach the person; personal"},
        {"--as", "WHO", "person-affected (default), notifier or representative"}},
       {"tocsin appeal file 3f2a9c --text-file complaint.txt --contact jo@mail.example"},
       file},
      {"appeal list",
       "appeals that wait for this company",
       {{"--all", "", "also those that are decided, or wait for somebody else"}},
       {"tocsin appeal list", "tocsin appeal list --all -o ndjson"},
       list},
      {"appeal show",
       "one page: who acted, who put it right, when, and who has not answered",
       {kAppeal},
       {"tocsin appeal show 9b1c44"},
       show},
      {"appeal decide",
       "decide an appeal and sign it with an appeals officer's key; what is overturned is undone and "
       "retracted at once",
       {kAppeal,
        {"--uphold", "", "the action stands"},
        {"--overturn", "", "the person is right"},
        {"--partly", "", "in part"},
        {"--key-file", "FILE", "the appeals officer's key", Need::kRequired},
        {"--passphrase-file", "FILE", "its first line opens the key", Need::kRequired},
        {"--reasons-file", "FILE", "why; personal, opened to nobody", Need::kRequired},
        {"--language", "CODE", "of the decision, e.g. en", Need::kRequired},
        {"--redress", "TEXT", "what the person may do next; an out-of-court body, or a court"}},
       {"tocsin appeal decide 9b1c44 --overturn --key-file o-2.key --passphrase-file o-2.pass --reasons-file "
        "why.txt "
        "--language en"},
       decide},
      {"appeal escalate",
       "put on record that an appeal went to an out-of-court body or a court, or what that decided",
       {kAppeal,
        {"--body", "NAME", "which", Need::kRequired},
        {"--due", "WHEN", "by when it decides; 90d"},
        {"--upheld", "", "it decided: the action stands"},
        {"--overturned", "", "it decided for the person"},
        {"--court", "", "it is a court"}},
       {"tocsin appeal escalate 9b1c44 --body \"User Rights\"",
        "tocsin appeal escalate 9b1c44 --body \"User Rights\" --overturned"},
       escalate},
      {"appeal deadlines",
       "what this company owes people, earliest first",
       {},
       {"tocsin appeal deadlines"},
       deadlines},
  };
}

}  // namespace tocsin::cli
