// Keys and addresses change while nodes run, and peers go on; also when a node is killed around the change.
#include <future>

#include "node/identity/keystore.h"
#include "protocol/log/checkpoint.h"
#include "protocol/log/witness.h"
#include "tests/e2e/attacker.h"

using namespace tocsin;
using namespace tocsin::e2e;

namespace {

void submit(const Company& company, const std::string& seed) {
  const auto reply = company.call<v1::SubmitReply>("Submit", submission({seed}));
  REQUIRE(reply);
  REQUIRE(reply->items(0).outcome() == v1::SubmitItem::NEW);
}

// What `from` appends from now on comes to `to`.
void expect_sync(Company& from, Company& to, const std::string& seed) {
  submit(from, seed);
  const std::uint64_t size = from.status().ledger_size();
  to.until("it holds " + from.name() + "'s newest record",
           [&] { return to.peer(from.name()).entries() >= size; });
}

}  // namespace

TEST_CASE("a TLS key is replaced without a restart, and peers go on syncing, also after kills",
          "[rotation]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  alpha.start();
  beta.start();
  make_network(alpha, {&beta});
  const auto sequence = [&] { return beta.peer(alpha.name()).descriptor_sequence(); };
  REQUIRE(sequence() == 1);

  CHECK(json_field(alpha.ask({"key", "rotate", "tls"}), "descriptor_sequence") == "2");
  expect_sync(alpha, beta, "on the old link");
  expect_sync(beta, alpha, "the other way");

  // New links show the new certificate.
  beta.kill();
  beta.start();
  expect_sync(alpha, beta, "on a new link");
  beta.until("it has learned the new descriptor", [&] { return sequence() == 2; });

  alpha.kill();
  alpha.start();
  expect_sync(alpha, beta, "after a kill");
  CHECK(sequence() == 2);

  // Killed while it rotates: one of the two keystores is there, whole.
  auto rotation = std::async(std::launch::async, [&] { return alpha.tocsin({"key", "rotate", "tls"}); });
  alpha.daemon().await_change(std::chrono::milliseconds(5));
  alpha.kill();
  rotation.get();
  alpha.start();
  expect_sync(alpha, beta, "after a kill while rotating");
  expect_sync(beta, alpha, "and the other way");
  CHECK(alpha.stop() == 0);
  CHECK(beta.stop() == 0);
}

TEST_CASE("a descriptor that ends soon is renewed by the node itself", "[rotation]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  const std::string folder = dir.file("old");
  node::InitOptions options;
  options.data_dir = folder;
  options.name = alpha.name();
  options.address = alpha.address();
  options.log_origin = alpha.name() + "/tocsin";
  node::AsioRuntime clock(1);
  options.now_ms = clock.now_ms() - node::kDescriptorLifetimeMs + 3'600'000;  // an hour is left
  const auto lock = node::read_keystore_lock({}, alpha.environment().at("CREDENTIALS_DIRECTORY"));
  REQUIRE(node::init_node(options, *lock));
  std::filesystem::rename(folder + "/keystore", alpha.folder() + "/keystore");
  alpha.start();
  CHECK(alpha.daemon().await("event=node.renewed"));
  // The key that GENESIS names has no more time than the descriptor had: it is changed too.
  CHECK(alpha.daemon().await("event=node.key_changed"));
  const node::Keys keys = Attacker::keys_of(alpha);
  CHECK(keys.descriptor.message().sequence() == 3);
  CHECK(keys.descriptor.message().valid_until_ms() > clock.now_ms() + node::kDescriptorLifetimeMs / 2);
}

namespace {

v1::RotateReply rotate_operational(const Company& company) {
  v1::RotateRequest request;
  request.set_key("operational");
  request.set_reason("drill");
  const auto reply = company.call<v1::RotateReply>("Rotate", request);
  if (!reply) FAIL(reply.error().message);
  return *reply;
}

std::string log_vkey(const Company& company) {
  return company.call<v1::Witnessing>("WitnessList", v1::WitnessListRequest())->log_vkey();
}

std::uint64_t sequence_at(const Company& who, const Company& of) {
  return who.peer(of.name()).descriptor_sequence();
}

}  // namespace

