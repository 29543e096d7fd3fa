#pragma once
// TlsStream: TLS 1.3 over one socket, with deadlines and with a way to be woken.
//
// Both sides must present a certificate; which one is acceptable is decided after the handshake, by the
// caller. Guarantee: no call outlasts its deadline or a wake. TLS 1.2 and older, a missing certificate and an
// unknown ALPN end the handshake. No tickets, no resumption, no early data, no renegotiation. Errors:
// kDeadlineExceeded "link/deadline"; kCancelled "link/stopped"; kUnavailable "link/closed"; kUnauthenticated
// "link/tls". Concurrency: a stream belongs to one thread; TlsContext and WakeFd are used from several.

#include <memory>
#include <optional>
#include <string>

#include "node/identity/tls_identity.h"
#include "node/runtime/runtime.h"

struct ssl_ctx_st;
struct ssl_st;

namespace tocsin::node {

inline constexpr std::string_view kAlpnFeed = "tocsin/1";
inline constexpr std::string_view kAlpnJoin = "tocsin-join/1";

// Owns one file descriptor.
class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd();
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Once woken it stays woken: every wait that watches it ends.
class WakeFd {
 public:
  WakeFd();
  void wake();
  bool woken() const;
  int get() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

// A key and a certificate made ready for handshakes of both roles.
class TlsContext {
 public:
  static Result<std::shared_ptr<const TlsContext>> make(const TlsIdentity& identity);
  ssl_ctx_st* get() const { return context_.get(); }

 private:
  explicit TlsContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  std::shared_ptr<ssl_ctx_st> context_;
};

class TlsStream {
 public:
  enum class Role : std::uint8_t { kClient, kServer };
  // What a call without waiting did: bytes moved, or what to wait for.
  enum class Step : std::uint8_t { kMoved, kWantRead, kWantWrite, kClosed };
  struct Moved {
    Step step;
    std::size_t bytes = 0;
  };

  // `socket` is non-blocking and connected; wake and clock outlive the stream.
  TlsStream(std::shared_ptr<const TlsContext> context, UniqueFd socket, const WakeFd& wake, Runtime& clock);

  // `alpn` is what a client offers; a server takes either.
  Status handshake(Role role, std::string_view alpn, std::uint64_t deadline_ms);
  std::string_view alpn() const;
  // DER of what the peer presented; empty when the library holds none.
  Bytes peer_certificate() const;
  // RFC 8446 §7.5, without context.
  Hash exporter(std::string_view label) const;

  Status write_all(ByteView bytes, std::uint64_t deadline_ms);
  Status read_exact(std::span<std::uint8_t> out, std::uint64_t deadline_ms);
  // Tells the peer that nothing more comes; does not wait.
  void close_notify();

  Moved read_some(std::span<std::uint8_t> out);
  Moved write_some(ByteView bytes);
  int fd() const { return socket_.get(); }

 private:
  Status wait(Step step, std::uint64_t deadline_ms);
  Step step_of(int result);

  std::shared_ptr<const TlsContext> context_;
  UniqueFd socket_;
  const WakeFd& wake_;
  Runtime& clock_;
  std::shared_ptr<ssl_st> ssl_;
};

// Waits until one of `events` (poll's) on `fd`, the deadline or the wake.
Status wait_fd(int fd, short events, const WakeFd& wake, Runtime& clock, std::uint64_t deadline_ms);

}  // namespace tocsin::node
