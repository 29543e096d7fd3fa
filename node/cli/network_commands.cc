#include <algorithm>

#include "crypto/base/encoding.h"
#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/session.h"
#include "node/cli/time_text.h"
#include "protocol/identity/descriptor.h"
#include "protocol/identity/invitation.h"
#include "protocol/identity/words.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

constexpr std::uint32_t kByWords = 1;  // SPEC §4, MEMBER_ADDED
constexpr std::uint32_t kByFingerprint = 2;
constexpr std::size_t kCharterBytesMax = 4096;
// The daemon asks the inviter at once; an answer takes a round trip.
constexpr std::string_view kJoinWait = "30s";
constexpr std::uint64_t kJoinWaitMaxMs = 3'600'000;
constexpr std::uint64_t kJoinLookMs = 100;

struct Confirmation {
  std::string fingerprint;
  std::uint32_t by = 0;
};

Result<std::string> words_of(const std::string& fingerprint) {
  TRY_ASSIGN(const Hash hash, protocol::parse_fingerprint(fingerprint));
  TRY_ASSIGN(const protocol::SafetyWords words, protocol::safety_words(hash));
  return protocol::print_words(words);
}

// The first words are shown; the last two must come from the other side's mouth, over another channel.
Result<Confirmation> confirm(Session& session, const Arguments& arguments, const Hash& theirs,
                             const std::string& who) {
  const std::string printed = protocol::print_fingerprint(theirs);
  if (arguments.has("--fingerprint")) {
    TRY_ASSIGN(const Hash given, protocol::parse_fingerprint(arguments.text("--fingerprint")));
    if (given == theirs) return Confirmation{printed, kByFingerprint};
    return tocsin::fail(Error{Code::kPermissionDenied, "that is not the key of " + who, "join/fingerprint",
                              "it has " + printed,
                              "stop, and ask " + who + " for its fingerprint over another channel"});
  }
  TRY_ASSIGN(const protocol::SafetyWords words, protocol::safety_words(theirs));
  auto& err = session.io().err;
  err << "  " << printed << "\n  words      ";
  for (std::size_t i = 0; i + 2 < words.size(); ++i) err << words[i] << ' ';
  err << "…  …\n";
  const std::string question =
      "Ask " + printable(who) + "'s security contact by phone. Type the LAST two words they read to you:";
  TRY_ASSIGN(const std::string typed,
             session.ask(question, "--fingerprint " + std::string("SHA256:…, exactly as they print it")));
  std::string all;
  for (std::size_t i = 0; i + 2 < words.size(); ++i) all += std::string(words[i]) + ' ';
  if (protocol::words_are(all + typed, words)) return Confirmation{printed, kByWords};
  return tocsin::fail(Error{Code::kPermissionDenied, "those are not the last two words of this key",
                            "join/words", "somebody may be between you and " + who,
                            "ask them to read all six words again"});
}

std::string network_text(const v1::Network& network) {
  std::string out = "Network      " + printable(network.name()) + "\nCoordinator  " +
                    printable(network.coordinator()) + "\nGroup epoch  " +
                    std::to_string(network.group_epoch()) + "\nMembers      ";
  for (int i = 0; i < network.members_size(); ++i)
    out += (i == 0 ? "" : ", ") + printable(network.members(i));
  return out + "\nCharter      " + printable(network.charter().substr(0, 400)) + "\n";
}

Result<int> create(Session& session, const Arguments& arguments) {
  v1::NetworkCreateRequest request;
  request.set_name(arguments.text("NAME"));
  TRY_ASSIGN(std::string charter, read_text_file(arguments.text("--charter"), kCharterBytesMax));
  while (!charter.empty() && charter.back() == '\n') charter.pop_back();
  request.set_charter(charter);
  TRY_ASSIGN(const auto network, session.daemon().call<v1::Network>("NetworkCreate", request));
  session.print_one("Network", network, network_text(network));
  return static_cast<int>(kDone);
}

Result<int> show(Session& session, const Arguments&) {
  TRY_ASSIGN(const auto network, session.daemon().call<v1::Network>("NetworkShow", v1::NetworkShowRequest()));
  session.print_one("Network", network, network_text(network));
  return static_cast<int>(kDone);
}

