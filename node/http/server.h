#pragma once
// HttpServer: HTTP/1.1 over TCP and over the operator's Unix socket, in front of one Router.
//
// Guarantee: every buffer has a limit (below). Sockets live on Lane::kIo, handlers run on Lane::kWorkers, one
// request of a connection at a time. A header is admitted by the router before its body is read. A client
// that is slower than the limits is cut off; malformed bytes cost it the connection and a 400 (431, 413 where
// a limit was the reason). On the Unix socket only this user and root are served, by SO_PEERCRED. Errors of
// listen: kInvalidArgument "config/address"; kUnavailable "http/listen"; kAlreadyExists "http/socket" when
// another process answers on the Unix socket.
// Concurrency: listen and stop from one thread that is none of the runtime's. Stop the server before the
// runtime; the router and metrics outlive the runtime. Source: RFC 9110, RFC 9112.

#include <cstdint>
#include <memory>
#include <string>

#include "node/http/router.h"
#include "node/metrics/metrics.h"
#include "node/runtime/asio_runtime.h"

namespace tocsin::node {

struct HttpLimits {
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t connections_max = 256;
  std::size_t connections_per_address_max = 0;  // of one IPv4 address or IPv6 /64; 0: as connections_max
  std::uint32_t requests_per_s_max = 0;         // of all clients together, then 429; 0: no such limit
  std::size_t bodies_bytes_max = 256 << 20;     // of all requests in flight together
  std::uint64_t read_timeout_ms = 30'000;       // for a header, for the next request, and for a small body
  std::uint64_t body_bytes_per_ms = 256;        // larger bodies get the time that this rate needs
  std::uint64_t write_timeout_ms = 30'000;
  std::uint64_t stop_timeout_ms = 5'000;  // for requests in flight when the server stops
};

class HttpServer {
 public:
  HttpServer(AsioRuntime& runtime, const Router& router, Metrics& metrics, const HttpLimits& limits = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // The port listened on, which is another than asked for when that was 0.
  Result<std::uint16_t> listen_tcp(std::string_view host_port);
  // Replaces a dead process's socket; mode 0600.
  Status listen_unix(const std::string& path);

  // Takes no more requests, answers those in flight and closes. Idempotent.
  void stop();

  struct Shared;  // what the server and its connections share; defined in the source

 private:
  struct Listeners;
  std::shared_ptr<Shared> shared_;
  std::unique_ptr<Listeners> listeners_;
};

}  // namespace tocsin::node
