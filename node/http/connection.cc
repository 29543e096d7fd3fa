#include "node/http/connection.h"

#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include "node/http/problem.h"

namespace tocsin::node {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

using PlainStream = beast::basic_stream<asio::generic::stream_protocol>;
using SecureStream = asio::ssl::stream<PlainStream>;

// After a refusal we read on for a moment, so that the answer is not lost to a reset; this much, this long.
constexpr std::size_t kLingerBytesMax = 1 << 20;
constexpr std::chrono::milliseconds kLingerTime{1000};
// Head and body up to this size go into one TLS record instead of two.
constexpr std::size_t kOneRecordMax = 16 * 1024;

constexpr std::string_view kSpeakTls =
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 32\r\n\r\nthis port speaks HTTPS, TLS 1.3\n";

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

Response stranger() {
  return problem({Code::kPermissionDenied, "this socket serves the node's own user and root", "http/socket"});
}

template <typename Stream>
class HttpConnection final : public Connection, public std::enable_shared_from_this<HttpConnection<Stream>> {
 public:
  static constexpr bool kTls = std::is_same_v<Stream, SecureStream>;
  using State = std::shared_ptr<ServerState>;

  template <typename... StreamArguments>
  HttpConnection(State state, Client client, std::shared_ptr<const HttpTls> tls, StreamArguments&&... stream)
      : state_(std::move(state)),
        tls_(std::move(tls)),
        stream_(std::forward<StreamArguments>(stream)...),
        client_(std::move(client)),
        buffer_(state_->limits.header_bytes_max + 64 * 1024) {
    state_->enter(this, client_.address);
  }
  ~HttpConnection() override {
    state_->release_body(reserved_);
    state_->leave(this, client_.address);
  }
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void begin();
  void close_when_answered() override {
    if (!busy_) close();
  }
  void close() override { lowest().close(); }

 private:
  void shake_hands();
  void on_handshake(error_code error);
  void judge_client();
  void speak_tls();
  void read_header();
  void on_header(error_code error);
  void read_body();
  void on_body(error_code error);
  void answer();
  void send(const Response& response, bool keep_alive);
  void on_sent(error_code error, bool keep_alive);
  void hang_up();
  void linger();
  Request take_head();
  bool reserve_body();
  void release_body() { state_->release_body(std::exchange(reserved_, 0)); }
  std::uint64_t body_time_ms() const;
  PlainStream& lowest() { return beast::get_lowest_layer(stream_); }
  void expires_after(std::uint64_t ms) { lowest().expires_after(std::chrono::milliseconds(ms)); }
  auto self() { return this->shared_from_this(); }

  const State state_;
  const std::shared_ptr<const HttpTls> tls_;  // none: plain
  Stream stream_;
  const Client client_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  Request request_;
  const Route* route_ = nullptr;
  std::string head_out_;
  std::string body_out_;
  std::size_t reserved_ = 0;  // of the bodies in flight
  std::size_t lingered_ = 0;
  std::array<char, 4096> discarded_;
  bool busy_ = false;  // a request is with the workers or its answer on its way
};

template <typename Stream>
void HttpConnection<Stream>::begin() {
  if constexpr (kTls) {
    shake_hands();
  } else {
    client_.allowed ? read_header() : send(stranger(), false);
  }
}

template <typename Stream>
void HttpConnection<Stream>::shake_hands() {
  if constexpr (kTls) {
    expires_after(state_->limits.handshake_timeout_ms);
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [self = self()](error_code error) { self->on_handshake(error); });
  }
}

template <typename Stream>
void HttpConnection<Stream>::on_handshake(error_code error) {
  if (!error) return judge_client();
  if (error == beast::error::timeout || error == asio::error::operation_aborted) return close();
  state_->metrics.http_tls_refused.add("handshake");
  const bool plain_http = error.category() == asio::error::get_ssl_category() &&
                          HttpTls::is_plain_http(static_cast<unsigned long>(error.value()));
  plain_http ? speak_tls() : close();
}

// To somebody who spoke HTTP to this port.
template <typename Stream>
void HttpConnection<Stream>::speak_tls() {
  expires_after(state_->limits.write_timeout_ms);
  asio::async_write(lowest(), asio::buffer(kSpeakTls), [self = self()](error_code, std::size_t) {
    error_code ignored;
    self->lowest().socket().shutdown(ClientSocket::shutdown_send, ignored);
    self->close();
  });
}

// What a stranger sends behind the handshake is not read before its certificate has been judged.
template <typename Stream>
void HttpConnection<Stream>::judge_client() {
  if constexpr (kTls) {
    if (!tls_->asks_clients()) return read_header();
    busy_ = true;
    lowest().expires_never();
    auto chain = std::make_shared<const std::vector<Bytes>>(HttpTls::client_chain(stream_.native_handle()));
    state_->runtime.post(Lane::kWorkers, [self = self(), chain]() mutable {
      auto verdict =
          std::make_shared<const Status>(self->tls_->judge(*chain, self->state_->runtime.now_ms()));
      AsioRuntime& runtime = self->state_->runtime;
      runtime.post(Lane::kIo, [self = std::move(self), verdict] {
        self->busy_ = false;
        if (self->state_->stopping) return self->close();
        if (*verdict) return self->read_header();
        self->state_->metrics.http_tls_refused.add(HttpTls::reason_of(verdict->error()));
        self->send(problem(verdict->error()), false);
      });
    });
  }
}

