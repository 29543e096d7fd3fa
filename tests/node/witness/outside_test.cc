#include "node/witness/outside.h"

#include <future>

#include "node/http/server.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

// A witness's address where what comes is answered as the test says.
struct Answering {
  explicit Answering(Handler handler) {
    router.add({"POST", "/w/add-checkpoint", Scope::kOpen, std::move(handler)});
    server = std::make_unique<HttpServer>(runtime, router, metrics);
    url = "http://127.0.0.1:" + std::to_string(server->listen_tcp("127.0.0.1:0").value()) + "/w";
  }
  ~Answering() {
    server->stop();
    runtime.stop();
  }
  Metrics metrics;
  Router router{nullptr};
  AsioRuntime runtime{2};
  std::unique_ptr<HttpServer> server;
  std::string url;
};

Result<CosignAnswer> ask(OutsideWitnesses& outside, const std::string& url, const std::string& body) {
  auto promise = std::make_shared<std::promise<Result<CosignAnswer>>>();
  auto answer = promise->get_future();
  outside.ask(url, body, [promise](Result<CosignAnswer> got) { promise->set_value(std::move(got)); });
  return answer.get();
}

}  // namespace

TEST_CASE("an outside witness is asked with the body as it is, and its status and answer come back") {
  Answering site([](const Request& request) {
    return Response{request.body == "old 1\n\nnote\n" ? 200u : 409u, "text/plain", "got " + request.body, {}};
  });
  OutsideWitnesses outside;
  const auto first = ask(outside, site.url, "old 1\n\nnote\n");
  REQUIRE(first);
  CHECK(first->status == 200);
  CHECK(first->body == "got old 1\n\nnote\n");
  CHECK(ask(outside, site.url, "other")->status == 409);
  CHECK(ask(outside, site.url + "/nowhere", "other")->status == 404);
}

TEST_CASE(
    "a witness that is not there, answers without end or sends elsewhere is an error or its own status") {
  Answering site([](const Request& request) {
    if (request.body == "long") return Response{200, "text/plain", std::string(1 << 20, 'x'), {}};
    return Response{302, "text/plain", "", {{"Location", "http://127.0.0.1:1/"}}};
  });
  OutsideWitnesses outside;
  CHECK(ask(outside, "http://127.0.0.1:1", "x").error().rule == "witness/unreachable");
  CHECK(ask(outside, "file:///etc", "x").error().rule == "witness/unreachable");
  CHECK(ask(outside, site.url, "long").error().rule == "witness/unreachable");
  CHECK(ask(outside, site.url, "x")->status == 302);
}

TEST_CASE("who stops gives up what is outstanding and takes no more") {
  OutsideWitnesses outside;
  outside.stop();
  CHECK(ask(outside, "http://127.0.0.1:1", "x").error().rule == "witness/unreachable");
}
