#include "node/peer/socket.h"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tocsin::node {
namespace {

// Connections that wait for accept; beyond it the kernel drops SYNs.
constexpr int kBacklog = 64;

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

tl::unexpected<Error> bad_address(const std::string& address) {
  return fail(Code::kInvalidArgument, "not an address of the form host:port: " + address, "link/address");
}

Result<Addresses> resolve(const std::string& address, int flags) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) return bad_address(address);
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed =
      ::getaddrinfo(host.empty() ? nullptr : host.c_str(), address.c_str() + colon + 1, &hints, &found);
  if (failed == EAI_SERVICE) return bad_address(address);
  if (failed != 0)
    return fail(Code::kUnavailable, "cannot resolve " + address + ": " + ::gai_strerror(failed),
                "link/address");
  return Addresses(found, &::freeaddrinfo);
}

void set_option(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof value);
}

// Best effort: a kernel without one of them serves a little worse, not wrongly.
void tune(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kDeadPeerSeconds / 2);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kDeadPeerSeconds / 6);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kDeadPeerSeconds * 1000);
}

std::uint16_t port_of(const UniqueFd& socket) {
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &length) != 0) return 0;
  if (bound.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port);
  return ntohs(reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
}

std::string failure(const char* what, const std::string& address) {
  return std::string(what) + " " + address + ": " + std::strerror(errno);
}

}  // namespace

Result<Listener> listen_tcp(const std::string& address) {
  TRY_ASSIGN(const Addresses found, resolve(address, AI_PASSIVE));
  UniqueFd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail(Code::kUnavailable, failure("cannot listen on", address), "link/listen");
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(socket.get(), kBacklog) != 0)
    return fail(Code::kUnavailable, failure("cannot listen on", address), "link/listen");
  const std::uint16_t port = port_of(socket);
  return Listener{std::move(socket), port};
}

Accepted accept_tcp(const UniqueFd& listener) {
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  Accepted out{UniqueFd(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&from), &length,
                                  SOCK_NONBLOCK | SOCK_CLOEXEC)),
               {}};
  if (!out.socket) return out;
  tune(out.socket.get());
  char text[NI_MAXHOST] = {};
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&from), length, text, sizeof text, nullptr, 0,
                    NI_NUMERICHOST) == 0)
    out.source = text;
  return out;
}

Result<UniqueFd> connect_tcp(const std::string& address, const WakeFd& wake, Runtime& clock,
                             std::uint64_t deadline_ms) {
  TRY_ASSIGN(const Addresses found, resolve(address, 0));
  std::string last = "cannot connect to " + address;
  for (const addrinfo* at = found.get(); at != nullptr; at = at->ai_next) {
    UniqueFd socket(::socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) continue;
    if (::connect(socket.get(), at->ai_addr, at->ai_addrlen) != 0) {
      if (errno != EINPROGRESS) {
        last = failure("cannot connect to", address);
        continue;
      }
      TRY(wait_fd(socket.get(), POLLOUT, wake, clock, deadline_ms));
      socklen_t length = sizeof errno;
      ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &errno, &length);
      if (errno != 0) {
        last = failure("cannot connect to", address);
        continue;
      }
    }
    tune(socket.get());
    return socket;
  }
  return fail(Code::kUnavailable, last, "link/connect");
}

Result<std::pair<UniqueFd, UniqueFd>> local_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
    return fail(Code::kResourceExhausted, "no file descriptor left for a link", "link/descriptors");
  return std::pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

}  // namespace tocsin::node
