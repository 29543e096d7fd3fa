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

using protocol::Event;
using protocol::SlotType;

const OptionSpec kSignals{"SIGNAL", "", "ids, or any unambiguous beginning", Need::kRequiredRepeated};

// What was typed for an ENUM slot of a record.
Result<std::uint64_t> choice(Event event, std::uint8_t slot, const std::string& typed) {
  auto value = protocol::enum_value(event, slot, typed);
  if (!value) return tocsin::fail(usage_error(value.error().message, value.error().fix));
  return *value;
}

Result<int> publish(Session& session, const Arguments& arguments) {
  v1::PublishRequest request;
  for (const std::string& signal : arguments.all("SIGNAL")) request.add_signals(signal);
  request.set_group(arguments.text("--group"));
  request.set_purpose(arguments.text("--purpose"));
  if (arguments.has("--tlp")) {
    TRY_ASSIGN(const std::uint64_t tlp, choice(Event::kPublished, 4, arguments.text("--tlp")));
    request.set_tlp(static_cast<std::uint32_t>(tlp));
  }
  if (arguments.has("--use")) {
    TRY_ASSIGN(const std::uint64_t use, choice(Event::kPublished, 5, arguments.text("--use")));
    request.set_permitted_use(static_cast<std::uint32_t>(use));
  }
  TRY_ASSIGN(const std::uint64_t hops, arguments.number("--hop-limit", 0, 16));
  request.set_hop_limit(static_cast<std::uint32_t>(hops));
  if (arguments.has("--expires")) {
    TRY_ASSIGN(const std::uint64_t expires, parse_moment(arguments.text("--expires"), session.now_ms()));
    request.set_expires_ms(expires);
  }
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::RecordReply>("Publish", request));
  session.print_one("Record", reply, record_text("published", reply));
  return static_cast<int>(kDone);
}

Result<int> opine(Session& session, const Arguments& arguments) {
  const int chosen = arguments.has("--agree") + arguments.has("--investigate") + arguments.has("--disagree");
  if (chosen != 1) return tocsin::fail(usage_error("say one of --agree, --investigate or --disagree"));
  const std::uint64_t opinion = arguments.has("--agree") ? 1 : arguments.has("--investigate") ? 2 : 3;
  TRY_ASSIGN(const std::uint64_t reason, choice(Event::kOpinion, 1, arguments.text("--reason")));
  TRY_ASSIGN(const SecretBytes passphrase, read_secret_file(arguments.text("--passphrase-file")));
  TRY_ASSIGN(const PersonKey person, read_person_key(arguments.text("--key-file"), passphrase));
  TRY_ASSIGN(const Subject subject, resolve_subject(session, arguments.all("SIGNAL"), Event::kOpinion));
  std::vector<protocol::SlotValue> slots = {
      protocol::slot_number(0, SlotType::kEnum, opinion),
      protocol::slot_number(1, SlotType::kEnum, reason),
      protocol::slot_bytes(2, SlotType::kHash, as_view(subject.reply.label_set())),
      protocol::slot_number(3, SlotType::kEnum, 1),
      protocol::slot_number(4, SlotType::kEnum, arguments.has("--not-independent") ? 2 : 1),
      protocol::slot_bytes(8, SlotType::kKeyId, protocol::key_id(person.key.public_key())),
      protocol::slot_number(11, SlotType::kTime, session.now_ms())};
  TRY_ASSIGN(const auto reply, send_attested(session, subject, std::move(slots), &person, {}));
  session.print_one("Record", reply, record_text("opinion recorded", reply));
  return static_cast<int>(kDone);
}

Result<int> retract(Session& session, const Arguments& arguments) {
  v1::RetractRequest request;
  for (const std::string& signal : arguments.all("SIGNAL")) request.add_signals(signal);
  std::string reason = arguments.text("--reason");
  for (char& c : reason) c = c == '-' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  request.set_reason(reason);
  request.set_cause(arguments.text("--cause"));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::RecordReply>("Retract", request));
  session.print_one("Record", reply, record_text("retracted", reply));
  return static_cast<int>(kDone);
}

}  // namespace

std::vector<Command> sharing_commands() {
  return {
      {"signal publish",
       "share reviewed signals with the network",
       {kSignals,
        {"--group", "NAME", "one group of the network; all members otherwise"},
        {"--tlp", "TLP", "clear, green, amber, amber+strict or red; amber"},
        {"--use", "USE", "what receivers may do: review or act; act"},
        {"--purpose", "TEXT", "what it is shared for"},
        {"--hop-limit", "N", "how often it may be passed on; 0"},
        {"--expires", "WHEN", "the signal's own time otherwise"}},
       {"tocsin signal publish sig_k2m5n7 --tlp amber"},
       publish},
      {"signal opine",
       "a person's opinion of another company's signal",
       {kSignals,
        {"--agree", "", "it is what it is said to be"},
        {"--investigate", "", "worth a look, not confirmed"},
        {"--disagree", "", "it is not"},
        {"--reason", "REASON",
         "confirmed, news-coverage, wrong-label, not-violating, context-excluded, duplicate, other",
         Need::kRequired},
        {"--not-independent", "", "it rests on somebody else's opinion"},
        {"--key-file", "FILE", "the reviewer's key", Need::kRequired},
        {"--passphrase-file", "FILE", "its first line opens the key", Need::kRequired}},
       {"tocsin signal opine sig_k2m5n7 --disagree --reason news-coverage --key-file r-17.key "
        "--passphrase-file r-17.pass"},
       opine},
      {"signal retract",
       "withdraw our signal everywhere; receivers answer with a receipt",
       {kSignals,
        {"--reason", "REASON", "false-positive, wrong-label, basis-lapsed, appeal-upheld, …",
         Need::kRequired},
        {"--cause", "TEXT", "what came to light"}},
       {"tocsin signal retract sig_k2m5n7 --reason false-positive --cause \"news footage\""},
       retract},
  };
}

}  // namespace tocsin::cli
