#include "node/http/server.h"

#include <future>
#include <random>

#include <sys/stat.h>
#include <sys/syscall.h>

#include "crypto/random.h"
#include "node/config/config.h"
#include "tests/support/catch.h"
#include "tests/support/http_client.h"
#include "tests/support/temp_dir.h"

using namespace tocsin;
using namespace tocsin::node;
using tocsin::tests::HttpClient;
using tocsin::tests::HttpReply;
using tocsin::tests::TempDir;

namespace {

constexpr std::size_t kSmallBody = 1000;

// A served router with an echo, an upload, a slow and an operator's route.
struct Site {
  explicit Site(const HttpLimits& limits = {}) {
    token = tokens->add("desk", {Scope::kMatch}, crypto::random_secret<32>()).value();
    other = tokens->add("scraper", {Scope::kMetrics}, crypto::random_secret<32>()).value();
    const auto echo = [](const Request& r) {
      return Response{200, "text/plain", r.body, {{"x-caller", r.caller}}};
    };
    router.add({"POST", "/echo", Scope::kOpen, echo, kSmallBody});
    router.add({"GET", "/hello", Scope::kOpen, [](const Request& r) {
                  return Response{200, "text/plain", "hello " + r.query, {}};
                }});
    router.add({"POST", "/v1/match", Scope::kMatch, echo, kUploadBytesMax});
    router.add({"POST", "/admin/v1/Status", Scope::kOperator, echo});
    router.add({"GET", "/waits", Scope::kOpen, [this](const Request&) {
                  entered.set_value();
                  released.get_future().wait();
                  return Response{200, "text/plain", "at last", {}};
                }});
    server = std::make_unique<HttpServer>(runtime, router, metrics, limits);
    port = server->listen_tcp("127.0.0.1:0").value();
  }
  ~Site() {
    server->stop();
    runtime.stop();
  }

  HttpClient client() const { return HttpClient::tcp(port); }
  bool answers() const { return client().ask("GET /hello?x HTTP/1.1\r\nHost: t\r\n\r\n").body == "hello x"; }

