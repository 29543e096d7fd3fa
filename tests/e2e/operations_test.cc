// What an operator's tools see: /healthz, /metrics, bearer tokens, RFC 9457 errors; and a store that refuses
// to write.
#include <sys/resource.h>

#include "tests/e2e/company.h"

using namespace tocsin;
using namespace tocsin::e2e;

namespace {

std::string bearer(const std::string& token) {
  return "Authorization: Bearer " + token + "\r\n";
}

void expect_problem(const tests::HttpReply& reply, int status, const std::string& rule) {
  INFO(reply.head << reply.body);
  CHECK(reply.status == status);
  CHECK(reply.has("Content-Type: application/problem+json"));
  CHECK(json_field(reply.body, "status") == std::to_string(status));
  CHECK(json_field(reply.body, "type") == "about:blank");
  CHECK(json_field(reply.body, "rule") == rule);
  CHECK_FALSE(json_field(reply.body, "title").empty());
  CHECK_FALSE(json_field(reply.body, "detail").empty());
}

std::string metric(const Company& company, const std::string& token, const std::string& name) {
  const std::string page = company.http("GET", "/metrics", {}, bearer(token)).body;
  const std::size_t at = page.find("\n" + name + " ");
  if (at == std::string::npos) return "missing";
  const std::size_t from = at + name.size() + 2;
  return page.substr(from, page.find('\n', from) - from);
}

}  // namespace

TEST_CASE("health, metrics, tokens and errors of the HTTP API are those of the manual", "[operations]") {
  const tests::TempDir dir;
  Company company(dir, "alpha");
  company.start();
  CHECK(company.http("GET", "/healthz").status == 200);
  expect_problem(company.http("GET", "/metrics"), 401, "auth/token");
  CHECK(company.http("GET", "/metrics").has("WWW-Authenticate: Bearer realm=\"tocsin\""));
  expect_problem(company.http("GET", "/metrics", {}, bearer("tocsin_wrong")), 401, "auth/token");
  const std::string token = json_field(company.ask({"token", "create", "desk"}), "token");
  CHECK(metric(company, token, "tocsin_ledger_size") == std::to_string(company.status().ledger_size()));
  REQUIRE(company.call<v1::SubmitReply>("Submit", submission({"one", "two"})));
  CHECK(metric(company, token, "tocsin_ledger_size") == std::to_string(company.status().ledger_size()));
  expect_problem(company.http("GET", "/nothing"), 404, "http/path");
  expect_problem(company.http("GET", "/v1/match", {}, bearer(token)), 405, "http/method");
  expect_problem(company.http("POST", "/admin/v1/Status", {}, bearer(token)), 404, "http/path");
  const std::string json = "Content-Type: application/json\r\n" + bearer(token);
  expect_problem(company.http("POST", "/v1/match", "{\"queries\":", json), 400, "http/json");
  expect_problem(company.http("POST", "/v1/match", R"({"queries":[{"type":"none","value":"x"}]})", json), 400,
                 "signal/type");
  expect_problem(company.http("POST", "/v1/match", {}, json + "Content-Length: 99999999\r\n"), 413,
                 "http/body");
  CHECK(company.stop() == 0);
  CHECK_FALSE(std::filesystem::exists(company.socket()));
}

TEST_CASE("a store that refuses a write is told by /healthz; reading goes on; nothing acknowledged is lost",
          "[operations]") {
  const tests::TempDir dir;
  Company company(dir, "alpha");
  company.start();
  const std::string token = json_field(company.ask({"token", "create", "desk"}), "token");
  REQUIRE(company.call<v1::SubmitReply>("Submit", submission({"kept"})));
  CHECK(company.http("GET", "/healthz").status == 200);
  // No file may grow any more.
  const rlimit none{0, RLIM_INFINITY};
  if (::prlimit(company.daemon().pid(), RLIMIT_FSIZE, &none, nullptr) != 0) {
    WARN("skipped: prlimit on another process is not allowed here");
    return;
  }
  const auto refused = company.call<v1::SubmitReply>("Submit", submission({"refused"}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("refused a write") != std::string::npos);
  REQUIRE(company.daemon().running());
  expect_problem(company.http("GET", "/healthz"), 503, "storage/broken");
  CHECK(
      company.tocsin({"signal", "submit", "sha256", sha256_of("late"), "--label", "tvec:propaganda"}).code ==
      5);
  CHECK(company.tocsin({"status"}).code == 0);
  auto request = submission({"kept"});
  request.set_dry_run(true);
  CHECK(company.call<v1::SubmitReply>("Submit", request)->items(0).outcome() == v1::SubmitItem::KNOWN);
  CHECK(metric(company, token, "tocsin_ledger_size") == std::to_string(company.status().ledger_size()));
  company.stop();
  company.start();
  CHECK(company.http("GET", "/healthz").status == 200);
  CHECK(company.call<v1::SubmitReply>("Submit", request)->items(0).outcome() == v1::SubmitItem::KNOWN);
  CHECK(company.call<v1::SubmitReply>("Submit", submission({"refused"}))->items(0).outcome() ==
        v1::SubmitItem::NEW);
}

TEST_CASE("a client that dawdles does not keep the node from stopping", "[operations]") {
  const tests::TempDir dir;
  Company company(dir, "alpha");
  company.start();
  auto idle = tests::HttpClient::local(company.socket());
  auto half = tests::HttpClient::local(company.socket());
  REQUIRE(half.send("POST /admin/v1/Submit HTTP/1.1\r\nHost: node\r\nContent-Length: 1000\r\n\r\nhalf"));
  auto head = tests::HttpClient::local(company.socket());
  REQUIRE(head.send("POST /admin"));
  const auto began = std::chrono::steady_clock::now();
  CHECK(company.stop() == 0);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  CHECK(took.count() < 8);
}

TEST_CASE("a second daemon on the same node, or on a taken port, says so and harms nothing", "[operations]") {
  const tests::TempDir dir;
  Company company(dir, "alpha");
  company.start();
  const auto serve = [&](const Company& which, std::vector<std::string> settings) {
    settings.insert(settings.begin(),
                    {program("tocsind"), "serve", "--config", which.folder() + "/tocsin.toml"});
    return tests::run_program(settings, which.environment());
  };
  const Finished second = serve(company, {});
  INFO(second.err);
  CHECK(second.code != 0);
  CHECK(second.err.find("tocsind: ") != std::string::npos);
  CHECK(second.err.find("another") != std::string::npos);
  Company other(dir, "beta");
  const Finished taken = serve(other, {"--listen", company.address()});
  INFO(taken.err);
  CHECK(taken.code != 0);
  CHECK(taken.err.find("[link/listen]") != std::string::npos);
  REQUIRE(company.call<v1::SubmitReply>("Submit", submission({"still there"})));
  CHECK(company.stop() == 0);
}
