#pragma once
// Serves one accepted link: a gRPC server of its own, so that every call on it is known to be the link's
// peer's.
//
// Guarantee: at most kCallsPerLinkMax calls of a peer and kCallsMax of all are worked on or being sent; more
// are answered kResourceExhausted at once. A reply that its caller does not take within kReplyMs is given up.
// Requests are counted before they are parsed. gRPC's threads never wait: handlers run on Lane::kWorkers.
// Concurrency: made and destroyed by the link's thread; destruction ends the calls and waits for gRPC, not
// for handlers. `runtime`, `service` and `budget` outlive it and the Runtime's tasks.

#include <atomic>
#include <memory>

#include "node/peer/call_turns.h"
#include "node/peer/link.h"
#include "node/peer/peer_link.h"

namespace tocsin::node {

// A call counts until its reply has been sent, which its caller may learn later than the reply: who keeps to
// half of this is never refused.
inline constexpr int kCallsPerLinkMax = 8;
inline constexpr int kWatchesPerLinkMax = 2;
// Each may hold a page of 4 MiB.
inline constexpr int kCallsMax = 32;
inline constexpr std::uint64_t kReplyMs = 30'000;

// Calls of all links together.
struct CallBudget {
  CallBudget(Runtime& runtime, const CallTurns::Limits& limits) : turns(runtime, limits) {}
  std::atomic<int> calls = 0;
  CallTurns turns;
};

std::unique_ptr<LinkServer> make_grpc_server(Runtime& runtime, PeerService& service, CallBudget& budget,
                                             const Hash& caller, UniqueFd local);

}  // namespace tocsin::node
