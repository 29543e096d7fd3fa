#pragma once
// Moves bytes between a peer's TLS stream and gRPC's socket, through the frame guard, until one of them ends.
//
// Guarantee: at most kPumpBytes wait in each direction; a peer that breaks a limit of the guard, says nothing
// for kGreetingMs or takes nothing for kStallMs is cut. Errors: kResourceExhausted "link/guard" (the message
// names the limit); kDeadlineExceeded "link/silent", "link/stalled"; kCancelled "link/stopped". Success: one
// end closed. Concurrency: the calling thread is the link's.

#include "node/peer/frame_guard.h"
#include "node/peer/tls_stream.h"

namespace tocsin::node {

inline constexpr std::size_t kPumpBytes = 64 * 1024;
inline constexpr std::uint64_t kGreetingMs = 5'000;
inline constexpr std::uint64_t kStallMs = 30'000;

Status pump(TlsStream& peer, const UniqueFd& local, FrameGuard::From from, const WakeFd& wake,
            Runtime& clock);

}  // namespace tocsin::node
