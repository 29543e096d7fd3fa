#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/session.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

std::string member_text(const v1::RecoveryMember& member) {
  const std::string name = "  " + printable(member.name()) + "  ";
  if (member.left_out()) return name + "left out by your decision\n";
  if (!member.answered())
    return name + "has not answered" + (member.error().empty() ? "" : ": " + printable(member.error())) +
           "\n";
  return name + "holds " + grouped(member.held()) + " records, has seen " + grouped(member.signed_size()) +
         " signed" + (member.error().empty() ? "" : "; refused: " + printable(member.error())) + "\n";
}

// Danger severe (cli.md): the node's own name is typed, or given as --confirm.
Status confirm(Session& session, const Arguments& arguments, const std::string& name) {
  std::string typed = arguments.text("--confirm");
  if (!arguments.has("--confirm")) {
    TRY_ASSIGN(typed,
               session.ask("What nobody answers for now may turn out later to have been signed: a fork that "
                           "anybody can prove.\nType the name of this node to go on: ",
                           "--confirm " + name));
  }
  if (typed == name) return {};
  return tocsin::fail(usage_error("\"" + typed + "\" is not the name of this node", "--confirm " + name));
}

Result<int> recover(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(const auto status, session.daemon().call<v1::StatusReply>("Status", v1::StatusRequest()));
  v1::RecoverRequest request;
  for (const std::string& name : arguments.all("--without")) request.add_without(name);
  request.set_alone(arguments.has("--alone"));
  request.set_forget_unseen(arguments.has("--forget-unseen"));
  const bool decides = request.without_size() != 0 || request.alone() || request.forget_unseen();
  if (decides && !status.quarantine().empty()) TRY(confirm(session, arguments, status.name()));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::Recovery>("Recover", request));
  session.print_one("Recovery", reply,
                    (decides ? "✓ decided; tocsin status says how it goes on\n" : "") + recovery_text(reply));
  return static_cast<int>(kDone);
}

}  // namespace

std::string recovery_text(const v1::Recovery& recovery) {
  std::string out = "repair   " + printable(recovery.stage()) + ": " + grouped(recovery.had()) +
                    " records proved by the store, " + grouped(recovery.records()) + " with those got back";
  if (recovery.lost_bodies() != 0)
    out += ", " + grouped(recovery.lost_bodies()) + " of them without a body so far";
  out += "\n";
  if (!recovery.waiting_for().empty()) out += "  now  " + printable(recovery.waiting_for()) + "\n";
  if (!recovery.fix().empty()) out += "  fix  " + printable(recovery.fix()) + "\n";
  for (const v1::RecoveryMember& member : recovery.members()) out += member_text(member);
  return out;
}

std::vector<Command> recover_commands() {
  return {
      {"ledger recover",
       "how a node in quarantine gets its records back, and your decisions about it",
       {{"--without", "NAME", "do not wait for this member", Need::kRepeated},
        {"--alone", "", "there is no member to ask: this copy is the newest"},
        {"--forget-unseen", "", "give up records that only this store says were signed"},
        {"--confirm", "NODE", "the name of this node, instead of typing it"}},
       {"tocsin ledger recover", "tocsin ledger recover --without gamma.example",
        "tocsin ledger recover --alone --confirm alpha.example"},
       recover},
  };
}

}  // namespace tocsin::cli
