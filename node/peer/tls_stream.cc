#include "node/peer/tls_stream.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace tocsin::node {
namespace {

constexpr unsigned char kAlpnWire[] = "\x08tocsin/1\x0dtocsin-join/1";

tl::unexpected<Error> tls_failed(std::string what) {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  if (reason != nullptr) what += std::string(": ") + reason;
  ERR_clear_error();
  return fail(Code::kUnauthenticated, std::move(what), "link/tls");
}

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in,
                unsigned int in_length, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kAlpnWire, sizeof kAlpnWire - 1, in, in_length) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// Certificates are self-signed: who may come is decided after the handshake, which has proved the key.
int accept_any_chain(X509_STORE_CTX*, void*) {
  return 1;
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

WakeFd::WakeFd() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

void WakeFd::wake() {
  const std::uint64_t one = 1;
  // Cannot fail usefully: a full counter means that it is awake.
  [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
}

bool WakeFd::woken() const {
  pollfd watched{fd_.get(), POLLIN, 0};
  return fd_.get() < 0 || ::poll(&watched, 1, 0) > 0;
}

Status wait_fd(int fd, short events, const WakeFd& wake, Runtime& clock, std::uint64_t deadline_ms) {
  for (;;) {
    const std::uint64_t now = clock.now_ms();
    if (now >= deadline_ms) return fail(Code::kDeadlineExceeded, "the peer was too slow", "link/deadline");
    pollfd watched[2] = {{fd, events, 0}, {wake.get(), POLLIN, 0}};
    const auto left = std::min<std::uint64_t>(deadline_ms - now, std::numeric_limits<int>::max());
    const int ready = ::poll(watched, 2, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return fail(Code::kInternal, "poll failed", "link/closed");
    if (ready <= 0) continue;
    if (watched[1].revents != 0) return fail(Code::kCancelled, "the link was stopped", "link/stopped");
    if (watched[0].revents != 0) return {};
  }
}

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const TlsIdentity& identity) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_method()), SSL_CTX_free);
  const ByteView certificate = identity.certificate_der();
  const ByteView key = identity.key_pkcs8();
  SSL_CTX* raw = context.get();
  if (raw == nullptr || SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(raw, TLS1_3_VERSION) != 1 ||
      SSL_CTX_use_certificate_ASN1(raw, static_cast<int>(certificate.size()), certificate.data()) != 1)
    return tls_failed("the TLS certificate cannot be used");
  const unsigned char* at = key.data();
  const std::shared_ptr<EVP_PKEY> parsed(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(key.size())),
                                         EVP_PKEY_free);
  if (!parsed || SSL_CTX_use_PrivateKey(raw, parsed.get()) != 1 || SSL_CTX_check_private_key(raw) != 1)
    return tls_failed("the TLS key cannot be used");
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(raw, accept_any_chain, nullptr);
  SSL_CTX_set_alpn_select_cb(raw, choose_alpn, nullptr);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_options(raw, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(
      raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_max_cert_list(raw, static_cast<long>(2 * kCertificateBytesMax));
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(context)));
}

TlsStream::TlsStream(std::shared_ptr<const TlsContext> context, UniqueFd socket, const WakeFd& wake,
                     Runtime& clock)
    : context_(std::move(context)),
      socket_(std::move(socket)),
      wake_(wake),
      clock_(clock),
      ssl_(SSL_new(context_->get()), SSL_free) {
  CHECK_INVARIANT(ssl_ != nullptr);
  CHECK_INVARIANT(SSL_set_fd(ssl_.get(), socket_.get()) == 1);
}

Status TlsStream::wait(Step step, std::uint64_t deadline_ms) {
  return wait_fd(socket_.get(), step == Step::kWantRead ? POLLIN : POLLOUT, wake_, clock_, deadline_ms);
}

TlsStream::Step TlsStream::step_of(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Step::kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return Step::kWantWrite;
    default:
      return Step::kClosed;
  }
}

Status TlsStream::handshake(Role role, std::string_view alpn, std::uint64_t deadline_ms) {
  if (role == Role::kClient) {
    Bytes wire{static_cast<std::uint8_t>(alpn.size())};
    append(wire, as_view(alpn));
    if (SSL_set_alpn_protos(ssl_.get(), wire.data(), static_cast<unsigned>(wire.size())) != 0)
      return tls_failed("ALPN cannot be set");
  }
  for (;;) {
    ERR_clear_error();
    const int result = role == Role::kClient ? SSL_connect(ssl_.get()) : SSL_accept(ssl_.get());
    if (result == 1) break;
    const Step step = step_of(result);
    if (step == Step::kClosed) return tls_failed("the TLS handshake failed");
    TRY(wait(step, deadline_ms));
  }
  const std::string_view chosen = this->alpn();
  if (role == Role::kClient ? chosen != alpn : chosen != kAlpnFeed && chosen != kAlpnJoin)
    return tls_failed("the peer does not speak Tocsin");
  return {};
}

std::string_view TlsStream::alpn() const {
  const unsigned char* name = nullptr;
  unsigned int length = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

Bytes TlsStream::peer_certificate() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return {};
  const int length = i2d_X509(certificate, nullptr);
  if (length <= 0) return {};
  Bytes der(static_cast<std::size_t>(length));
  unsigned char* at = der.data();
  i2d_X509(certificate, &at);
  return der;
}

Hash TlsStream::exporter(std::string_view label) const {
  Hash out{};
  CHECK_INVARIANT(SSL_export_keying_material(ssl_.get(), out.data(), out.size(), label.data(), label.size(),
                                             nullptr, 0, 0) == 1);
  return out;
}

Status TlsStream::write_all(ByteView bytes, std::uint64_t deadline_ms) {
  while (!bytes.empty()) {
    const Moved moved = write_some(bytes);
    if (moved.step == Step::kMoved) {
      bytes = bytes.subspan(moved.bytes);
    } else if (moved.step == Step::kClosed) {
      return fail(Code::kUnavailable, "the peer closed the connection", "link/closed");
    } else {
      TRY(wait(moved.step, deadline_ms));
    }
  }
  return {};
}

Status TlsStream::read_exact(std::span<std::uint8_t> out, std::uint64_t deadline_ms) {
  while (!out.empty()) {
    const Moved moved = read_some(out);
    if (moved.step == Step::kMoved) {
      out = out.subspan(moved.bytes);
    } else if (moved.step == Step::kClosed) {
      const char* reason = ERR_reason_error_string(ERR_peek_error());
      return fail(
          Code::kUnavailable,
          std::string("the peer closed the connection") + (reason ? ": " : "") + (reason ? reason : ""),
          "link/closed");
    } else {
      TRY(wait(moved.step, deadline_ms));
    }
  }
  return {};
}

void TlsStream::close_notify() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
}

TlsStream::Moved TlsStream::read_some(std::span<std::uint8_t> out) {
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(ssl_.get(), out.data(), out.size(), &bytes);
  return result == 1 ? Moved{Step::kMoved, bytes} : Moved{step_of(result)};
}

TlsStream::Moved TlsStream::write_some(ByteView bytes) {
  ERR_clear_error();
  std::size_t written = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
  return result == 1 ? Moved{Step::kMoved, written} : Moved{step_of(result)};
}

}  // namespace tocsin::node
