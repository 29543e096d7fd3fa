#pragma once
// NodeState: the one state machine of a node, from the first look at its disk to serving, or to read-only
// quarantine.
//
//   OPENING → VERIFYING → SERVING
//      └──────────┴──→ QUARANTINED ⇄ REPAIRING → (opened again) OPENING
//
// SERVING alone signs, serves heads and takes submissions (reliability I7). A node that serves and is shown
// more of its ledger than it has is opened again, into QUARANTINED. Every change is logged as event
// node.state and shown by `tocsin status`, /healthz and tocsin_node_state. Concurrency: any thread.

#include <atomic>
#include <cstdint>
#include <string_view>

#include "node/metrics/metrics.h"

namespace tocsin::node {

// The numbers are those of the metric.
enum class NodeState : std::uint8_t {
  kOpening = 0,
  kVerifying = 1,
  kServing = 2,
  kQuarantined = 3,
  kRepairing = 4
};

std::string_view state_name(NodeState state);
// Whether one may follow the other without the node being opened again.
bool may_follow(NodeState now, NodeState next);

class StateKeeper {
 public:
  explicit StateKeeper(Metrics& metrics) : metrics_(metrics) {}
  NodeState now() const { return now_; }
  // Precondition: may_follow(now(), next), or nothing changes.
  void enter(NodeState next);

 private:
  Metrics& metrics_;
  std::atomic<NodeState> now_ = NodeState::kOpening;
};

}  // namespace tocsin::node
