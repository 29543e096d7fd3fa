#pragma once
// HttpServer: HTTP/1.1 over TCP, over TLS and over the operator's Unix socket, in front of one Router.
//
// Guarantee: every buffer has a limit (server_state.h). Sockets live on Lane::kIo, handlers run on
// Lane::kWorkers, one request of a connection at a time. A header is admitted by the router before its body
// is read. A client that is slower than the limits is cut off; malformed bytes cost it the connection and a
// 400 (431, 413 where a limit was the reason). On the Unix socket only this user and root are served, by
// SO_PEERCRED. Errors of listen: kInvalidArgument "config/address"; kUnavailable "http/listen";
// kAlreadyExists "http/socket" when another process answers on the Unix socket. Concurrency: listen and stop
// from one thread that is none of the runtime's. Stop the server before the runtime; the router and metrics
// outlive the runtime. Source: RFC 9110, RFC 9112.

#include <cstdint>
#include <memory>
#include <string>

#include "node/http/server_state.h"
#include "node/http/tls.h"

namespace tocsin::node {

class HttpServer {
 public:
  HttpServer(AsioRuntime& runtime, const Router& router, Metrics& metrics, const HttpLimits& limits = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // The port listened on, which is another than asked for when that was 0. `tls`: none for plain HTTP.
  Result<std::uint16_t> listen_tcp(std::string_view host_port, std::shared_ptr<const HttpTls> tls = nullptr);
  // Replaces a dead process's socket; mode 0600.
  Status listen_unix(const std::string& path);

  // Takes no more requests, answers those in flight and closes. Idempotent.
  void stop();

 private:
  struct Listeners;
  const std::shared_ptr<ServerState> state_;
  std::unique_ptr<Listeners> listeners_;
};

}  // namespace tocsin::node
