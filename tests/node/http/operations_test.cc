#include "node/http/operations.h"

#include "tests/support/catch.h"
#include "tests/support/manual_runtime.h"

using namespace tocsin;
using namespace tocsin::node;

TEST_CASE("healthz says ok or why not, and metrics shows the page on the admin socket") {
  Metrics metrics;
  Status state = {};
  Router router(nullptr);
  add_operations_routes(router, metrics, [&] { return state; });
  const auto ask = [&](const std::string& path, Entrance entrance) {
    Request request;
    request.method = "GET";
    request.path = path;
    request.entrance = entrance;
    const Admission admission = router.admit(request);
    return admission.refusal ? *admission.refusal : router.answer(*admission.route, request);
  };
  CHECK(ask("/healthz", Entrance::kTcp).body == "ok\n");
  state = fail(Code::kUnavailable, "the ledger is quarantined", "ledger/quarantine");
  CHECK(ask("/healthz", Entrance::kTcp).status == 503);
  CHECK(ask("/healthz", Entrance::kTcp).body.find("ledger/quarantine") != std::string::npos);
  CHECK(ask("/metrics", Entrance::kTcp).status == 401);
  CHECK(ask("/metrics", Entrance::kAdminSocket).body.find("tocsin_ledger_size 0\n") != std::string::npos);
}

TEST_CASE(
    "security.txt says whom to write to and until when that holds, and is not there without a contact") {
  tests::ManualRuntime runtime;  // 2023-11-14
  Router silent(nullptr), router(nullptr);
  add_security_txt(silent, "", runtime);
  add_security_txt(router, "mailto:security@video.example", runtime);
  Request request;
  request.method = "GET";
  request.path = "/.well-known/security.txt";
  CHECK(silent.admit(request).refusal->status == 404);
  const Admission admission = router.admit(request);
  REQUIRE_FALSE(admission.refusal);
  CHECK(router.answer(*admission.route, request).body ==
        "Contact: mailto:security@video.example\nExpires: 2024-05-12T22:13:20Z\n");
}
