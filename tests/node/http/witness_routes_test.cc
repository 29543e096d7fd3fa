#include "node/http/witness_routes.h"

#include "node/http/server.h"
#include "tests/node/witness/witness_fixture.h"
#include "tests/support/catch.h"
#include "tests/support/http_client.h"
#include "tests/support/temp_dir.h"

using namespace tocsin;
using namespace tocsin::node;
using tocsin::tests::HttpClient;
using tocsin::tests::HttpReply;

namespace {

// A witness on a real socket, a real ledger and a real disk.
struct WitnessSite {
  explicit WitnessSite(const RogueLog& log) : known(log.vkey()) {
    store = storage::Store::open(dir.file("store")).value();
    ledger = Ledger::open(*store, runtime, ledger_keys()).value();
    cosigner = std::make_unique<Cosigner>(Cosigner::Parts{
        *store, *ledger, runtime, cosigner_key(), "node1.example/witness", [this](std::string_view origin) {
          return origin == known.name ? std::vector{known} : std::vector<protocol::VerifierKey>();
        }});
    add_witness_route(router, *cosigner, "/w");
    server = std::make_unique<HttpServer>(runtime, router, metrics);
    port = server->listen_tcp("127.0.0.1:0").value();
  }
  ~WitnessSite() {
    server->stop();
    runtime.stop();
  }
  HttpReply post(const std::string& body) const {
    return HttpClient::tcp(port).ask("POST /w/add-checkpoint HTTP/1.1\r\nHost: t\r\nContent-Length: " +
                                     std::to_string(body.size()) + "\r\n\r\n" + body);
  }

  tests::TempDir dir;
  const protocol::VerifierKey known;
  Metrics metrics;
  Router router{nullptr};
  AsioRuntime runtime{2};
  std::unique_ptr<storage::Store> store;
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<Cosigner> cosigner;
  std::unique_ptr<HttpServer> server;
  std::uint16_t port = 0;
};

}  // namespace

TEST_CASE("add-checkpoint answers over HTTP as C2SP tlog-witness says") {
  const RogueLog log("log.example/a");
  const WitnessSite site(log);
  const HttpReply first = site.post(log.request(0, 5));
  CHECK(first.status == 200);
  CHECK(first.body.starts_with("— node1.example/witness "));
  const auto note = protocol::parse_note(log.note(5) + first.body);
  REQUIRE(note);
  const auto key = site.cosigner->vkey();
  CHECK(protocol::verify_note(*note, std::span(&key, 1)));

  const HttpReply conflict = site.post(log.request(0, 6));
  CHECK(conflict.status == 409);
  CHECK(conflict.has("Content-Type: text/x.tlog.size"));
  CHECK(conflict.body == "5\n");
  CHECK(site.post(RogueLog("log.example/b").request(0, 1)).status == 404);
  CHECK(site.post(RogueLog("log.example/a", 51).request(5, 6)).status == 403);
  CHECK(site.post("old x\n").status == 400);
  CHECK(site.post(protocol::format_add_checkpoint({5, {}, log.note(7)})).status == 422);
  CHECK(site.post(std::string(protocol::kAddCheckpointBytesMax + 1, 'x')).status == 413);
  CHECK(HttpClient::tcp(site.port).ask("GET /w/add-checkpoint HTTP/1.1\r\nHost: t\r\n\r\n").status == 405);
}
