#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/session.h"
#include "node/cli/time_text.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

std::string lag(const v1::PeerInfo& peer) {
  if (peer.head_size() == 0 && peer.entries() == 0) return "-";
  return peer.head_size() <= peer.entries() ? "in sync"
                                            : grouped(peer.head_size() - peer.entries()) + " behind";
}

std::string peer_text(const v1::PeerInfo& peer, std::uint64_t now_ms) {
  std::string out = printable(peer.name()) + "\n  state        " + printable(peer.state()) +
                    (peer.reason().empty() ? "" : " (" + printable(peer.reason()) + ")") +
                    (peer.connected() ? ", connected" : ", not connected") + "\n  address      " +
                    printable(peer.address()) + "\n  key          " + peer.fingerprint() +
                    "\n  ledger       " + grouped(peer.entries()) + " of " + grouped(peer.head_size()) +
                    " entries held, " + lag(peer) + "\n  last sync    " +
                    print_age(peer.last_sync_ms(), now_ms) + "\n  certificate  until " +
                    print_time(peer.certificate_until_ms()) + ", descriptor " +
                    std::to_string(peer.descriptor_sequence()) + "\n";
  if (!peer.alarm().empty()) out += "  ALARM        " + printable(peer.alarm()) + "\n";
  if (!peer.last_error().empty()) out += "  last error   " + printable(peer.last_error()) + "\n";
  if (!peer.notice().empty()) out += "  NOTICE       " + printable(peer.notice()) + "\n";
  if (!peer.last_refusal().empty())
    out += "  refused      " + print_age(peer.last_refusal_ms(), now_ms) + ": " +
           printable(peer.last_refusal()) + "\n";
  for (const v1::PeerEvidence& evidence : peer.evidence()) {
    out += "  evidence     " + print_time(evidence.time_ms()) + "  " + printable(evidence.kind()) +
           " at entry " + std::to_string(evidence.index()) + ": " + printable(evidence.text()) + "\n";
  }
  return out;
}

Result<int> list(Session& session, const Arguments&) {
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::PeerListReply>("PeerList", v1::PeerListRequest()));
  Table table = {{"PEER", "STATE", "SYNC", "ENTRIES", "LAST", "KEY"}};
  for (const v1::PeerInfo& peer : reply.peers()) {
    table.push_back({peer.name(), peer.state(), lag(peer), grouped(peer.entries()),
                     print_age(peer.last_sync_ms(), session.now_ms()),
                     peer.fingerprint().substr(0, 15) + "…"});
  }
  session.print_list("PeerList", reply.peers(), table);
  return static_cast<int>(kDone);
}

Result<int> one(Session& session, const Arguments& arguments, std::string_view call) {
  v1::PeerRequest request;
  request.set_peer(arguments.text("PEER"));
  request.set_reason(arguments.text("--reason"));
  request.set_despite_evidence(arguments.has("--despite-evidence"));
  TRY_ASSIGN(const auto peer, session.daemon().call<v1::PeerInfo>(call, request));
  session.print_one("Peer", peer, peer_text(peer, session.now_ms()));
  return static_cast<int>(kDone);
}

Result<int> show(Session& session, const Arguments& arguments) {
  return one(session, arguments, "PeerShow");
}
Result<int> suspend(Session& session, const Arguments& arguments) {
  return one(session, arguments, "PeerSuspend");
}
Result<int> resume(Session& session, const Arguments& arguments) {
  return one(session, arguments, "PeerResume");
}

}  // namespace

std::vector<Command> peer_commands() {
  const OptionSpec peer{"PEER", "", "its name", Need::kRequired};
  return {
      {"peer list",
       "the nodes this one exchanges records with",
       {},
       {"tocsin peer list", "tocsin peer list -o ndjson"},
       list},
      {"peer show",
       "one peer: key, ledger, evidence against it",
       {peer},
       {"tocsin peer show beta.example"},
       show},
      {"peer suspend",
       "stop exchanging with a peer",
       {peer, {"--reason", "TEXT", "recorded in the ledger", Need::kRequired}},
       {"tocsin peer suspend gamma.example --reason key-compromise"},
       suspend},
      {"peer resume",
       "take a suspended peer back, or one in quarantine",
       {peer,
        {"--reason", "TEXT", "recorded in the ledger", Need::kRequired},
        {"--despite-evidence", "", "end a quarantine, although the proof against it stands"}},
       {"tocsin peer resume gamma.example --reason \"new key confirmed by phone\""},
       resume},
  };
}

}  // namespace tocsin::cli
