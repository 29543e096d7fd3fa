// What reading the ledger over HTTP costs, as a ratio to a bare Beast server that answers the same bytes to
// the same clients.
//   bench_read [SECONDS] [CONNECTIONS]     default: 3 seconds each, 16 connections
// Both servers have one thread for sockets; the clients are blocking threads on the same machine, so that the
// figures are of the whole pair.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "node/http/log_routes.h"
#include "node/http/server.h"
#include "tests/node/ledger/kill_round.h"
#include "tests/support/http_client.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace tocsin;
using Clock = std::chrono::steady_clock;
namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::uint64_t kLedgerSize = 5000;

// Answers every request with the same bytes.
class Echo {
 public:
  explicit Echo(std::string body)
      : body_(std::move(body)), acceptor_(io_, {asio::ip::address_v4::loopback(), 0}) {
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
    Session(asio::ip::tcp::socket socket, const std::string& b) : stream(std::move(socket)), body(b) {}
    void read() {
      request = {};
      http::async_read(stream, buffer, request, [self = shared_from_this()](auto error, std::size_t) {
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
      http::async_write(stream, response, [self = shared_from_this()](auto error, std::size_t) {
        if (!error) self->read();
      });
    }
    boost::beast::tcp_stream stream;
    const std::string& body;
    boost::beast::flat_buffer buffer;
    http::request<http::string_body> request;
    http::response<http::string_body> response;
  };
  void accept() {
    acceptor_.async_accept([this](auto error, asio::ip::tcp::socket socket) {
      if (error) return;
      std::make_shared<Session>(std::move(socket), body_)->read();
      accept();
    });
  }

  const std::string body_;
  asio::io_context io_{1};
  asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

struct Load {
  double per_s = 0;
  double p50_us = 0;
  double p99_us = 0;
};

Load load(std::uint16_t port, const std::string& path, int seconds, int connections) {
  std::vector<std::vector<double>> took(static_cast<std::size_t>(connections));
  std::vector<std::thread> clients;
  const auto until = Clock::now() + std::chrono::seconds(seconds);
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n";
  for (auto& mine : took)
    clients.emplace_back([&, port] {
      auto client = tests::HttpClient::tcp(port);
      while (Clock::now() < until) {
        const auto start = Clock::now();
        if (client.ask(request).status != 200) std::abort();
        mine.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
      }
    });
  for (auto& client : clients) client.join();
  std::vector<double> all;
  for (const auto& mine : took) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  return {static_cast<double>(all.size()) / seconds, all[all.size() / 2], all[all.size() * 99 / 100]};
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
  const std::uint16_t port = server.listen_tcp("127.0.0.1:0").value();
  std::printf("%d connections, %d s each\n", connections, seconds);
  for (const std::string path : {"/checkpoint", "/tile/0/003", "/tile/entries/003"}) {
    const std::string body =
        tests::HttpClient::tcp(port).ask("GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n").body;
    const Load ours = load(port, path, seconds, connections);
    const Echo echo(body);
    const Load bare = load(echo.port(), path, seconds, connections);
    std::printf(
        "%-20s %6zu B   %8.0f/s p50 %6.0f us p99 %6.0f us   bare Beast %8.0f/s p50 %6.0f us p99 %6.0f us   "
        "ratio %.2f\n",
        path.c_str(), body.size(), ours.per_s, ours.p50_us, ours.p99_us, bare.per_s, bare.p50_us, bare.p99_us,
        ours.per_s / bare.per_s);
  }
  server.stop();
  runtime.stop();
  return 0;
}
