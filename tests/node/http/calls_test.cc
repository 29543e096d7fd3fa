#include "node/http/calls.h"

#include "tests/support/catch.h"
#include "tocsin/v1/admin.pb.h"
#include "tocsin/v1/match.pb.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

Request with_body(std::string body, std::string type) {
  Request request;
  request.method = "POST";
  request.path = "/admin/v1/PeerShow";
  request.entrance = Entrance::kAdminSocket;
  request.headers = {{"content-type", std::move(type)}};
  request.body = std::move(body);
  return request;
}

std::string json_rule(std::string body, std::string type = "application/json") {
  v1::MatchRequest out;
  const Status read = read_json(with_body(std::move(body), std::move(type)), out);
  return read ? "" : read.error().rule;
}

}  // namespace

TEST_CASE("an operator's call parses its message, and answers with a message or with the call's error") {
  Router router(nullptr);
  router.add(admin_call<v1::PeerRequest, v1::PeerInfo>(
      "PeerShow", [](const v1::PeerRequest& in) -> Result<v1::PeerInfo> {
        if (in.peer() != "social.example") return fail(Code::kNotFound, "no such peer", "peer/unknown");
        v1::PeerInfo out;
        out.set_name(in.peer());
        return out;
      }));
  const auto ask = [&](const std::string& body) {
    Request request = with_body(body, "application/x-protobuf");
    const Admission admission = router.admit(request);
    REQUIRE(admission.route != nullptr);
    return router.answer(*admission.route, request);
  };
  v1::PeerRequest request;
  request.set_peer("social.example");
  v1::PeerInfo reply;
  REQUIRE(reply.ParseFromString(ask(request.SerializeAsString()).body));
  CHECK(reply.name() == "social.example");
  request.set_peer("other");
  CHECK(ask(request.SerializeAsString()).status == 404);
  CHECK(ask("\xff\xff\xff").status == 400);
}

TEST_CASE("JSON takes the names of the proto files and refuses unknown ones, other types and broken text") {
  v1::MatchRequest out;
  REQUIRE(read_json(with_body(R"({"queries":[{"type":"pdq","value":"ab","quality":80}],"max_distance":7})",
                              "Application/JSON; charset=utf-8"),
                    out));
  CHECK(out.queries(0).quality() == 80);
  CHECK(out.max_distance() == 7);
  CHECK(json_rule("{}") == "");
  CHECK(json_rule("") == "http/json");
  CHECK(json_rule("{\"querys\":[]}") == "http/json");
  CHECK(json_rule("{\"queries\":[{\"quality\":-1}]}") == "http/json");
  CHECK(json_rule("{\"queries\":") == "http/json");
  CHECK(json_rule("{}", "text/plain") == "http/media-type");
  CHECK(json_rule(std::string(100000, '[')) == "http/elements");
  CHECK(json_rule(std::string(1000, '[')) == "http/json");
}

TEST_CASE("a small body that would become a large message is refused before it is built") {
  std::string json = "{\"queries\":[{}";
  for (int i = 0; i < 40000; ++i) json += ",{}";
  CHECK(json_rule(json + "]}") == "http/elements");
  // Commas inside strings are text.
  CHECK(json_rule("{\"queries\":[{\"value\":\"" + std::string(50000, ',') + "\\\",,\"}]}") == "");
  v1::SubmitRequest out;
  std::string empties;
  for (int i = 0; i < 100000; ++i) empties += std::string("\x0a\x00", 2);
  CHECK_FALSE(read_protobuf(with_body(empties, "application/x-protobuf"), out));
}

TEST_CASE("a JSON reply prints every plain field under its own name") {
  v1::MatchReply reply;
  reply.add_results()->mutable_query()->set_type("pdq");
  const Response response = json_reply(reply);
  CHECK(response.content_type == "application/json");
  CHECK(response.body.find("\"alert\":false") != std::string::npos);
  CHECK(response.body.find("\"type\":\"pdq\"") != std::string::npos);
}
