#include "crypto/base/bytes.h"
#include "node/cli/command.h"
#include "protocol/identity/descriptor.h"
#include "protocol/identity/invitation.h"
#include "protocol/identity/words.h"
#include "tests/node/cli/cli_run.h"
#include "tests/support/admin_server.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tocsin/v1/admin.pb.h"

using tocsin::tests::AdminServer;
using tocsin::tests::CliRun;
using tocsin::tests::CliTerminal;
using tocsin::tests::contains;
using tocsin::tests::run_cli;
using tocsin::tests::TempDir;
namespace v1 = tocsin::v1;

namespace {

tocsin::Hash filled(std::uint8_t byte) {
  tocsin::Hash hash;
  hash.fill(byte);
  return hash;
}

const std::string kInviter = tocsin::protocol::print_fingerprint(filled(7));
const std::string kOther = tocsin::protocol::print_fingerprint(filled(8));

std::string token() {
  v1::Invitation invitation;
  invitation.set_network_name("tvec-eu");
  invitation.set_network_id(std::string(32, 'n'));
  invitation.set_inviter_name("alpha.example");
  invitation.set_inviter_address("alpha.example:7443");
  invitation.set_inviter_root(tocsin::to_string(filled(7)));
  invitation.set_secret(std::string(16, 's'));
  invitation.set_expires_ms(tocsin::tests::kCliNowMs + 1000);
  invitation.set_invitee_name("beta.example");
  const auto text = tocsin::protocol::print_invitation(invitation);
  REQUIRE(text);
  return *text;
}

std::string last_words(const tocsin::Hash& fingerprint) {
  const auto words = tocsin::protocol::safety_words(fingerprint);
  REQUIRE(words);
  return std::string((*words)[4]) + " " + std::string((*words)[5]);
}

// Remembers what it was asked to do; asked nothing, it has done nothing.
struct FakeNode {
  std::vector<v1::JoinNetworkRequest> joins;
  std::vector<v1::AcceptRequest> accepts;
  // How the request stands, look after look; the last answer stays.
  std::vector<std::pair<std::string, std::string>> stands = {{"waiting", ""}};
  std::map<std::string, AdminServer::Handler> calls() {
    return {{"Join",
             [this](const std::string& body) {
               joins.emplace_back().ParseFromString(body);
               v1::JoinNetworkReply reply;
               const auto& [state, reason] = stands[std::min(joins.size(), stands.size()) - 1];
               reply.set_state(state);
               reply.set_reason(reason);
               reply.set_own_fingerprint(kOther);
               return AdminServer::Answer{200, reply.SerializeAsString()};
             }},
            {"Candidates",
             [](const std::string&) {
               v1::CandidatesReply reply;
               auto& candidate = *reply.add_candidates();
               candidate.set_name("beta.example");
               candidate.set_fingerprint(kOther);
               return AdminServer::Answer{200, reply.SerializeAsString()};
             }},
            {"Accept", [this](const std::string& body) {
               accepts.emplace_back().ParseFromString(body);
               return AdminServer::Answer{200, v1::PeerInfo().SerializeAsString()};
             }}};
  }
};

}  // namespace

TEST_CASE("joining without a person demands the fingerprint, exactly") {
  TempDir dir;
  FakeNode node;
  AdminServer server(dir.file("s"), node.calls());
  const std::vector<std::string> join = {"network", "join", token(), "--socket", server.path()};
  const auto with = [&join](std::vector<std::string> more) {
    more.insert(more.begin(), join.begin(), join.end());
    return more;
  };
  const CliRun silent = run_cli(join);
  CHECK(silent.code == 2);
  CHECK(contains(silent.err, "give --fingerprint"));
  CliTerminal terminal;
  terminal.in_tty = true;
  terminal.input = last_words(filled(7)) + "\n";
  CHECK(run_cli(with({"--no-input"}), terminal).code == 2);
  const CliRun wrong = run_cli(with({"--no-input", "--fingerprint", kOther}));
  CHECK(wrong.code == 4);
  CHECK(contains(wrong.err, "[join/fingerprint]"));
  CHECK(run_cli(with({"--fingerprint", kInviter.substr(0, 20)})).code == 2);
  CHECK(node.joins.empty());
  CHECK(run_cli(with({"--no-input", "--fingerprint", kInviter})).code == 0);
  REQUIRE(node.joins.size() == 1);
  CHECK(node.joins[0].confirmed_by() == 2);
  CHECK(node.joins[0].fingerprint() == kInviter);
}

TEST_CASE("a person types the last two words, which the screen does not show") {
  TempDir dir;
  FakeNode node;
  AdminServer server(dir.file("s"), node.calls());
  CliTerminal terminal;
  terminal.in_tty = true;
  terminal.input = last_words(filled(7)) + "\n";
  const CliRun joined = run_cli({"network", "join", token(), "--socket", server.path()}, terminal);
  INFO(joined.err);
  CHECK(joined.code == 0);
  CHECK_FALSE(contains(joined.err, last_words(filled(7))));
  REQUIRE(node.joins.size() == 1);
  CHECK(node.joins[0].confirmed_by() == 1);
  terminal.input = "yes yes\n";
  const CliRun guessed = run_cli({"network", "accept", "beta.example", "--socket", server.path()}, terminal);
  CHECK(guessed.code == 4);
  CHECK(contains(guessed.err, "[join/words]"));
  CHECK(node.accepts.empty());
  terminal.input = last_words(filled(8)) + "\n";
  CHECK(run_cli({"network", "accept", "beta.example", "--socket", server.path()}, terminal).code == 0);
  REQUIRE(node.accepts.size() == 1);
  CHECK(node.accepts[0].fingerprint() == kOther);
  CHECK(run_cli({"network", "accept", "gamma.example", "--socket", server.path()}, terminal).code == 3);
}

TEST_CASE("joining waits for the inviter's answer, within bounds, and says what is in the way") {
  TempDir dir;
  FakeNode node;
  AdminServer server(dir.file("s"), node.calls());
  const auto join = [&](const std::string& wait) {
    node.joins.clear();
    return run_cli({"network", "join", token(), "--socket", server.path(), "--no-input", "--fingerprint",
                    kInviter, "--wait", wait});
  };
  node.stands = {{"connecting", ""}, {"connecting", "connection refused"}, {"waiting", ""}};
  CHECK(join("30s").code == 0);
  CHECK(node.joins.size() == 3);
  node.stands = {{"connecting", "connection refused"}};
  const CliRun late = join("2s");
  CHECK(late.code == 6);
  CHECK(contains(late.err, "alpha.example has not answered within 2 s"));
  CHECK(contains(late.err, "[join/unanswered]"));
  CHECK(contains(late.err, "Why:  connection refused"));
  CHECK(node.joins.size() == 21);
  node.joins.clear();
  CHECK(
      run_cli({"network", "join", token(), "--socket", server.path(), "--fingerprint", kInviter, "--no-wait"})
          .code == 0);
  CHECK(node.joins.size() == 1);
  node.stands = {{"connecting", ""}, {"refused", "this invitation is unknown, used or expired"}};
  const CliRun refused = join("30s");
  CHECK(refused.code == 4);
  CHECK(contains(refused.err, "this invitation is unknown, used or expired"));
}
