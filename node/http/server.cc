#include "node/http/server.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <set>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/config/config.h"
#include "node/http/problem.h"
#include "node/log/log.h"

namespace tocsin::node {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

using Socket = asio::generic::stream_protocol::socket;
using Stream = beast::basic_stream<asio::generic::stream_protocol>;

// After a refusal we read on for a moment, so that the answer is not lost to a reset; this much, this long.
constexpr std::size_t kLingerBytesMax = 1 << 20;
constexpr std::chrono::milliseconds kLingerTime{1000};
// Out of descriptors: try again after this long.
constexpr std::uint64_t kAcceptRetryMs = 100;

constexpr std::string_view kConnectionsFull =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

std::string write_head(const Response& response, bool keep_alive) {
  constexpr unsigned kNotModified = 304;
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += status_title(response.status);
  if (response.status != kNotModified) {
    out += "\r\nContent-Type: " + response.content_type;
    out += "\r\nContent-Length: " + std::to_string(response.body.size());
  }
  if (!response.cacheable) out += "\r\nCache-Control: no-store";
  out += "\r\nX-Content-Type-Options: nosniff";
  out += keep_alive ? "" : "\r\nConnection: close";
  for (const Header& header : response.headers)
    if (is_one_line(header.name) && is_one_line(header.value))
      out += "\r\n" + header.name + ": " + header.value;
  return out + "\r\n\r\n";
}

Response refusal_for(const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return problem(431, {Code::kResourceExhausted, "the request's header is too large", "http/header"});
  if (error == http::error::body_limit)
    return problem(413, {Code::kResourceExhausted, "the request's body is too large", "http/body"});
  return problem({Code::kInvalidArgument, "this is not an HTTP/1.1 request", "http/syntax"});
}

}  // namespace

class Connection;

// Who opened a connection.
struct Peer {
  Entrance entrance = Entrance::kTcp;
  std::string caller;
  std::string address;  // what connections_per_address_max counts by; empty: not counted
  bool allowed = true;
};

// Outlives every connection.
struct HttpServer::Shared {
  Shared(AsioRuntime& r, const Router& ro, Metrics& m, const HttpLimits& l)
      : runtime(r), router(ro), metrics(m), limits(l) {}

  AsioRuntime& runtime;
  const Router& router;
  Metrics& metrics;
  const HttpLimits limits;

  // Owned by Lane::kIo.
  bool stopping = false;
  std::uint64_t requests = 0;  // in the second that began at requests_since_ms
  std::uint64_t requests_since_ms = 0;

  bool take_request() {
    if (limits.requests_per_s_max == 0) return true;
    const std::uint64_t now = runtime.now_ms();
    if (now >= requests_since_ms + 1000) {
      requests_since_ms = now;
      requests = 0;
    }
    return ++requests <= limits.requests_per_s_max;
  }

  // Guarded by mu: a connection that outlives the io thread is given up by a worker.
  std::mutex mu;
  std::condition_variable closed;
  std::set<Connection*> connections;
  std::size_t bodies_bytes = 0;
  std::map<std::string, std::size_t> addresses;  // connections of each

  bool full(const std::string& address) {
    const std::lock_guard lock(mu);
    if (connections.size() >= limits.connections_max) return true;
    const auto found = addresses.find(address);
    return limits.connections_per_address_max != 0 && !address.empty() && found != addresses.end() &&
           found->second >= limits.connections_per_address_max;
  }

  std::set<Connection*> open_connections() {
    const std::lock_guard lock(mu);
    return connections;
  }
};

// One client's connection; alive while an operation on it is pending.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Shared = std::shared_ptr<HttpServer::Shared>;

  Connection(Shared shared, Socket socket, Peer peer)
      : shared_(std::move(shared)),
        stream_(std::move(socket)),
        peer_(std::move(peer)),
        buffer_(shared_->limits.header_bytes_max + 64 * 1024) {
    shared_->metrics.http_connections.add(1);
    const std::lock_guard lock(shared_->mu);
    shared_->connections.insert(this);
    ++shared_->addresses[peer_.address];
  }
  ~Connection() {
    release_body();
    shared_->metrics.http_connections.add(-1);
    const std::lock_guard lock(shared_->mu);
    shared_->connections.erase(this);
    if (--shared_->addresses[peer_.address] == 0) shared_->addresses.erase(peer_.address);
    if (shared_->connections.empty()) shared_->closed.notify_all();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void serve() { read_header(); }
  void refuse_and_close(const Response& response) { send(response, false); }
  // For a server that stops: waiting connections go at once, busy ones with their answer.
  void close_when_answered() {
    if (!busy_) close();
  }
  void close() { stream_.close(); }

 private:
  void read_header();
  void on_header(error_code error);
  void read_body();
  void on_body(error_code error);
  void answer();
  void send(const Response& response, bool keep_alive);
  void on_sent(error_code error, bool keep_alive);
  void linger();
  Request take_head();
  bool reserve_body();
  void release_body() {
    const std::lock_guard lock(shared_->mu);
    shared_->bodies_bytes -= reserved_;
    reserved_ = 0;
  }
  std::uint64_t body_time_ms() const;

  const Shared shared_;
  Stream stream_;
  const Peer peer_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  Request request_;
  const Route* route_ = nullptr;
  std::string head_out_;
  std::string body_out_;
  std::size_t reserved_ = 0;  // of Shared::bodies_bytes
  std::size_t lingered_ = 0;
  std::array<char, 4096> discarded_;
  bool busy_ = false;  // a request is with the workers or its answer on its way
};