Result<int> invite(Session& session, const Arguments& arguments) {
  v1::InviteRequest request;
  request.set_peer_name(arguments.text("--peer-name"));
  TRY_ASSIGN(const std::uint64_t expires,
             parse_duration_ms(arguments.has("--expires") ? arguments.text("--expires") : "48h"));
  request.set_expires_s(expires / 1000);
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::InviteReply>("Invite", request));
  TRY_ASSIGN(const std::string words, words_of(reply.fingerprint()));
  if (!session.for_people()) {
    JsonObject object = envelope("Invitation");
    session.print_object(object.fields(json_of(reply)).text("words", words));
    return static_cast<int>(kDone);
  }
  session.print_text("Invite for " + printable(request.peer_name()) + " (expires " +
                     print_time(reply.expires_ms()) + ", single use)\n  " + reply.token() +
                     "\n      send it by mail: it is useless without the check below\n" + "  Our key   " +
                     reply.fingerprint() + "\n  Read to them by phone:   " + words + "\n");
  return static_cast<int>(kDone);
}

// Asks how the request stands until the inviter has answered or the time is over.
Result<v1::JoinNetworkReply> await_answer(Session& session, const v1::JoinNetworkRequest& request,
                                          const v1::Invitation& invitation, std::uint64_t wait_ms) {
  for (std::uint64_t waited = 0;; waited += kJoinLookMs) {
    TRY_ASSIGN(auto reply, session.daemon().call<v1::JoinNetworkReply>("Join", request));
    const std::string inviter = printable(invitation.inviter_name());
    if (reply.state() == "refused")
      return tocsin::fail(Error{Code::kPermissionDenied, inviter + " refused: " + printable(reply.reason()),
                                "join/refused", "the network's coordinator decides who joins",
                                "ask " + inviter + " for a new invitation"});
    if (reply.state() != "connecting" || wait_ms == 0) return reply;
    if (waited >= wait_ms)
      return tocsin::fail(Error{
          Code::kDeadlineExceeded,
          inviter + " has not answered within " + std::to_string(wait_ms / 1000) + " s", "join/unanswered",
          reply.reason().empty() ? "nothing has come from " + printable(invitation.inviter_address())
                                 : printable(reply.reason()),
          "the node goes on asking: run this again to see how it stands"});
    session.io().pause(kJoinLookMs);
  }
}

Result<int> join(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(const v1::Invitation invitation, protocol::parse_invitation(arguments.text("TOKEN")));
  TRY_ASSIGN(const std::uint64_t wait,
             parse_duration_ms(arguments.has("--wait") ? arguments.text("--wait") : std::string(kJoinWait)));
  const std::uint64_t wait_ms = arguments.has("--no-wait") ? 0 : std::min(wait, kJoinWaitMaxMs);
  if (invitation.expires_ms() <= session.now_ms()) {
    return tocsin::fail(Error{Code::kFailedPrecondition, "this invitation has expired", "join/expired",
                              "it was good until " + print_time(invitation.expires_ms()),
                              "ask for a new one"});
  }
  TRY_ASSIGN(const Hash inviter, fixed<32>(as_view(invitation.inviter_root()), "the inviter's fingerprint"));
  if (session.for_people()) {
    session.io().err << "Network    " << printable(invitation.network_name()) << "\nInviter    "
                     << printable(invitation.inviter_name()) << " at "
                     << printable(invitation.inviter_address()) << '\n';
  }
  TRY_ASSIGN(const Confirmation confirmed, confirm(session, arguments, inviter, invitation.inviter_name()));
  v1::JoinNetworkRequest request;
  request.set_token(arguments.text("TOKEN"));
  request.set_fingerprint(confirmed.fingerprint);
  request.set_confirmed_by(confirmed.by);
  TRY_ASSIGN(const auto reply, await_answer(session, request, invitation, wait_ms));
  TRY_ASSIGN(const std::string words, words_of(reply.own_fingerprint()));
  if (!session.for_people()) {
    JsonObject object = envelope("Join");
    session.print_object(object.fields(json_of(reply)).text("words", words));
    return static_cast<int>(kDone);
  }
  session.print_text("✓ key of " + printable(invitation.inviter_name()) + " confirmed by " +
                     (confirmed.by == kByWords ? "safety words" : "fingerprint") + "\n" +
                     printable(reply.state()) +
                     (reply.reason().empty() ? "" : ": " + printable(reply.reason())) + "\nOur key    " +
                     reply.own_fingerprint() + "\nOur words for them:  " + words +
                     "\nNext: they run   tocsin network accept " + printable(session.config().name) + "\n");
  return static_cast<int>(kDone);
}

