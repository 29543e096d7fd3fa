// Real daemons killed without warning: what was acknowledged stays, one key has one effect, keys stay whole.
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <future>
#include <random>
#include <thread>

#include "crypto/random.h"
#include "tests/e2e/company.h"

using namespace tocsin;
using namespace tocsin::e2e;

namespace {

constexpr int kKills = 12;
constexpr int kClients = 4;

// Clients that submit one signal after another until told to stop, each on a connection of its own.
class Clients {
 public:
  Clients(const Company& company, std::string round) : company_(company), round_(std::move(round)) {
    for (int i = 0; i < kClients; ++i) threads_.emplace_back([this, i] { run(i); });
  }
  ~Clients() { finish(); }
  void await(std::size_t count) {
    std::unique_lock lock(mu_);
    const bool enough = changed_.wait_for(lock, kPatience, [&] { return acknowledged_.size() >= count; });
    REQUIRE(enough);
  }
  // Values that were acknowledged.
  std::vector<std::string> finish() {
    stop_ = true;
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
    return acknowledged_;
  }

 private:
  void run(int client) {
    cli::AdminClient daemon(company_.socket());
    for (int i = 0; !stop_; ++i) {
      const std::string seed = round_ + "/" + std::to_string(client) + "/" + std::to_string(i);
      const auto reply = daemon.call<v1::SubmitReply>("Submit", submission({seed}));
      if (!reply) return;  // killed, or stopping
      if (reply->items(0).outcome() != v1::SubmitItem::NEW) continue;
      const std::lock_guard lock(mu_);
      acknowledged_.push_back(seed);
      changed_.notify_all();
    }
  }

  const Company& company_;
  const std::string round_;
  std::atomic<bool> stop_ = false;
  std::mutex mu_;
  std::condition_variable changed_;
  std::vector<std::string> acknowledged_;
  std::vector<std::thread> threads_;
};

// Those of the values that the node does not know: submitting them again would be new.
std::vector<std::string> missing(const Company& company, const std::vector<std::string>& seeds) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < seeds.size(); at += 500) {
    const std::vector<std::string> part(
        seeds.begin() + static_cast<std::ptrdiff_t>(at),
        seeds.begin() + static_cast<std::ptrdiff_t>(std::min(seeds.size(), at + 500)));
    auto request = submission(part);
    request.set_dry_run(true);
    const auto reply = company.call<v1::SubmitReply>("Submit", request);
    REQUIRE(reply);
    for (int i = 0; i < reply->items_size(); ++i)
      if (reply->items(i).outcome() != v1::SubmitItem::KNOWN)
        out.push_back(part[static_cast<std::size_t>(i)]);
  }
  return out;
}

}  // namespace

TEST_CASE("a daemon killed at any moment keeps every acknowledged signal, and its ledger verifies",
          "[durability]") {
  const tests::TempDir dir;
  Company company(dir, "alpha");
  std::mt19937 chance(20261125);
  std::vector<std::string> acknowledged;
  for (int round = 0; round < kKills; ++round) {
    company.start();
    const std::uint64_t size = company.status().ledger_size();
    CHECK(size > acknowledged.size());
    CHECK(missing(company, acknowledged).empty());
    Clients clients(company, "round " + std::to_string(round));
    clients.await(1 + chance() % 200);
    company.kill();
    const auto more = clients.finish();
    acknowledged.insert(acknowledged.end(), more.begin(), more.end());
  }
  company.start();
  CHECK(missing(company, acknowledged).empty());
  const Finished verdict = verify(company, dir);
  INFO(verdict.out << verdict.err);
  CHECK(verdict.code == 0);
  std::printf("%d kills, %zu acknowledged, 0 lost; %s", kKills, acknowledged.size(), verdict.out.c_str());
  CHECK(company.stop() == 0);
}

TEST_CASE("SIGTERM under load ends within the bound, and what was acknowledged is there afterwards",
          "[durability]") {
  const tests::TempDir dir;
  Company company(dir, "alpha");
  company.start();
  Clients clients(company, "load");
  clients.await(50);
  const auto began = std::chrono::steady_clock::now();
  CHECK(company.stop() == 0);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  CHECK(took.count() < 8);
  CHECK(company.daemon().await("event=node.stopped"));
  const auto acknowledged = clients.finish();
  company.start();
  CHECK(missing(company, acknowledged).empty());
  std::printf("stopped under load in %.2f s\n", took.count());
}

TEST_CASE("two clients with one idempotency key have one effect, also across a kill", "[durability]") {
  const tests::TempDir dir;
  Company company(dir, "alpha");
  company.start();
  for (int i = 0; i < 20; ++i) {
    auto request = submission({"a " + std::to_string(i), "b " + std::to_string(i)});
    request.set_idempotency_key("0123456789abc" + std::to_string(100 + i));
    const std::uint64_t before = company.status().ledger_size();
    const auto ask = [&] { return company.call<v1::SubmitReply>("Submit", request); };
    auto other = std::async(std::launch::async, ask);
    const auto one = ask();
    const auto two = other.get();
    REQUIRE(one);
    REQUIRE(two);
    CHECK(company.status().ledger_size() == before + 2);
    CHECK(one->items(0).signal() == two->items(0).signal());
    if (i % 10 != 9) continue;
    company.kill();
    company.start();
    REQUIRE(ask());
    CHECK(company.status().ledger_size() == before + 2);
  }
}

TEST_CASE("a node whose store may have been rolled back says so, and signs, serves and takes nothing",
          "[durability]") {
  const tests::TempDir dir;
  Company company(dir, "alpha");
  company.start();
  REQUIRE(company.call<v1::SubmitReply>("Submit", submission({"a", "b"})));
  CHECK(company.stop() == 0);
  REQUIRE(std::filesystem::remove(company.folder() + "/store.anchor"));
  company.start({}, "event=node.quarantined");
  company.until("the admin socket answers",
                [&] { return company.call<v1::StatusReply>("Status", v1::StatusRequest()).has_value(); });
  CHECK(company.status().quarantine().find("anchor") != std::string::npos);
  const Finished shown = company.tocsin({"status"});
  CHECK(shown.code == 0);
  CHECK(shown.out.find("QUARANTINED") != std::string::npos);
  CHECK(shown.out.find("fix") != std::string::npos);
  const auto refused = company.call<v1::SubmitReply>("Submit", submission({"c"}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().rule == "storage/behind");
  CHECK(company.http("GET", "/healthz").status == 503);
  CHECK(company.http("POST", "/v1/match", "{}", "Content-Type: application/json\r\n").status == 503);
  CHECK(company.stop() == 0);
}

TEST_CASE("a receiver killed while it catches up goes on from where it was", "[durability]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  alpha.start();
  beta.start();
  make_network(alpha, {&beta});
  std::mt19937 chance(7);
  Clients clients(alpha, "feed");
  for (int round = 0; round < 4; ++round) {
    const std::uint64_t enough = beta.peer(alpha.name()).entries() + 1 + chance() % 100;
    beta.until("it holds some more", [&] { return beta.peer(alpha.name()).entries() >= enough; });
    beta.kill();
    beta.start();
  }
  clients.finish();
  const std::uint64_t size = alpha.status().ledger_size();
  beta.until("it holds all", [&] { return beta.peer(alpha.name()).entries() == size; });
  CHECK(beta.peer(alpha.name()).evidence().empty());
  CHECK(verify(beta, dir).code == 0);
  CHECK(alpha.stop() == 0);
}
