#include "node/http/server.h"

#include <future>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/config/config.h"
#include "node/http/connection.h"
#include "node/log/log.h"

namespace tocsin::node {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Out of descriptors: try again after this long.
constexpr std::uint64_t kAcceptRetryMs = 100;

constexpr std::string_view kConnectionsFull =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";

// An IPv4 address, or the /64 that an IPv6 host may use as it likes.
std::string address_of(const asio::ip::address& address) {
  if (address.is_v4()) return address.to_string();
  const auto bytes = address.to_v6().to_bytes();
  return std::string(bytes.begin(), bytes.begin() + 8);
}

Client identify(const asio::ip::tcp::socket& socket) {
  error_code gone;
  const auto remote = socket.remote_endpoint(gone);
  return {Entrance::kTcp, {}, gone ? std::string() : address_of(remote.address()), true};
}

Client identify(asio::local::stream_protocol::socket& socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  const bool known = ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
  const bool allowed = known && (credentials.uid == geteuid() || credentials.uid == 0);
  return {Entrance::kAdminSocket, "uid " + std::to_string(credentials.uid), {}, allowed};
}

// Accepts until it is closed.
template <typename Protocol>
class Listener : public std::enable_shared_from_this<Listener<Protocol>> {
 public:
  Listener(std::shared_ptr<ServerState> state, typename Protocol::acceptor acceptor,
           std::shared_ptr<const HttpTls> tls)
      : state_(std::move(state)), acceptor_(std::move(acceptor)), tls_(std::move(tls)) {}

  void accept() {
    acceptor_.async_accept(
        [self = this->shared_from_this()](error_code error, typename Protocol::socket socket) {
          if (error == asio::error::operation_aborted || self->state_->stopping) return;
          if (error) {
            log_event(LogLevel::kWarning, "http.accept_failed", {{"error", error.message()}});
            return self->state_->runtime.after(kAcceptRetryMs, Lane::kIo, [self] { self->accept(); });
          }
          self->take(std::move(socket));
          self->accept();
        });
  }

  void close() {
    error_code ignored;
    acceptor_.close(ignored);
  }

 private:
  void take(typename Protocol::socket socket) {
    Client client = identify(socket);
    if (!state_->full(client.address))
      return serve_client(state_, ClientSocket(std::move(socket)), std::move(client), tls_);
    // Inside TLS nothing can be said before a handshake, which is what there is no room for.
    if (tls_ == nullptr)
      (void)!::send(socket.native_handle(), kConnectionsFull.data(), kConnectionsFull.size(),
                    MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  const std::shared_ptr<ServerState> state_;
  typename Protocol::acceptor acceptor_;
  const std::shared_ptr<const HttpTls> tls_;
};

tl::unexpected<Error> cannot_listen(std::string_view where, const error_code& error) {
  return fail(Code::kUnavailable, "cannot listen on " + std::string(where) + ": " + error.message(),
              "http/listen");
}

Result<asio::ip::tcp::endpoint> resolve(asio::io_context& io, std::string_view host_port) {
  TRY_ASSIGN(const HostPort address, parse_host_port(host_port));
  error_code error;
  const auto ip = asio::ip::make_address(address.host, error);
  if (!error) return asio::ip::tcp::endpoint(ip, address.port);
  asio::ip::tcp::resolver resolver(io);
  const auto found = resolver.resolve(address.host, std::to_string(address.port), error);
  if (error || found.empty()) return cannot_listen(host_port, error);
  return found.begin()->endpoint();
}

}  // namespace

struct HttpServer::Listeners {
  std::vector<std::shared_ptr<Listener<asio::ip::tcp>>> tcp;
  std::vector<std::shared_ptr<Listener<asio::local::stream_protocol>>> local;
  std::vector<std::string> socket_paths;
};

HttpServer::HttpServer(AsioRuntime& runtime, const Router& router, Metrics& metrics, const HttpLimits& limits)
    : state_(std::make_shared<ServerState>(runtime, router, metrics, limits)),
      listeners_(std::make_unique<Listeners>()) {}

HttpServer::~HttpServer() {
  stop();
}

Result<std::uint16_t> HttpServer::listen_tcp(std::string_view host_port, std::shared_ptr<const HttpTls> tls) {
  asio::io_context& io = state_->runtime.io();
  TRY_ASSIGN(const asio::ip::tcp::endpoint endpoint, resolve(io, host_port));
  asio::ip::tcp::acceptor acceptor(io);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return cannot_listen(host_port, error);
  const std::uint16_t port = acceptor.local_endpoint().port();
  listeners_->tcp.push_back(
      std::make_shared<Listener<asio::ip::tcp>>(state_, std::move(acceptor), std::move(tls)));
  state_->runtime.post(Lane::kIo, [listener = listeners_->tcp.back()] { listener->accept(); });
  return port;
}

Status HttpServer::listen_unix(const std::string& path) {
  using Local = asio::local::stream_protocol;
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return fail(Code::kInvalidArgument, path + " is too long for a socket's path", "config/address");
  asio::io_context& io = state_->runtime.io();
  error_code error;
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) return fail(Code::kAlreadyExists, path + " is not a socket", "http/socket");
    Local::socket probe(io);
    probe.connect(Local::endpoint(path), error);
    if (!error)
      return fail(Error{Code::kAlreadyExists, "another process answers on " + path, "http/socket", "",
                        "stop it, or set admin_socket"});
    ::unlink(path.c_str());
    error = {};
  }
  Local::acceptor acceptor(io);
  acceptor.open(Local(), error);
  if (!error) acceptor.bind(Local::endpoint(path), error);
  if (!error && ::chmod(path.c_str(), 0600) != 0) error = error_code(errno, boost::system::system_category());
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return cannot_listen(path, error);
  listeners_->local.push_back(std::make_shared<Listener<Local>>(state_, std::move(acceptor), nullptr));
  listeners_->socket_paths.push_back(path);
  state_->runtime.post(Lane::kIo, [listener = listeners_->local.back()] { listener->accept(); });
  return {};
}

void HttpServer::stop() {
  // A runtime that has ended drops the task, and the promise with it: wait() returns then, too.
  const auto on_io = [this](std::function<void()> act) {
    auto done = std::make_shared<std::promise<void>>();
    std::future<void> future = done->get_future();
    state_->runtime.post(Lane::kIo, [act = std::move(act), done = std::move(done)] {
      act();
      done->set_value();
    });
    future.wait();
  };
  on_io([this] {
    state_->stopping = true;
    for (const auto& listener : listeners_->tcp) listener->close();
    for (const auto& listener : listeners_->local) listener->close();
    for (Connection* connection : state_->connections()) connection->close_when_answered();
  });
  for (const std::string& path : listeners_->socket_paths) ::unlink(path.c_str());
  listeners_->socket_paths.clear();
  if (state_->wait_until_empty(std::chrono::milliseconds(state_->limits.stop_timeout_ms))) return;
  on_io([this] {
    for (Connection* connection : state_->connections()) connection->close();
  });
}

}  // namespace tocsin::node
