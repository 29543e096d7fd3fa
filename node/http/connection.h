#pragma once
// Connection: one client's HTTP/1.1 connection, plain or inside TLS 1.3, from its socket to its end.
//
// It keeps itself alive while an operation on it is pending, and reads one request at a time: header, then
// the router's admission, then the body, then the handler on Lane::kWorkers. Inside TLS the client's
// certificate is judged, on a worker, before a byte of a request is read; a refused client is told why in a
// 403 and the connection ends. Concurrency: Lane::kIo alone, but for the destructor. Source: RFC 9110, RFC
// 9112.

#include <memory>
#include <string>

#include <boost/asio/generic/stream_protocol.hpp>

#include "node/http/message.h"
#include "node/http/server_state.h"
#include "node/http/tls.h"

namespace tocsin::node {

// Who opened a connection.
struct Client {
  Entrance entrance = Entrance::kTcp;
  std::string caller;
  std::string address;  // what connections_per_address_max counts by; empty: not counted
  bool allowed = true;  // else every answer is that it is not
};

using ClientSocket = boost::asio::generic::stream_protocol::socket;

class Connection {
 public:
  virtual ~Connection() = default;
  // For a server that stops: waiting connections go at once, busy ones with their answer.
  virtual void close_when_answered() = 0;
  virtual void close() = 0;
};

// Takes the socket over. `tls`: none for plain HTTP.
void serve_client(std::shared_ptr<ServerState> state, ClientSocket socket, Client client,
                  std::shared_ptr<const HttpTls> tls);

}  // namespace tocsin::node