void Connection::read_header() {
  request_ = {};
  route_ = nullptr;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(shared_->limits.header_bytes_max));
  // The route's limit is set once the route is known.
  parser_->body_limit(boost::none);
  stream_.expires_after(std::chrono::milliseconds(shared_->limits.read_timeout_ms));
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](error_code error, std::size_t) { self->on_header(error); });
}

Request Connection::take_head() {
  const auto& message = parser_->get();
  Request request;
  request.method = std::string(message.method_string());
  const std::string_view target(message.target().data(), message.target().size());
  const std::size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  for (const auto& field : message)
    request.headers.push_back({lower({field.name_string().data(), field.name_string().size()}),
                               std::string(field.value().data(), field.value().size())});
  request.entrance = peer_.entrance;
  request.caller = peer_.caller;
  return request;
}

void Connection::on_header(error_code error) {
  const bool is_protocol_error =
      error && error.category() == make_error_code(http::error::bad_method).category();
  if (error == http::error::end_of_stream || (error && !is_protocol_error)) return close();
  if (error) return send(refusal_for(error), false);
  request_ = take_head();
  if (!shared_->take_request()) {
    Response busy = problem(429, {Code::kResourceExhausted, "too many requests", "http/rate"});
    busy.headers.push_back({"Retry-After", "1"});
    return send(busy, false);
  }
  Admission admission = shared_->router.admit(request_);
  // Whatever body a refused request has is not read: the connection ends with the refusal.
  const bool has_body = parser_->chunked() || parser_->content_length().value_or(0) > 0;
  if (admission.refusal) return send(*admission.refusal, !has_body && parser_->get().keep_alive());
  route_ = admission.route;
  if (parser_->content_length().value_or(0) > route_->body_max)
    return send(refusal_for(http::error::body_limit), false);
  if (!reserve_body())
    return send(problem(503, {Code::kResourceExhausted, "too many large requests at once", "http/busy"}),
                false);
  parser_->body_limit(route_->body_max);
  if (lower(request_.header("expect")) != "100-continue" || !has_body) return read_body();
  head_out_ = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(head_out_),
                    [self = shared_from_this()](error_code failed, std::size_t) {
                      failed ? self->close() : self->read_body();
                    });
}

bool Connection::reserve_body() {
  const std::size_t need =
      parser_->chunked() ? route_->body_max : static_cast<std::size_t>(parser_->content_length().value_or(0));
  const std::lock_guard lock(shared_->mu);
  if (shared_->bodies_bytes + need > shared_->limits.bodies_bytes_max) return false;
  reserved_ = need;
  shared_->bodies_bytes += need;
  return true;
}

std::uint64_t Connection::body_time_ms() const {
  return shared_->limits.read_timeout_ms + reserved_ / shared_->limits.body_bytes_per_ms;
}

void Connection::read_body() {
  stream_.expires_after(std::chrono::milliseconds(body_time_ms()));
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](error_code error, std::size_t) { self->on_body(error); });
}

void Connection::on_body(error_code error) {
  if (error == beast::error::timeout || error == asio::error::operation_aborted) return close();
  if (error) return send(refusal_for(error), false);
  request_.body = std::move(parser_->get().body());
  answer();
}

void Connection::answer() {
  busy_ = true;
  stream_.expires_never();
  const std::uint64_t started_us = shared_->runtime.steady_us();
  // The connection goes back with the answer: its last owner must not be the worker.
  shared_->runtime.post(Lane::kWorkers, [self = shared_from_this(), started_us]() mutable {
    auto response = std::make_shared<Response>(self->shared_->router.answer(*self->route_, self->request_));
    HttpServer::Shared& shared = *self->shared_;
    shared.metrics.http_answer.observe_us(shared.runtime.steady_us() - started_us);
    shared.runtime.post(Lane::kIo, [self = std::move(self), response] {
      self->send(*response, self->parser_->get().keep_alive() && !self->shared_->stopping);
    });
  });
}

void Connection::send(const Response& response, bool keep_alive) {
  busy_ = true;
  release_body();
  shared_->metrics.http_requests.add();
  if (response.status >= 400) shared_->metrics.http_refused.add();
  head_out_ = write_head(response, keep_alive);
  body_out_ = request_.method == "HEAD" ? std::string() : response.body;
  stream_.expires_after(std::chrono::milliseconds(shared_->limits.write_timeout_ms));
  const std::array<asio::const_buffer, 2> parts{asio::buffer(head_out_), asio::buffer(body_out_)};
  asio::async_write(stream_, parts, [self = shared_from_this(), keep_alive](error_code error, std::size_t) {
    self->on_sent(error, keep_alive);
  });
}

