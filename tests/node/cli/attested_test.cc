#include "node/cli/attested.h"

#include <filesystem>

#include "protocol/identity/descriptor.h"
#include "protocol/process/attestation.h"
#include "tests/node/cli/cli_run.h"
#include "tests/support/admin_server.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using tocsin::protocol::Event;
using tocsin::tests::AdminServer;
using tocsin::tests::CliRun;
using tocsin::tests::contains;
using tocsin::tests::run_cli;
using tocsin::tests::TempDir;
namespace v1 = tocsin::v1;

namespace {

// A node that knows signals of its own, or with `foreign` of another.
struct FakeNode {
  bool foreign = false;
  v1::User user;
  std::string public_key;
  v1::AttestedRequest attested;
  std::map<std::string, AdminServer::Handler> calls() {
    return {{"UserAdd",
             [this](const std::string& body) {
               v1::UserAddRequest request;
               request.ParseFromString(body);
               public_key = request.public_key();
               v1::User reply;
               reply.set_pseudonym(request.pseudonym());
               reply.set_role(request.role());
               return AdminServer::Answer{200, reply.SerializeAsString()};
             }},
            {"Subject",
             [this](const std::string& body) {
               v1::SubjectRequest request;
               request.ParseFromString(body);
               v1::SubjectReply reply;
               reply.set_issuer(std::string(32, 'i'));
               reply.set_origin(std::string(32, foreign ? 'o' : 'i'));
               for (int i = 0; i < request.signals_size(); ++i) {
                 reply.add_signals(std::string(32, static_cast<char>('1' + i)));
                 reply.add_chains(std::string(32, static_cast<char>('a' + i)));
               }
               reply.set_chain(request.signals_size() == 1 ? reply.chains(0) : std::string(32, 'z'));
               if (request.signals_size() > 1) reply.set_batch(std::string(16, 'b'));
               reply.set_label_set(std::string(32, 'l'));
               return AdminServer::Answer{200, reply.SerializeAsString()};
             }},
            {"Attested", [this](const std::string& body) {
               attested.ParseFromString(body);
               return AdminServer::Answer{200, v1::RecordReply().SerializeAsString()};
             }}};
  }
};

// The attestation verifies under the key that was registered, for this event and chain and no other.
void check_attested(const FakeNode& node, Event event, char chain) {
  REQUIRE(node.attested.event() == static_cast<std::uint32_t>(event));
  auto slots = tocsin::protocol::unpack_slots(tocsin::as_view(node.attested.slots_a()));
  REQUIRE(slots);
  auto parsed = tocsin::protocol::ValidEvent::parse(event, *slots);
  REQUIRE(parsed);
  tocsin::protocol::AttestationContext context;
  context.issuer.fill('i');
  context.event = event;
  context.chain.fill(static_cast<std::uint8_t>(chain));
  const auto key = tocsin::fixed<32>(tocsin::as_view(node.public_key), "key");
  const auto key_a = tocsin::fixed<32>(tocsin::as_view(node.attested.key_a()), "key");
  REQUIRE(key);
  REQUIRE(key_a);
  CHECK(tocsin::protocol::verify_attestation(context, *key_a, *parsed, *key));
  context.chain.fill('?');
  CHECK_FALSE(tocsin::protocol::verify_attestation(context, *key_a, *parsed, *key));
}

}  // namespace

TEST_CASE("a reviewer's key stays with the reviewer and signs what the daemon will sequence") {
  TempDir dir;
  FakeNode node;
  AdminServer server(dir.file("s"), node.calls());
  const std::string pass = dir.write("pass", "a passphrase\n");
  const std::string key = dir.file("r-17.key");
  const std::vector<std::string> add = {"user",     "add",        "r-17",       "--role",
                                        "reviewer", "--key-file", key,          "--passphrase-file",
                                        pass,       "--socket",   server.path()};
  REQUIRE(run_cli(add).code == 0);
  CHECK((std::filesystem::status(key).permissions() & std::filesystem::perms::others_all) ==
        std::filesystem::perms::none);
  const CliRun again = run_cli(add);
  CHECK(again.code == 5);
  CHECK(contains(again.err, "[key/exists]"));

  const std::vector<std::string> rest = {
      "--approve",    "--key-file",        key,           "--passphrase-file",
      pass,           "--clause",          "tvec:3.2",    "--ground",
      "law",          "--ground-ref",      "EU-2021/784", "--data-basis",
      "GDPR 6(1)(f)", "--proportionality", "hash only",   "--language",
      "en",           "--context-checked", "--socket",    server.path()};
  const auto decide = [&rest](std::vector<std::string> signals) {
    std::vector<std::string> words = {"review", "decide"};
    words.insert(words.end(), signals.begin(), signals.end());
    words.insert(words.end(), rest.begin(), rest.end());
    return run_cli(words);
  };
  SECTION("one of ours") {
    const CliRun run = decide({"sig_aaaa"});
    INFO(run.err);
    REQUIRE(run.code == 0);
    CHECK(contains(run.out, "approved by r-17"));
    check_attested(node, Event::kReviewed, 'a');
  }
  SECTION("several of ours are one batch") {
    REQUIRE(decide({"sig_aaaa", "sig_bbbb"}).code == 0);
    CHECK(node.attested.batch() == std::string(16, 'b'));
    check_attested(node, Event::kReviewed, 'z');
  }
  SECTION("another company's become a receiver's review") {
    node.foreign = true;
    REQUIRE(decide({"sig_aaaa"}).code == 0);
    check_attested(node, Event::kReceiverReviewed, 'a');
  }
  SECTION("an opinion is attested too") {
    node.foreign = true;
    const CliRun run = run_cli({"signal", "opine", "sig_aaaa", "--disagree", "--reason", "news-coverage",
                                "--key-file", key, "--passphrase-file", pass, "--socket", server.path()});
    INFO(run.err);
    REQUIRE(run.code == 0);
    check_attested(node, Event::kOpinion, 'a');
  }
}

TEST_CASE("a review that did not look at the context is refused before anything is signed") {
  const CliRun run = run_cli({"review",
                              "decide",
                              "sig_aaaa",
                              "--approve",
                              "--key-file",
                              "k",
                              "--passphrase-file",
                              "p",
                              "--clause",
                              "c",
                              "--ground",
                              "law",
                              "--ground-ref",
                              "g",
                              "--data-basis",
                              "d",
                              "--proportionality",
                              "p",
                              "--language",
                              "en"});
  CHECK(run.code == 9);
  CHECK(contains(run.err, "[due-process/context]"));
}
