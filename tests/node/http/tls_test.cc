#include "node/http/tls.h"

#include <sys/stat.h>

#include "node/http/server.h"
#include "node/identity/keystore.h"
#include "tests/support/catch.h"
#include "tests/support/https_client.h"
#include "tests/support/temp_dir.h"

using namespace tocsin;
using namespace tocsin::node;
using tocsin::tests::Authority;
using tocsin::tests::Certified;
using tocsin::tests::HttpClient;
using tocsin::tests::HttpReply;
using tocsin::tests::HttpsClient;
using tocsin::tests::TempDir;

namespace {

const Secret<32> kKek = Secret<32>(Hash{1, 2, 3});

// The TLS identity of a node that was just made.
TlsIdentity node_identity(const TempDir& dir, const std::string& name) {
  InitOptions options;
  options.data_dir = dir.file(name);
  options.name = name + ".example";
  options.address = name + ".example:7443";
  options.log_origin = name + ".example/tocsin";
  options.now_ms = static_cast<std::uint64_t>(std::time(nullptr)) * 1000;
  return std::move(init_node(options, KeystoreLock(kKek.copy())).value().tls);
}

Certified as_client(const TlsIdentity& identity) {
  const unsigned char* key = identity.key_pkcs8().data();
  const unsigned char* certificate = identity.certificate_der().data();
  return {{d2i_AutoPrivateKey(nullptr, &key, static_cast<long>(identity.key_pkcs8().size())), EVP_PKEY_free},
          {d2i_X509(nullptr, &certificate, static_cast<long>(identity.certificate_der().size())), X509_free}};
}

// An HTTPS server with one route, its certificate from an authority of its own.
struct TlsSite {
  explicit TlsSite(const HttpLimits& limits = {}) : limits_(limits) {
    settings.certificate = dir.write("server.pem", server.certificate_pem());
    settings.key = dir.write("server.key", server.key_pem());
    ::chmod(settings.key.c_str(), 0600);
  }
  ~TlsSite() {
    if (http) http->stop();
    runtime.stop();
  }
  void start() {
    router.add({"GET", "/hello", Scope::kOpen, [](const Request& r) {
                  return Response{200, "text/plain", "hello " + r.query, {}};
                }});
    router.add({"GET", "/large", Scope::kOpen, [](const Request&) {
                  return Response{200, "text/plain", std::string(300'000, 'x'), {}};
                }});
    tls = HttpTls::make(settings, identity).value();
    http = std::make_unique<HttpServer>(runtime, router, metrics, limits_);
    port = http->listen_tcp("127.0.0.1:0", tls).value();
  }
  void ask_for_clients() { settings.client_ca = dir.write("clients.pem", clients.own().certificate_pem()); }
  HttpReply get(const Certified* client) {
    HttpsClient connection(port, {client, &servers.own()});
    return connection.get("/hello?x");
  }

  const TempDir dir;
  const Authority servers{"servers"};
  const Authority clients{"clients"};
  const Certified server =
      servers.issue({"localhost", std::time(nullptr) - 60, std::time(nullptr) + 60, false});
  const TlsIdentity identity = node_identity(dir, "own");
  HttpTlsSettings settings;
  std::shared_ptr<HttpTls> tls;
  Metrics metrics;
  Router router{nullptr};
  AsioRuntime runtime{2};
  std::unique_ptr<HttpServer> http;
  std::uint16_t port = 0;

 private:
  const HttpLimits limits_;
};

}  // namespace

TEST_CASE("an HTTPS server without authorities serves anybody, over TLS 1.3 and HTTP/1.1 alone") {
  TlsSite site;
  site.start();
  HttpsClient client(site.port, {nullptr, &site.servers.own(), TLS1_3_VERSION, "\x02h2\x08http/1.1"});
  REQUIRE(client.connected());
  CHECK(client.version() == "TLSv1.3");
  CHECK(client.alpn() == "http/1.1");
  CHECK(client.get("/hello?one").body == "hello one");
  CHECK(client.get("/hello?two").body == "hello two");
  CHECK(client.get("/large").body.size() == 300'000);
  const HttpReply last = client.ask("GET /hello? HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  CHECK(last.status == 200);
  CHECK(client.is_closed());

  CHECK_FALSE(HttpsClient(site.port, {nullptr, nullptr, TLS1_2_VERSION}).connected());
  CHECK_FALSE(HttpsClient(site.port, {nullptr, nullptr, TLS1_3_VERSION, "\x02h2"}).connected());
  CHECK(site.metrics.http_tls_refused.value("handshake") == 2);
}

TEST_CASE("who speaks HTTP in clear to an HTTPS port is told so") {
  TlsSite site;
  site.start();
  const HttpReply reply = HttpClient::tcp(site.port).ask("GET /hello HTTP/1.1\r\nHost: t\r\n\r\n");
  CHECK(reply.status == 400);
  CHECK(reply.body == "this port speaks HTTPS, TLS 1.3\n");
}

TEST_CASE("with authorities only clients whose certificate one of them issued are served, others told why") {
  TlsSite site;
  site.ask_for_clients();
  site.start();
  const std::time_t now = std::time(nullptr);
  const Certified good = site.clients.issue({"reader"});
  CHECK(site.get(&good).body == "hello x");

  const auto refused = [&](const Certified* client, const std::string& rule) {
    const HttpReply reply = site.get(client);
    INFO(reply.body);
    CHECK(reply.status == 403);
    CHECK(reply.body.find("\"tls/client-" + rule + "\"") != std::string::npos);
    CHECK(reply.has("Connection: close"));
    CHECK(site.metrics.http_tls_refused.value(rule) > 0);
  };
  refused(nullptr, "absent");
  const Certified expired = site.clients.issue({"late", now - 7200, now - 3600});
  refused(&expired, "expired");
  const Certified early = site.clients.issue({"early", now + 3600, now + 7200});
  refused(&early, "expired");
  const Authority others("others");
  const Certified strange = others.issue({"stranger"});
  refused(&strange, "unknown");
  // The same name, and a key that the authority never saw.
  const Authority impostor("clients");
  const Certified forged = impostor.issue({"reader"});
  refused(&forged, "unknown");
  const Certified wrong_use = site.clients.issue({"server", now - 60, now + 3600, false});
  refused(&wrong_use, "purpose");
  // A certificate whose key the client does not have ends the handshake.
  const Certified stolen{strange.key, good.certificate};
  CHECK(site.get(&stolen).status != 200);
  CHECK(site.get(&good).body == "hello x");
}

TEST_CASE("members come in by the certificate of their node, beside authorities or without") {
  TlsSite site;
  const TempDir dir;
  const TlsIdentity beta = node_identity(dir, "beta");
  const TlsIdentity gamma = node_identity(dir, "gamma");
  site.settings.member = [&](ByteView der) -> Status {
    if (equal(der, beta.certificate_der())) return {};
    return fail(Code::kUnauthenticated, "this root key is not a member here", "tls/member");
  };
  const bool authorities = GENERATE(false, true);
  if (authorities) site.ask_for_clients();
  site.start();
  const Certified member = as_client(beta);
  const Certified stranger = as_client(gamma);
  const Certified reader = site.clients.issue({"reader"});
  CHECK(site.get(&member).body == "hello x");
  CHECK(site.get(&stranger).status == 403);
  CHECK(site.get(&reader).status == (authorities ? 200 : 403));
  CHECK(site.get(nullptr).status == 403);
  CHECK(site.metrics.http_tls_refused.value("member") == (authorities ? 0u : 2u));
}

TEST_CASE("nothing of a request is read before the client's certificate has been judged") {
  TlsSite site;
  site.ask_for_clients();
  site.start();
  HttpsClient client(site.port);
  const HttpReply reply = client.ask(std::string(200'000, 'x'));
  CHECK((reply.status == 403 || reply.status == 0));
  CHECK(client.is_closed());
  CHECK(site.metrics.http_answer.count() == 0);
  const Certified good = site.clients.issue({"reader"});
  CHECK(site.get(&good).status == 200);
}

TEST_CASE("a client that is slow with its handshake or its header is cut off, inside TLS as in clear") {
  HttpLimits limits;
  limits.handshake_timeout_ms = 50;
  limits.read_timeout_ms = 50;
  TlsSite site(limits);
  site.start();
  HttpClient silent = HttpClient::tcp(site.port);
  CHECK(silent.is_closed());
  HttpClient half = HttpClient::tcp(site.port);
  half.send("\x16\x03\x01\x02");
  CHECK(half.is_closed());
  HttpsClient header(site.port);
  header.send("GET /hel");
  CHECK(header.is_closed());
  CHECK(site.get(nullptr).status == 200);
}

TEST_CASE("the limits of connections and of requests hold inside TLS") {
  HttpLimits limits;
  limits.connections_max = 2;
  limits.requests_per_s_max = 3;
  TlsSite site(limits);
  site.start();
  HttpsClient a(site.port), b(site.port);
  REQUIRE(a.connected());
  REQUIRE(b.connected());
  CHECK_FALSE(HttpsClient(site.port).connected());
  int busy = 0;
  for (int i = 0; i < 8 && busy == 0; ++i) busy += a.get("/hello?x").status == 429 ? 1 : 0;
  CHECK(busy == 1);
}

TEST_CASE("a renewed certificate file is shown from the next handshake on, a broken one never") {
  TlsSite site;
  site.start();
  CHECK_FALSE(*site.tls->reload());
  const Authority next("next");
  const Certified renewed =
      next.issue({"localhost", std::time(nullptr) - 60, std::time(nullptr) + 60, false});
  HttpsClient before(site.port, {nullptr, &site.servers.own()});
  site.dir.write("server.pem", renewed.certificate_pem());
  site.dir.write("server.key", renewed.key_pem());
  CHECK(*site.tls->reload());
  CHECK(before.get("/hello?still").status == 200);
  CHECK_FALSE(HttpsClient(site.port, {nullptr, &site.servers.own()}).connected());
  CHECK(HttpsClient(site.port, {nullptr, &next.own()}).get("/hello?x").status == 200);

  site.dir.write("server.pem", "this is no certificate");
  CHECK(site.tls->reload().error().rule == "tls/files");
  CHECK(HttpsClient(site.port, {nullptr, &next.own()}).get("/hello?x").status == 200);
}

TEST_CASE("the node's own identity serves, and a rotated one from the next handshake on") {
  TlsSite site;
  site.settings.certificate.clear();
  site.settings.key.clear();
  site.start();
  const Certified own = as_client(site.identity);
  CHECK(HttpsClient(site.port, {nullptr, &own}).get("/hello?x").status == 200);
  const TempDir dir;
  const TlsIdentity next = node_identity(dir, "next");
  REQUIRE(site.tls->set_identity(next));
  CHECK_FALSE(HttpsClient(site.port, {nullptr, &own}).connected());
  const Certified now = as_client(next);
  CHECK(HttpsClient(site.port, {nullptr, &now}).get("/hello?x").status == 200);
}

TEST_CASE("certificates, keys and authorities that cannot be used are refused when the server is made") {
  TlsSite site;
  const auto rule = [&] { return HttpTls::make(site.settings, site.identity).error().rule; };
  const HttpTlsSettings good = site.settings;
  site.settings.key = site.dir.write("other.key", site.clients.own().key_pem());
  ::chmod(site.settings.key.c_str(), 0600);
  CHECK(rule() == "tls/files");  // another certificate's key
  ::chmod(site.settings.key.c_str(), 0644);
  CHECK(rule() == "file/permissions");
  site.settings.key.clear();
  CHECK(rule() == "tls/settings");
  site.settings = good;
  site.settings.certificate = site.dir.file("nothing.pem");
  CHECK(rule() == "tls/files");
  site.settings = good;
  site.settings.client_ca = site.dir.write("empty.pem", "");
  CHECK(rule() == "tls/files");
}
