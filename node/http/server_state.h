#pragma once
// ServerState: what an HTTP server and its connections share: the limits, and the accounts kept against them.
//
// Guarantee: a connection is counted from enter() to leave(), bytes of bodies from reserve_body() to
// release_body(); wait_until_empty() sees both. Concurrency: take_request() and `stopping` belong to
// Lane::kIo; everything else from any thread, since a worker may be the last to hold a connection. Outlives
// every connection.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
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
  std::uint64_t handshake_timeout_ms = 10'000;  // of TLS
  std::uint64_t read_timeout_ms = 30'000;       // for a header, for the next request, and for a small body
  std::uint64_t body_bytes_per_ms = 256;        // larger bodies get the time that this rate needs
  std::uint64_t write_timeout_ms = 30'000;
  std::uint64_t stop_timeout_ms = 5'000;  // for requests in flight when the server stops
};

class Connection;

class ServerState {
 public:
  ServerState(AsioRuntime& r, const Router& ro, Metrics& m, const HttpLimits& l)
      : runtime(r), router(ro), metrics(m), limits(l) {}

  AsioRuntime& runtime;
  const Router& router;
  Metrics& metrics;
  const HttpLimits limits;
  bool stopping = false;  // owned by Lane::kIo

  // Whether this second has room for one more.
  bool take_request();
  // Whether there is no room for a connection from that address; an empty one counts as nobody's.
  bool full(const std::string& address);
  void enter(Connection* connection, const std::string& address);
  void leave(Connection* connection, const std::string& address);
  bool reserve_body(std::size_t bytes);
  void release_body(std::size_t bytes);

  std::set<Connection*> connections();
  // False when some were still open after that long.
  bool wait_until_empty(std::chrono::milliseconds patience);

 private:
  // Owned by Lane::kIo.
  std::uint64_t requests_ = 0;  // in the second that began at requests_since_ms_
  std::uint64_t requests_since_ms_ = 0;

  std::mutex mu_;
  std::condition_variable empty_;
  // Guarded by mu_.
  std::set<Connection*> connections_;
  std::map<std::string, std::size_t> addresses_;  // connections of each
  std::size_t bodies_bytes_ = 0;
};

}  // namespace tocsin::node
