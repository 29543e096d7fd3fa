// A TLS key changes while the node runs, and peers go on; also when the node is killed around the change.
#include <future>

#include "node/identity/keystore.h"
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
  const node::Keys keys = Attacker::keys_of(alpha);
  CHECK(keys.descriptor.message().sequence() == 2);
  CHECK(keys.descriptor.message().valid_until_ms() > clock.now_ms() + node::kDescriptorLifetimeMs / 2);
}