template <typename Stream>
void HttpConnection<Stream>::read_header() {
  request_ = {};
  route_ = nullptr;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(state_->limits.header_bytes_max));
  // The route's limit is set once the route is known.
  parser_->body_limit(boost::none);
  expires_after(state_->limits.read_timeout_ms);
  http::async_read_header(stream_, buffer_, *parser_,
                          [self = self()](error_code error, std::size_t) { self->on_header(error); });
}

template <typename Stream>
Request HttpConnection<Stream>::take_head() {
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
  request.entrance = client_.entrance;
  request.caller = client_.caller;
  return request;
}

template <typename Stream>
void HttpConnection<Stream>::on_header(error_code error) {
  const bool is_protocol_error =
      error && error.category() == make_error_code(http::error::bad_method).category();
  if (error == http::error::end_of_stream || (error && !is_protocol_error)) return close();
  if (error) return send(refusal_for(error), false);
  request_ = take_head();
  if (!state_->take_request()) {
    Response busy = problem(429, {Code::kResourceExhausted, "too many requests", "http/rate"});
    busy.headers.push_back({"Retry-After", "1"});
    return send(busy, false);
  }
  Admission admission = state_->router.admit(request_);
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
  asio::async_write(stream_, asio::buffer(head_out_), [self = self()](error_code failed, std::size_t) {
    failed ? self->close() : self->read_body();
  });
}

template <typename Stream>
bool HttpConnection<Stream>::reserve_body() {
  const std::size_t need =
      parser_->chunked() ? route_->body_max : static_cast<std::size_t>(parser_->content_length().value_or(0));
  if (!state_->reserve_body(need)) return false;
  reserved_ = need;
  return true;
}

template <typename Stream>
std::uint64_t HttpConnection<Stream>::body_time_ms() const {
  return state_->limits.read_timeout_ms + reserved_ / state_->limits.body_bytes_per_ms;
}

template <typename Stream>
void HttpConnection<Stream>::read_body() {
  expires_after(body_time_ms());
  http::async_read(stream_, buffer_, *parser_,
                   [self = self()](error_code error, std::size_t) { self->on_body(error); });
}

template <typename Stream>
void HttpConnection<Stream>::on_body(error_code error) {
  if (error == beast::error::timeout || error == asio::error::operation_aborted) return close();
  if (error) return send(refusal_for(error), false);
  request_.body = std::move(parser_->get().body());
  answer();
}

template <typename Stream>
void HttpConnection<Stream>::answer() {
  busy_ = true;
  lowest().expires_never();
  const std::uint64_t started_us = state_->runtime.steady_us();
  // The connection goes back with the answer: its last owner must not be the worker.
  state_->runtime.post(Lane::kWorkers, [self = self(), started_us]() mutable {
    auto response = std::make_shared<Response>(self->state_->router.answer(*self->route_, self->request_));
    ServerState& state = *self->state_;
    state.metrics.http_answer.observe_us(state.runtime.steady_us() - started_us);
    state.runtime.post(Lane::kIo, [self = std::move(self), response] {
      self->send(*response, self->parser_->get().keep_alive() && !self->state_->stopping);
    });
  });
}

template <typename Stream>
void HttpConnection<Stream>::send(const Response& response, bool keep_alive) {
  busy_ = true;
  release_body();
  state_->metrics.http_requests.add();
  if (response.status >= 400) state_->metrics.http_refused.add();
  head_out_ = write_head(response, keep_alive);
  body_out_ = request_.method == "HEAD" ? std::string() : response.body;
  if (kTls && head_out_.size() + body_out_.size() <= kOneRecordMax) {
    head_out_ += body_out_;
    body_out_.clear();
  }
  expires_after(state_->limits.write_timeout_ms);
  const std::array<asio::const_buffer, 2> parts{asio::buffer(head_out_), asio::buffer(body_out_)};
  asio::async_write(stream_, parts, [self = self(), keep_alive](error_code error, std::size_t) {
    self->on_sent(error, keep_alive);
  });
}

template <typename Stream>
void HttpConnection<Stream>::on_sent(error_code error, bool keep_alive) {
  busy_ = false;
  body_out_ = {};
  if (error || state_->stopping) return close();
  keep_alive ? read_header() : hang_up();
}

template <typename Stream>
void HttpConnection<Stream>::hang_up() {
  lowest().expires_after(kLingerTime);
  if constexpr (kTls) {
    // Ends with the client's own close_notify, with what it had sent besides, or with our patience.
    stream_.async_shutdown([self = self()](error_code) { self->linger(); });
  } else {
    error_code ignored;
    lowest().socket().shutdown(ClientSocket::shutdown_send, ignored);
    linger();
  }
}

template <typename Stream>
void HttpConnection<Stream>::linger() {
  lowest().async_read_some(asio::buffer(discarded_), [self = self()](error_code error, std::size_t n) {
    self->lingered_ += n;
    if (error || self->lingered_ > kLingerBytesMax) return self->close();
    self->linger();
  });
}

}  // namespace

void serve_client(std::shared_ptr<ServerState> state, ClientSocket socket, Client client,
                  std::shared_ptr<const HttpTls> tls) {
  if (tls == nullptr) {
    std::make_shared<HttpConnection<PlainStream>>(std::move(state), std::move(client), nullptr,
                                                  std::move(socket))
        ->begin();
    return;
  }
  // The stream takes the handle over.
  ssl_st* const handle = tls->new_connection();
  if (handle == nullptr) return;
  std::make_shared<HttpConnection<SecureStream>>(std::move(state), std::move(client), std::move(tls),
                                                 PlainStream(std::move(socket)), handle)
      ->begin();
}

}  // namespace tocsin::node