  TempDir dir;
  std::unique_ptr<Tokens> tokens = Tokens::open(dir.file("tokens")).value();
  std::string token, other;
  std::promise<void> entered, released;
  Metrics metrics;
  Router router{tokens.get()};
  AsioRuntime runtime{2};
  std::unique_ptr<HttpServer> server;
  std::uint16_t port = 0;
};

std::string post(const std::string& path, const std::string& body, const std::string& more = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: t\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string bearer(const std::string& token) {
  return "Authorization: Bearer " + token + "\r\n";
}

}  // namespace

TEST_CASE("a connection is kept for further requests, also when they arrive together") {
  Site site;
  HttpClient client = site.client();
  CHECK(client.ask(post("/echo", "one")).body == "one");
  CHECK(client.ask(post("/echo", "two")).body == "two");
  client.send(post("/echo", "three") + post("/echo", "four"));
  CHECK(client.receive().body == "three");
  CHECK(client.receive().body == "four");
  const HttpReply last = client.ask("GET /hello?q HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  CHECK(last.body == "hello q");
  CHECK(last.has("Connection: close"));
  CHECK(client.is_closed());
  CHECK(site.metrics.http_requests.value() == 5);
}

TEST_CASE("HEAD is GET without the body, and an HTTP/1.0 client is hung up on") {
  Site site;
  HttpClient client = site.client();
  client.send("HEAD /hello?q HTTP/1.1\r\nHost: t\r\n\r\n");
  CHECK(client.receive(true).has("Content-Length: 7"));
  CHECK(client.ask("GET /hello?q HTTP/1.0\r\n\r\n").body == "hello q");
  CHECK(client.is_closed());
}

TEST_CASE("chunked bodies and Expect: 100-continue are understood") {
  Site site;
  HttpClient client = site.client();
  CHECK(client
            .ask("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            .body == "abcde");
  const HttpReply go_on =
      client.ask("POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(go_on.status == 100);
  CHECK(client.ask("hi").body == "hi");
}

TEST_CASE("an oversized header is answered with 431 and the connection ends") {
  Site site;
  HttpClient client = site.client();
  client.send("GET /hello HTTP/1.1\r\nHost: t\r\nX-Long: " + std::string(20000, 'x'));
  CHECK(client.receive().status == 431);
  CHECK(client.is_closed());
  CHECK(site.answers());
}

TEST_CASE("an oversized body is answered with 413, announced or not") {
  Site site;
  HttpClient announced = site.client();
  CHECK(announced.ask(post("/echo", std::string(kSmallBody + 1, 'x'))).status == 413);
  HttpClient huge = site.client();
  CHECK(huge.ask("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 18446744073709551615\r\n\r\n").status ==
        413);
  HttpClient chunked = site.client();
  chunked.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n" +
               std::string(500, 'x') + "\r\n1f5\r\n" + std::string(501, 'x') + "\r\n0\r\n\r\n");
  CHECK(chunked.receive().status == 413);
  CHECK(site.client().ask(post("/echo", std::string(kSmallBody, 'x'))).status == 200);
}

TEST_CASE(
    "an upload of many megabytes passes where the route allows it, and the token is asked for before it is "
    "sent") {
  Site site;
  const std::string file(20 << 20, 'j');
  const HttpReply reply = site.client().ask(post("/v1/match", file, bearer(site.token)));
  CHECK(reply.status == 200);
  CHECK(reply.has("x-caller: desk"));
  CHECK(reply.body.size() == file.size());
  HttpClient stranger = site.client();
  CHECK(stranger.ask("POST /v1/match HTTP/1.1\r\nHost: t\r\nContent-Length: 20000000\r\n\r\n").status == 401);
}

TEST_CASE(
    "missing and unknown tokens are 401, a token without the scope 403, unknown paths 404, other methods "
    "405") {
  Site site;
  HttpClient client = site.client();
  const HttpReply missing = client.ask(post("/v1/match", ""));
  CHECK(missing.status == 401);
  CHECK(missing.has("WWW-Authenticate: Bearer realm=\"tocsin\""));
  CHECK(missing.has("Content-Type: application/problem+json"));
  CHECK(client.ask(post("/v1/match", "", bearer(site.token + "x"))).status == 401);
  CHECK(client.ask(post("/v1/match", "", bearer(site.other))).status == 403);
  CHECK(client.ask(post("/nothing", "")).status == 404);
  CHECK(client.ask(post("/admin/v1/Status", "")).status == 404);
  const HttpReply method = client.ask("DELETE /echo HTTP/1.1\r\nHost: t\r\n\r\n");
  CHECK(method.status == 405);
  CHECK(method.has("Allow: POST"));
  CHECK(site.metrics.http_refused.value() == 6);
}

TEST_CASE("a client that is slow with its header or its body is cut off") {
  HttpLimits limits;
  limits.read_timeout_ms = 50;
  Site site(limits);
  HttpClient header = site.client();
  header.send("GET /hel");
  CHECK(header.is_closed());
  HttpClient body = site.client();
  body.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc");
  CHECK(body.is_closed());
  HttpClient idle = site.client();
  CHECK(idle.ask(post("/echo", "x")).status == 200);
  CHECK(idle.is_closed());
}

TEST_CASE("beyond the limit of connections a client is told to come back") {
  HttpLimits limits;
  limits.connections_max = 2;
  Site site(limits);
  HttpClient a = site.client(), b = site.client();
  CHECK(a.ask(post("/echo", "a")).status == 200);
  CHECK(b.ask(post("/echo", "b")).status == 200);
  HttpClient c = site.client();
  CHECK(c.receive().status == 503);
  CHECK(c.is_closed());
  CHECK(a.ask(post("/echo", "a")).status == 200);
}

TEST_CASE("bodies in flight together are bounded") {
  HttpLimits limits;
  limits.bodies_bytes_max = 1500;
  Site site(limits);
  HttpClient first = site.client(), second = site.client();
  first.send("POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n");
  CHECK(first.receive().status == 100);
  CHECK(second.ask(post("/echo", std::string(1000, 'x'))).status == 503);
  CHECK(first.ask(std::string(1000, 'y')).status == 200);
  CHECK(site.client().ask(post("/echo", std::string(1000, 'x'))).status == 200);
}

TEST_CASE("malformed requests cost their sender a 400 and the connection, nobody else anything") {
  Site site;
  for (const char* bytes :
       {"\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /hello HTTP/1.1\r\nno colon\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: 1x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET http://x/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"}) {
    INFO(bytes);
    HttpClient client = site.client();
    client.send(bytes);
    client.finish_sending();
    const HttpReply reply = client.receive();
    CHECK((reply.status == 400 || reply.status == 0));
    CHECK(client.is_closed());
  }
  CHECK(site.answers());
}

TEST_CASE("random bytes and mutilated requests never stop the server") {
  Site site;
  std::mt19937 dice(7);
  const std::string good = post("/echo", "0123456789", bearer(site.token));
  for (int i = 0; i < 500; ++i) {
    std::string bytes = good;
    for (unsigned changes = 1 + dice() % 8; changes > 0; --changes)
      bytes[dice() % bytes.size()] = static_cast<char>(dice());
    if (i % 3 == 0) bytes.resize(dice() % bytes.size());
    HttpClient client = site.client();
    REQUIRE(client.connected());
    client.send(bytes);
    client.finish_sending();
    client.receive();
  }
  CHECK(site.answers());
}

TEST_CASE("the admin socket serves its own user without a token and refuses others") {
  Site site;
  const std::string path = site.dir.file("admin.sock");
  REQUIRE(site.server->listen_unix(path));
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  const HttpReply reply = HttpClient::local(path).ask(post("/admin/v1/Status", "payload"));
  CHECK(reply.body == "payload");
  CHECK(reply.has("x-caller: uid " + std::to_string(geteuid())));
  if (geteuid() != 0) {
    WARN("skipped: only root can show that another user is refused");
    return;
  }
  // Open the way to the socket for everybody: what refuses must be the server. The raw call changes this
  // thread alone.
  REQUIRE(chmod(path.c_str(), 0666) == 0);
  REQUIRE(chmod(site.dir.path().c_str(), 0755) == 0);
  REQUIRE(syscall(SYS_setresuid, -1, 65534, -1) == 0);
  HttpClient nobody = HttpClient::local(path);
  REQUIRE(syscall(SYS_setresuid, -1, 0, -1) == 0);
  REQUIRE(nobody.connected());
  CHECK(nobody.ask(post("/admin/v1/Status", "payload")).status == 403);
}

TEST_CASE("a dead process's socket is replaced, a living one's is not") {
  Site site, second;
  const std::string path = site.dir.file("admin.sock");
  REQUIRE(site.server->listen_unix(path));
  CHECK(second.server->listen_unix(path).error().rule == "http/socket");
  CHECK(HttpClient::local(path).ask(post("/admin/v1/Status", "x")).body == "x");
  site.server->stop();
  CHECK(access(path.c_str(), F_OK) != 0);
  {
    // Bound and left behind.
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    close(fd);
  }
  REQUIRE(second.server->listen_unix(path));
  CHECK(HttpClient::local(path).ask(post("/admin/v1/Status", "y")).body == "y");
  CHECK(second.server->listen_unix(second.dir.write("file", "")).error().code == Code::kAlreadyExists);
  CHECK(second.server->listen_unix("/" + std::string(200, 'x')).error().code == Code::kInvalidArgument);
}

TEST_CASE("a port in use and a bad address are errors, not a stop") {
  Site site;
  CHECK(site.server->listen_tcp("127.0.0.1:" + std::to_string(site.port)).error().rule == "http/listen");
  CHECK(site.server->listen_tcp("nonsense").error().code == Code::kInvalidArgument);
}

TEST_CASE("a server that stops answers what is in flight and closes what waits") {
  Site site;
  HttpClient idle = site.client(), busy = site.client();
  CHECK(idle.ask(post("/echo", "x")).status == 200);
  busy.send("GET /waits HTTP/1.1\r\nHost: t\r\n\r\n");
  site.entered.get_future().wait();
  auto stopping = std::async(std::launch::async, [&] { site.server->stop(); });
  CHECK(idle.is_closed());
  CHECK_FALSE(site.client().connected());
  site.released.set_value();
  CHECK(busy.receive().body == "at last");
  CHECK(busy.is_closed());
  stopping.wait();
  site.server->stop();
}

TEST_CASE("one address gets its share of the connections, and no more") {
  HttpLimits limits;
  limits.connections_per_address_max = 2;
  Site site(limits);
  HttpClient first = site.client();
  HttpClient second = site.client();
  REQUIRE(first.ask("GET /hello?1 HTTP/1.1\r\nHost: t\r\n\r\n").status == 200);
  REQUIRE(second.ask("GET /hello?2 HTTP/1.1\r\nHost: t\r\n\r\n").status == 200);
  HttpClient third = site.client();
  CHECK(third.receive().status == 503);
}

TEST_CASE("more requests than the limit of a second are told to come again") {
  HttpLimits limits;
  limits.requests_per_s_max = 5;
  Site site(limits);
  int served = 0;
  int refused = 0;
  for (int i = 0; i < 12; ++i) {
    const HttpReply reply = site.client().ask("GET /hello?x HTTP/1.1\r\nHost: t\r\n\r\n");
    served += reply.status == 200 ? 1 : 0;
    refused += reply.status == 429 && reply.has("Retry-After: 1") ? 1 : 0;
  }
  CHECK(served + refused == 12);
  CHECK(served >= 5);
  CHECK(served <= 10);  // the dozen may lie across two seconds
}
