#include "node/http/problem.h"

#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

TEST_CASE("a problem carries the error's code, rule, why and fix, and leaves out what is empty") {
  const Response response =
      problem({Code::kFailedPrecondition, "no \"basis\"", "due-process/R1", "policy 3.2", "add --basis"});
  CHECK(response.status == 409);
  CHECK(response.content_type == "application/problem+json");
  CHECK(response.body ==
        "{\"type\":\"about:blank\",\"title\":\"Conflict\",\"status\":409,\"code\":\"FAILED_PRECONDITION\","
        "\"detail\":\"no \\\"basis\\\"\",\"rule\":\"due-process/R1\",\"why\":\"policy 3.2\",\"fix\":\"add "
        "--basis\"}\n");
  CHECK(problem({Code::kNotFound, "gone"}).body ==
        "{\"type\":\"about:blank\",\"title\":\"Not "
        "Found\",\"status\":404,\"code\":\"NOT_FOUND\",\"detail\":\"gone\"}\n");
}

TEST_CASE("every code has an error status, and an unauthenticated caller is told how to authenticate") {
  for (int code = 1; code <= 16; ++code) {
    const unsigned status = http_status(static_cast<Code>(code));
    CHECK(status >= 400);
    CHECK(status_title(status) != "Status");
  }
  CHECK(problem({Code::kUnauthenticated, "who?"}).headers.at(0).name == "WWW-Authenticate");
}