TEST_CASE(
    "the operational key is replaced while three companies work, under a witness policy and after kills",
    "[rotation]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  Company gamma(dir, "gamma");
  const std::string read_address = free_address();
  beta.start({"--read-listen", read_address});
  for (Company* company : {&alpha, &gamma}) company->start();
  make_network(alpha, {&beta, &gamma});
  const node::Keys before = Attacker::keys_of(alpha);
  const std::string first = log_vkey(alpha);

  // Without a policy it is done when the command returns.
  v1::RotateReply reply = rotate_operational(alpha);
  CHECK_FALSE(reply.waiting());
  CHECK(reply.descriptor_sequence() == 2);
  CHECK(log_vkey(alpha) == reply.vkey());
  CHECK(reply.vkey() != first);
  expect_sync(alpha, beta, "under the second key");
  for (Company* company : {&beta, &gamma})
    company->until("it knows the new descriptor", [&] { return sequence_at(*company, alpha) == 2; });
  CHECK(beta.peer(alpha.name()).evidence_size() == 0);

  // The old key's new signatures are refused: by a witness, and by who audits with it.
  const auto forged =
      protocol::sign_checkpoint(before.operational, {alpha.name() + "/tocsin", {999, Hash{7}}});
  const std::string body = protocol::format_add_checkpoint({0, {}, forged});
  auto reader = tests::HttpClient::tcp(read_address);
  CHECK(reader
            .ask("POST /add-checkpoint HTTP/1.1\r\nHost: t\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + body)
            .status == 403);
  const std::string bundle = dir.file("rotated.bundle");
  alpha.ask({"ledger", "export", bundle});
  CHECK(tests::run_program({program("tocsin-verify"), bundle, "--vkey", reply.vkey()}).code == 0);
  CHECK(tests::run_program({program("tocsin-verify"), bundle, "--vkey", first}).code == 8);

  // Under a policy the change waits for its witnesses, through a kill too, and then is done by itself.
  alpha.ask({"ledger", "witness", "add", beta.name()});
  alpha.ask({"ledger", "witness", "add", gamma.name()});
  alpha.until("the policy is cosigned", [&] {
    const auto witnessing = alpha.status().witnessing();
    return witnessing.policy() && witnessing.published() == alpha.status().ledger_size();
  });
  gamma.kill();
  reply = rotate_operational(alpha);
  CHECK(reply.waiting());
  CHECK(alpha.tocsin({"key", "rotate", "operational"}).err.find("key/changing") != std::string::npos);
  CHECK(alpha.tocsin({"key", "rotate", "tls"}).err.find("key/changing") != std::string::npos);
  alpha.kill();
  alpha.start();
  CHECK(log_vkey(alpha) == reply.vkey());
  submit(alpha, "while it waits");
  CHECK(Attacker::keys_of(alpha).next);
  gamma.start();
  for (Company* company : {&beta, &gamma})
    company->until("it has learned the third key", [&] { return sequence_at(*company, alpha) == 3; });
  expect_sync(alpha, beta, "under the third key");
  expect_sync(alpha, gamma, "and to the other");
  expect_sync(gamma, alpha, "and back");
  CHECK_FALSE(Attacker::keys_of(alpha).next);
  const auto witnessing = alpha.call<v1::Witnessing>("WitnessList", v1::WitnessListRequest());
  CHECK(witnessing->policy_text().find(reply.vkey()) != std::string::npos);
  CHECK(witnessing->alarm().empty());
  for (Company* company : {&beta, &gamma}) CHECK(company->peer(alpha.name()).evidence_size() == 0);

  // A newcomer reads all of it.
  Company delta(dir, "delta");
  delta.start();
  const std::string token =
      json_field(alpha.ask({"network", "invite", "--peer-name", delta.name()}), "token");
  delta.ask({"network", "join", token, "--fingerprint", alpha.fingerprint()});
  alpha.ask({"network", "accept", delta.name(), "--fingerprint", delta.fingerprint()});
  delta.until("it holds all of alpha's ledger", [&] {
    return delta.peer(alpha.name()).entries() > 0 &&
           delta.peer(alpha.name()).entries() == alpha.status().witnessing().published();
  });
  CHECK(delta.peer(alpha.name()).evidence_size() == 0);

  // Killed while it changes: whichever step it had reached, it goes on.
  for (int round = 0; round < 3; ++round) {
    auto rotation = std::async(std::launch::async, [&] {
      return alpha.tocsin({"key", "rotate", "operational"});
    });
    alpha.daemon().await_change(std::chrono::milliseconds(4 * round));
    alpha.kill();
    rotation.get();
    alpha.start();
    expect_sync(alpha, beta, "after a kill while changing " + std::to_string(round));
  }
  // What a kill left half done is finished, and another change goes through.
  alpha.until("a change is under way or can begin", [&] {
    return !Attacker::keys_of(alpha).next || alpha.tocsin({"key", "rotate", "operational"}).code == 0;
  });
  alpha.until("no change is left half done", [&] { return !Attacker::keys_of(alpha).next; });
  expect_sync(alpha, gamma, "after all that");
  CHECK(beta.peer(alpha.name()).evidence_size() == 0);
  CHECK(alpha.stop() == 0);
}

TEST_CASE("a node moves to another address, and its peers find it there", "[rotation]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  Company gamma(dir, "gamma");
  for (Company* company : {&alpha, &beta, &gamma}) company->start();
  make_network(alpha, {&beta, &gamma});
  const std::string moved = free_address();
  CHECK(json_field(gamma.ask({"node", "set-address", moved}), "descriptor_sequence") == "2");
  for (Company* company : {&alpha, &beta})
    company->until("it knows where gamma will be",
                   [&] { return company->peer(gamma.name()).address() == moved; });
  REQUIRE(gamma.stop() == 0);
  gamma.start({"--listen", moved});
  for (Company* company : {&alpha, &beta})
    expect_sync(gamma, *company, "from the new address to " + company->name());
  CHECK(gamma.tocsin({"node", "set-address", "nonsense"}).code == 2);
}
