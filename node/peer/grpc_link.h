#pragma once
// GrpcPeerLink: PeerLink over a dialled link's local socket.
//
// Guarantee: hello ends within kHelloMs, records within kRecordsMs, cosign within kCosignMs; no reply over 8
// MiB or with more than protocol::kElementsMax elements is parsed; one head notice at a time waits for its
// receiver. A watch is renewed every kWatchMs behind the scenes, so that no call lives longer. Concurrency:
// as PeerLink. `runtime` outlives the link.

#include <memory>

#include "node/peer/link.h"
#include "node/peer/peer_link.h"

namespace tocsin::node {

inline constexpr std::uint64_t kHelloMs = 10'000;
inline constexpr std::uint64_t kRecordsMs = 30'000;
inline constexpr std::uint64_t kCosignMs = 10'000;
inline constexpr std::uint64_t kWatchMs = 600'000;

std::unique_ptr<PeerLink> make_grpc_link(Runtime& runtime, UniqueFd local);

}  // namespace tocsin::node