void Connection::on_sent(error_code error, bool keep_alive) {
  busy_ = false;
  body_out_ = {};
  if (error || shared_->stopping) return close();
  if (keep_alive) return read_header();
  error_code ignored;
  stream_.socket().shutdown(Socket::shutdown_send, ignored);
  stream_.expires_after(kLingerTime);
  linger();
}

void Connection::linger() {
  stream_.async_read_some(asio::buffer(discarded_),
                          [self = shared_from_this()](error_code error, std::size_t n) {
                            self->lingered_ += n;
                            if (error || self->lingered_ > kLingerBytesMax) return self->close();
                            self->linger();
                          });
}

namespace {

// An IPv4 address, or the /64 that an IPv6 host may use as it likes.
std::string address_of(const asio::ip::address& address) {
  if (address.is_v4()) return address.to_string();
  const auto bytes = address.to_v6().to_bytes();
  return std::string(bytes.begin(), bytes.begin() + 8);
}

Peer identify(const asio::ip::tcp::socket& socket) {
  error_code gone;
  const auto remote = socket.remote_endpoint(gone);
  return {Entrance::kTcp, {}, gone ? std::string() : address_of(remote.address()), true};
}

Peer identify(asio::local::stream_protocol::socket& socket) {
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
  Listener(std::shared_ptr<HttpServer::Shared> shared, typename Protocol::acceptor acceptor)
      : shared_(std::move(shared)), acceptor_(std::move(acceptor)) {}

  void accept() {
    acceptor_.async_accept(
        [self = this->shared_from_this()](error_code error, typename Protocol::socket socket) {
          if (error == asio::error::operation_aborted || self->shared_->stopping) return;
          if (error) {
            log_event(LogLevel::kWarning, "http.accept_failed", {{"error", error.message()}});
            return self->shared_->runtime.after(kAcceptRetryMs, Lane::kIo, [self] { self->accept(); });
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
    Peer peer = identify(socket);
    if (shared_->full(peer.address)) {
      (void)!::send(socket.native_handle(), kConnectionsFull.data(), kConnectionsFull.size(),
                    MSG_DONTWAIT | MSG_NOSIGNAL);
      return;
    }
    const bool allowed = peer.allowed;
    const auto connection = std::make_shared<Connection>(shared_, Socket(std::move(socket)), std::move(peer));
    if (allowed) return connection->serve();
    connection->refuse_and_close(
        problem({Code::kPermissionDenied, "this socket serves the node's own user and root", "http/socket"}));
  }

  const std::shared_ptr<HttpServer::Shared> shared_;
  typename Protocol::acceptor acceptor_;
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
    : shared_(std::make_shared<Shared>(runtime, router, metrics, limits)),
      listeners_(std::make_unique<Listeners>()) {}

HttpServer::~HttpServer() {
  stop();
}

Result<std::uint16_t> HttpServer::listen_tcp(std::string_view host_port) {
  asio::io_context& io = shared_->runtime.io();
  TRY_ASSIGN(const asio::ip::tcp::endpoint endpoint, resolve(io, host_port));
  asio::ip::tcp::acceptor acceptor(io);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return cannot_listen(host_port, error);
  const std::uint16_t port = acceptor.local_endpoint().port();
  listeners_->tcp.push_back(std::make_shared<Listener<asio::ip::tcp>>(shared_, std::move(acceptor)));
  shared_->runtime.post(Lane::kIo, [listener = listeners_->tcp.back()] { listener->accept(); });
  return port;
}

Status HttpServer::listen_unix(const std::string& path) {
  using Local = asio::local::stream_protocol;
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return fail(Code::kInvalidArgument, path + " is too long for a socket's path", "config/address");
  asio::io_context& io = shared_->runtime.io();
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
  listeners_->local.push_back(std::make_shared<Listener<Local>>(shared_, std::move(acceptor)));
  listeners_->socket_paths.push_back(path);
  shared_->runtime.post(Lane::kIo, [listener = listeners_->local.back()] { listener->accept(); });
  return {};
}

void HttpServer::stop() {
  // A runtime that has ended drops the task, and the promise with it: wait() returns then, too.
  const auto on_io = [this](std::function<void()> act) {
    auto done = std::make_shared<std::promise<void>>();
    std::future<void> future = done->get_future();
    shared_->runtime.post(Lane::kIo, [act = std::move(act), done = std::move(done)] {
      act();
      done->set_value();
    });
    future.wait();
  };
  on_io([this] {
    shared_->stopping = true;
    for (const auto& listener : listeners_->tcp) listener->close();
    for (const auto& listener : listeners_->local) listener->close();
    for (Connection* connection : shared_->open_connections()) connection->close_when_answered();
  });
  for (const std::string& path : listeners_->socket_paths) ::unlink(path.c_str());
  listeners_->socket_paths.clear();
  {
    std::unique_lock lock(shared_->mu);
    if (shared_->closed.wait_for(lock, std::chrono::milliseconds(shared_->limits.stop_timeout_ms),
                                 [this] { return shared_->connections.empty(); }))
      return;
  }
  on_io([this] {
    for (Connection* connection : shared_->open_connections()) connection->close();
  });
}

}  // namespace tocsin::node