Result<int> accept(Session& session, const Arguments& arguments) {
  const std::string peer = arguments.text("PEER");
  TRY_ASSIGN(const auto waiting,
             session.daemon().call<v1::CandidatesReply>("Candidates", v1::CandidatesRequest()));
  for (const v1::Candidate& candidate : waiting.candidates()) {
    if (candidate.name() != peer) continue;
    TRY_ASSIGN(const Hash theirs, protocol::parse_fingerprint(candidate.fingerprint()));
    TRY_ASSIGN(const Confirmation confirmed, confirm(session, arguments, theirs, peer));
    v1::AcceptRequest request;
    request.set_peer(peer);
    request.set_fingerprint(confirmed.fingerprint);
    request.set_confirmed_by(confirmed.by);
    TRY_ASSIGN(const auto info, session.daemon().call<v1::PeerInfo>("Accept", request));
    session.print_one(
        "Peer", info,
        "✓ " + printable(peer) + " is a member now   (tocsin peer show " + printable(peer) + ")\n");
    return static_cast<int>(kDone);
  }
  return tocsin::fail(
      Error{Code::kNotFound,
            peer + " has not asked to join",
            "join/candidate",
            {},
            "they run  tocsin network join TOKEN  first; who waits:  tocsin network candidates"});
}

Result<int> candidates(Session& session, const Arguments&) {
  TRY_ASSIGN(const auto reply,
             session.daemon().call<v1::CandidatesReply>("Candidates", v1::CandidatesRequest()));
  Table table = {{"NAME", "ADDRESS", "KEY"}};
  for (const auto& c : reply.candidates()) table.push_back({c.name(), c.address(), c.fingerprint()});
  session.print_list("CandidateList", reply.candidates(), table);
  return static_cast<int>(kDone);
}

}  // namespace

std::vector<Command> network_commands() {
  const OptionSpec fingerprint{"--fingerprint", "SHA256:…", "their key, exactly; instead of typing words"};
  return {
      {"network create",
       "found a network and coordinate it",
       {{"NAME", "", "what its members call it", Need::kRequired},
        {"--charter", "FILE", "the text that members sign up to, at most 4096 bytes", Need::kRequired}},
       {"tocsin network create tvec-eu --charter charter.txt"},
       create},
      {"network show",
       "the network this node belongs to",
       {},
       {"tocsin network show", "tocsin network show -o json"},
       show},
      {"network invite",
       "invite a company",
       {{"--peer-name", "NAME", "the node that may use it", Need::kRequired},
        {"--expires", "DURATION", "how long it is good for; 48h"}},
       {"tocsin network invite --peer-name beta.example --expires 48h"},
       invite},
      {"network join",
       "join the network that a token invites to",
       {{"TOKEN", "", "tocsin-invite-…", Need::kRequired},
        fingerprint,
        {"--wait", "DURATION", "for the inviter's answer, at most; 30s"},
        {"--no-wait", "", "only start asking"}},
       {"tocsin network join tocsin-invite-…",
        "tocsin network join tocsin-invite-… --no-input --fingerprint SHA256:…"},
       join},
      {"network candidates", "who asked to join and waits", {}, {"tocsin network candidates"}, candidates},
      {"network accept",
       "make a candidate a member",
       {{"PEER", "", "its name", Need::kRequired}, fingerprint},
       {"tocsin network accept beta.example",
        "tocsin network accept beta.example --no-input --fingerprint SHA256:…"},
       accept},
  };
}

}  // namespace tocsin::cli
