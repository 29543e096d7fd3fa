#include "node/http/router.h"

#include <stdexcept>

#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

Response named(const std::string& name) {
  return {200, "text/plain", name, {}};
}

Router example() {
  Router router(nullptr);
  router.add({"GET", "/things/{id}", Scope::kOpen,
              [](const Request& r) { return named("get " + r.parameters.at(0)); }});
  router.add({"POST", "/things/{id}", Scope::kOpen, [](const Request&) { return named("post"); }});
  router.add({"GET", "/things/{id}/parts/{part}", Scope::kOpen,
              [](const Request& r) { return named(r.parameters.at(0) + "+" + r.parameters.at(1)); }});
  router.add(
      {"GET", "/files/{path*}", Scope::kOpen, [](const Request& r) { return named("file " + r.path); }});
  router.add({"POST", "/admin/v1/Status", Scope::kOperator, [](const Request&) { return named("status"); }});
  router.add(
      {"GET", "/throws", Scope::kOpen, [](const Request&) -> Response { throw std::runtime_error("no"); }});
  return router;
}

Response ask(const Router& router, const std::string& method, const std::string& path,
             Entrance entrance = Entrance::kTcp) {
  Request request;
  request.method = method;
  request.path = path;
  request.entrance = entrance;
  const Admission admission = router.admit(request);
  return admission.refusal ? *admission.refusal : router.answer(*admission.route, request);
}

}  // namespace

TEST_CASE("a pattern's parameters are decoded segments of the path") {
  const Router router = example();
  CHECK(ask(router, "GET", "/things/a%2Fb%20c").body == "get a/b c");
  CHECK(ask(router, "GET", "/things/1/parts/2").body == "1+2");
  CHECK(ask(router, "POST", "/things/1").body == "post");
  CHECK(ask(router, "HEAD", "/things/1").status == 200);
}

TEST_CASE("an open end takes every longer path and is no parameter") {
  const Router router = example();
  CHECK(ask(router, "GET", "/files/a").body == "file /files/a");
  CHECK(ask(router, "GET", "/files/a/b%2Fc/d").body == "file /files/a/b%2Fc/d");
  CHECK(ask(router, "GET", "/files").status == 404);
  CHECK(ask(router, "POST", "/files/a").status == 405);
}

TEST_CASE("unknown paths are 404, other methods 405 with what is allowed, broken escapes 400") {
  const Router router = example();
  for (const char* path :
       {"/", "/thing", "/things", "/things/", "/things/1/", "/things/1/parts", "//things/1"})
    CHECK(ask(router, "GET", path).status == 404);
  const Response other = ask(router, "DELETE", "/things/1");
  CHECK(other.status == 405);
  CHECK(other.headers.at(0).value == "GET, POST");
  for (const char* path : {"", "*", "things", "/things/%", "/things/%2", "/things/%zz", "/things/%00"})
    CHECK(ask(router, "GET", path).status == 400);
}

TEST_CASE("operator routes exist on the admin socket alone") {
  const Router router = example();
  CHECK(ask(router, "POST", "/admin/v1/Status").status == 404);
  CHECK(ask(router, "POST", "/admin/v1/Status", Entrance::kAdminSocket).body == "status");
  CHECK(ask(router, "GET", "/admin/v1/Status").status == 404);
}

TEST_CASE("a handler that throws costs its own request") {
  CHECK(ask(example(), "GET", "/throws").status == 500);
}
