// What reading the ledger over HTTP costs, as a ratio to a bare Beast server that answers the same bytes to
// the same clients.
//   bench_read [SECONDS] [CONNECTIONS]     default: 3 seconds each, 16 connections
// First in clear, then over TLS 1.3 with a client's certificate (ours: its chain is judged; bare: asked for
// and taken), last with a handshake for every request. Both servers have one thread for sockets; the clients
// are blocking threads on the same machine, so that the figures are of the whole pair.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <sys/stat.h>

#include "node/http/log_routes.h"
#include "node/http/server.h"
#include "node/identity/keystore.h"
#include "tests/node/ledger/kill_round.h"
#include "tests/support/http_client.h"
#include "tests/support/https_client.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace tocsin;
using Clock = std::chrono::steady_clock;
namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::uint64_t kLedgerSize = 5000;

using PlainStream = boost::beast::tcp_stream;
using SecureStream = asio::ssl::stream<boost::beast::tcp_stream>;

// Answers every request with the same bytes.
template <typename Stream>
class Echo {
 public:
  // `tls` is not looked at in clear.
  Echo(std::string body, asio::ssl::context& tls)
      : body_(std::move(body)), tls_(tls), acceptor_(io_, {asio::ip::address_v4::loopback(), 0}) {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Echo() {
    io_.stop();
    thread_.join();
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  struct Session : std::enable_shared_from_this<Session> {
    Session(Stream s, const std::string& b) : stream(std::move(s)), body(b) {}
    void begin() {
      if constexpr (std::is_same_v<Stream, SecureStream>) {
        stream.async_handshake(asio::ssl::stream_base::server, [self = this->shared_from_this()](auto error) {
          if (!error) self->read();
        });
      } else {
        read();
      }
    }
    void read() {
      request = {};
      http::async_read(stream, buffer, request, [self = this->shared_from_this()](auto error, std::size_t) {
        if (!error) self->write();
      });
    }
    void write() {
      response = {};
      response.result(http::status::ok);
      response.set(http::field::content_type, "application/octet-stream");
      response.keep_alive(true);
      response.body() = body;
      response.prepare_payload();
      http::async_write(stream, response, [self = this->shared_from_this()](auto error, std::size_t) {
        if (!error) self->read();
      });
    }
    Stream stream;
    const std::string& body;
    boost::beast::flat_buffer buffer;
    http::request<http::string_body> request;
    http::response<http::string_body> response;
  };
  void accept() {
    acceptor_.async_accept([this](auto error, asio::ip::tcp::socket socket) {
      if (error) return;
      if constexpr (std::is_same_v<Stream, SecureStream>) {
        std::make_shared<Session>(Stream(std::move(socket), tls_), body_)->begin();
      } else {
        std::make_shared<Session>(Stream(std::move(socket)), body_)->begin();
      }
      accept();
    });
  }

  const std::string body_;
  asio::ssl::context& tls_;
  asio::io_context io_{1};
  asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

struct Load {
  double per_s = 0;
  double p50_us = 0;
  double p99_us = 0;
};

struct Run {
  int seconds = 3;
  int connections = 16;
  const tests::HttpsOptions* tls = nullptr;  // none: in clear
  bool handshakes = false;                   // one for every request
};

Load load(std::uint16_t port, const std::string& path, const Run& run) {
  std::vector<std::vector<double>> took(static_cast<std::size_t>(run.connections));
  std::vector<std::thread> clients;
  const auto until = Clock::now() + std::chrono::seconds(run.seconds);
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n";
  const auto go = [&](std::vector<double>& mine, const auto& connect) {
    auto client = connect();
    while (Clock::now() < until) {
      const auto start = Clock::now();
      if (run.handshakes) client = connect();
      if (client->ask(request).status != 200) std::abort();
      mine.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    }
  };
  for (auto& mine : took)
    clients.emplace_back([&, port] {
      if (run.tls != nullptr)
        go(mine, [&] { return std::make_unique<tests::HttpsClient>(port, *run.tls); });
      else
        go(mine, [&] { return std::make_unique<tests::HttpClient>(tests::HttpClient::tcp(port)); });
    });
  for (auto& client : clients) client.join();
  std::vector<double> all;
  for (const auto& mine : took) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  return {static_cast<double>(all.size()) / run.seconds, all[all.size() / 2], all[all.size() * 99 / 100]};
}

void print(const std::string& what, std::size_t bytes, const Load& ours, const Load& bare) {
  std::printf(
      "%-28s %6zu B   %8.0f/s p50 %6.0f us p99 %6.0f us   bare Beast %8.0f/s p50 %6.0f us p99 %6.0f us   "
      "ratio %.2f\n",
      what.c_str(), bytes, ours.per_s, ours.p50_us, ours.p99_us, bare.per_s, bare.p50_us, bare.p99_us,
      ours.per_s / bare.per_s);
  std::fflush(stdout);
}

// Certificates for both servers and the clients.
struct Certificates {
  explicit Certificates(const tests::TempDir& dir) : bare(asio::ssl::context::tlsv13_server) {
    settings.certificate = dir.write("server.pem", server.certificate_pem());
    settings.key = dir.write("server.key", server.key_pem());
    settings.client_ca = dir.write("ca.pem", authority.own().certificate_pem());
    ::chmod(settings.key.c_str(), 0600);
    bare.use_certificate_chain_file(settings.certificate);
    bare.use_private_key_file(settings.key, asio::ssl::context::pem);
    bare.load_verify_file(settings.client_ca);
    bare.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    SSL_CTX_set_num_tickets(bare.native_handle(), 0);
    SSL_CTX_set_session_cache_mode(bare.native_handle(), SSL_SESS_CACHE_OFF);
    options.client = &client;
  }
  const tests::Authority authority{"bench"};
  const tests::Certified server =
      authority.issue({"localhost", std::time(nullptr) - 60, std::time(nullptr) + 36000, false});
  const tests::Certified client = authority.issue({"reader"});
  node::HttpTlsSettings settings;
  asio::ssl::context bare;
  tests::HttpsOptions options;
};

node::TlsIdentity some_identity(const tests::TempDir& dir) {
  node::InitOptions options;
  options.data_dir = dir.file("node");
  options.name = "bench.example";
  options.address = "bench.example:7443";
  options.log_origin = "bench.example/tocsin";
  options.now_ms = 1'700'000'000'000;
  return std::move(node::init_node(options, node::KeystoreLock(Secret<32>(Hash{1}))).value().tls);
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 3;
  const int connections = argc > 2 ? std::atoi(argv[2]) : 16;
  const tests::TempDir dir;
  node::AsioRuntime runtime(2);
  auto store = storage::Store::open(dir.file("store")).value();
  auto ledger = node::Ledger::open(*store, runtime, node::ledger_keys()).value();
  std::atomic<bool> grown = false;
  std::vector<node::Draft> drafts;
  for (std::uint64_t i = 1; i < kLedgerSize; ++i) {
    drafts.push_back(node::receipt(i));
    if (drafts.size() < 1000 && i + 1 < kLedgerSize) continue;
    grown = false;
    ledger->append({std::exchange(drafts, {})}, [&](const auto&) {
      grown = true;
      grown.notify_all();
    });
    grown.wait(false);
  }
  node::Metrics metrics;
  node::Router router(nullptr);
  node::add_log_routes(router, {ledger->log(),
                                [&] {
                                  const node::LedgerHead head = ledger->head();
                                  return node::Published{head.tree, head.checkpoint};
                                },
                                "", "bench"});
  node::HttpServer server(runtime, router, metrics);
  Certificates certificates(dir);
  const auto tls = node::HttpTls::make(certificates.settings, some_identity(dir)).value();
  const std::uint16_t port = server.listen_tcp("127.0.0.1:0").value();
  const std::uint16_t tls_port = server.listen_tcp("127.0.0.1:0", tls).value();
  std::printf("%d connections, %d s each\n", connections, seconds);
  Run run{seconds, connections};
  for (const std::string path : {"/checkpoint", "/tile/0/003", "/tile/entries/003"}) {
    const std::string body =
        tests::HttpClient::tcp(port).ask("GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n").body;
    run.tls = nullptr;
    const Load ours = load(port, path, run);
    const Echo<PlainStream> plain(body, certificates.bare);
    const Load bare = load(plain.port(), path, run);
    print(path, body.size(), ours, bare);
    run.tls = &certificates.options;
    const Load ours_tls = load(tls_port, path, run);
    const Echo<SecureStream> secure(body, certificates.bare);
    const Load bare_tls = load(secure.port(), path, run);
    print("mTLS " + path, body.size(), ours_tls, bare_tls);
  }
  run.handshakes = true;
  const Load ours = load(tls_port, "/checkpoint", run);
  const Echo<SecureStream> secure("checkpoint", certificates.bare);
  const Load bare = load(secure.port(), "/checkpoint", run);
  print("mTLS, a handshake each", 0, ours, bare);
  server.stop();
  runtime.stop();
  return 0;
}
