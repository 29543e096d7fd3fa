#include <fstream>
#include <iterator>

#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/session.h"
#include "node/cli/time_text.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

constexpr std::uint64_t kMsPerSecond = 1000;
constexpr std::uint64_t kQuorumMax = 256;
constexpr std::size_t kPolicyFileMax = 64 * 1024;

Result<v1::Witnessing> ask_witnesses(Session& session) {
  return session.daemon().call<v1::Witnessing>("WitnessList", v1::WitnessListRequest());
}

int print_witnesses(Session& session, const v1::Witnessing& reply) {
  Table table = {{"WITNESS", "IN POLICY", "COSIGNED", "LAST", "BY", "PROBLEM"}};
  for (const v1::WitnessInfo& witness : reply.witnesses())
    table.push_back({printable(witness.name()), witness.in_policy() ? "yes" : "no",
                     witness.size() == 0 ? "-" : grouped(witness.size()),
                     print_age(witness.time_s() * kMsPerSecond, session.now_ms()),
                     witness.member() ? "peer link" : printable(witness.url()),
                     printable(witness.last_error())});
  if (!session.for_people()) {
    session.print_one("Witnessing", reply, {});
    return kDone;
  }
  session.print_list("WitnessList", reply.witnesses(), table);
  session.print_text("\n" + witnessed_text(reply, session.now_ms()) +
                     "This node as a witness: " + printable(reply.vkey()) + "\n");
  return kDone;
}

Result<int> list(Session& session, const Arguments&) {
  TRY_ASSIGN(const auto reply, ask_witnesses(session));
  return print_witnesses(session, reply);
}

Result<int> add(Session& session, const Arguments& arguments) {
  v1::WitnessAddRequest request;
  request.set_name(arguments.text("NAME"));
  request.set_vkey(arguments.text("--vkey"));
  request.set_url(arguments.text("--url"));
  TRY_ASSIGN(const std::uint64_t quorum, arguments.number("--quorum", 0, kQuorumMax));
  request.set_quorum(static_cast<std::uint32_t>(quorum));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::Witnessing>("WitnessAdd", request));
  return print_witnesses(session, reply);
}

Result<int> remove(Session& session, const Arguments& arguments) {
  v1::WitnessRemoveRequest request;
  request.set_name(arguments.text("NAME"));
  TRY_ASSIGN(const std::uint64_t quorum, arguments.number("--quorum", 0, kQuorumMax));
  request.set_quorum(static_cast<std::uint32_t>(quorum));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::Witnessing>("WitnessRemove", request));
  return print_witnesses(session, reply);
}

Result<int> set(Session& session, const Arguments& arguments) {
  const std::string path = arguments.text("FILE");
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || text.size() > kPolicyFileMax)
    return tocsin::fail(usage_error("cannot read " + path, "name a tlog-policy file"));
  v1::WitnessSetRequest request;
  request.set_policy(std::move(text));
  request.set_override_reason(arguments.text("--override"));
  if (arguments.has("--override") && request.override_reason().empty())
    return tocsin::fail(usage_error("--override needs a reason: members and auditors read it",
                                    "--override \"two of three witnesses closed down\""));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::Witnessing>("WitnessSet", request));
  return print_witnesses(session, reply);
}

Result<int> checkpoint(Session& session, const Arguments&) {
  TRY_ASSIGN(const auto reply, ask_witnesses(session));
  if (!session.for_people()) {
    session.print_object(envelope("Checkpoint")
                             .number("size", reply.published())
                             .number("cosignatures", reply.cosignatures())
                             .number("witnessed_size", reply.size())
                             .number("witnessed_s", reply.time_s())
                             .text("checkpoint", reply.checkpoint())
                             .text("missing", reply.missing()));
    return static_cast<int>(kDone);
  }
  session.print_text(reply.checkpoint());
  session.io().err << witnessed_text(reply, session.now_ms());
  return static_cast<int>(kDone);
}

}  // namespace

std::string witnessed_text(const v1::Witnessing& witnessing, std::uint64_t now_ms) {
  std::string out;
  if (!witnessing.alarm().empty()) out += "ALARM  " + printable(witnessing.alarm()) + "\n";
  if (witnessing.size() == 0) {
    out += witnessing.policy() ? "never witnessed" : "no witnesses asked for";
  } else {
    out += "witnessed " + grouped(witnessing.size()) + " · " + std::to_string(witnessing.cosignatures()) +
           " cosignatures · " + print_age(witnessing.time_s() * kMsPerSecond, now_ms);
  }
  if (witnessing.behind_s() > 60)
    out += " · oldest record that waits: " + print_duration(witnessing.behind_s());
  if (witnessing.policy()) out += " · published " + grouped(witnessing.published());
  out += "\n";
  if (!witnessing.overridden().empty())
    out += "policy in force without the old quorum: " + printable(witnessing.overridden()) + "\n";
  if (!witnessing.missing().empty()) out += printable(witnessing.missing()) + "\n";
  return out;
}

std::vector<Command> witness_commands() {
  const OptionSpec quorum{"--quorum", "K",
                          "how many must cosign; so many that two quorums share an honest one"};
  return {
      {"ledger checkpoint",
       "what is published: the signed note with its cosignatures",
       {},
       {"tocsin ledger checkpoint", "tocsin ledger checkpoint -o json"},
       checkpoint},
      {"ledger witness list",
       "who cosigned the ledger last, and whether that is enough",
       {},
       {"tocsin ledger witness list"},
       list},
      {"ledger witness add",
       "ask for a witness's cosignature before records are published",
       {{"NAME", "", "a member's name, or what to call another witness", Need::kRequired},
        {"--vkey", "VKEY", "its cosignature/v1 key; not needed for a member"},
        {"--url", "URL", "where it takes add-checkpoint; not needed for a member"},
        quorum},
       {"tocsin ledger witness add beta.example",
        "tocsin ledger witness add w1 --vkey w1.example+0b1d…+BKl… --url https://w1.example"},
       add},
      {"ledger witness remove",
       "ask no longer for a witness; the old quorum must cosign that once",
       {{"NAME", "", "as in the list", Need::kRequired}, quorum},
       {"tocsin ledger witness remove w1"},
       remove},
      {"ledger witness set",
       "put a tlog-policy in force as it is, groups and all",
       {{"FILE", "", "a C2SP tlog-policy that names this ledger's key", Need::kRequired},
        {"--override", "REASON",
         "the old quorum is lost for good: the root key replaces it, and every member is shown why"}},
       {"tocsin ledger witness set witnesses.policy",
        "tocsin ledger witness set new.policy --override \"two of three witnesses closed down\""},
       set},
  };
}

}  // namespace tocsin::cli
