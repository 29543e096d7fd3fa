#pragma once
// TCP for the peer port: listening, accepting and connecting with deadlines.
//
// Guarantee: sockets are non-blocking, close-on-exec, without Nagle's delay, and a dead peer is noticed
// within kDeadPeerSeconds. Errors: kInvalidArgument "link/address"; kUnavailable "link/connect",
// "link/listen". Concurrency: functions; a name look-up blocks and cannot be interrupted.

#include <string>

#include "node/peer/tls_stream.h"

namespace tocsin::node {

inline constexpr int kDeadPeerSeconds = 30;

struct Listener {
  UniqueFd socket;
  std::uint16_t port;
};
Result<Listener> listen_tcp(const std::string& address);

struct Accepted {
  UniqueFd socket;
  std::string source;  // the address without the port
};
// No socket: nothing waits, or the process has no descriptor left.
Accepted accept_tcp(const UniqueFd& listener);

Result<UniqueFd> connect_tcp(const std::string& address, const WakeFd& wake, Runtime& clock,
                             std::uint64_t deadline_ms);

// Two connected local sockets, non-blocking.
Result<std::pair<UniqueFd, UniqueFd>> local_pair();

}  // namespace tocsin::node
