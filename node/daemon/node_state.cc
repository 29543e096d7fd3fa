#include "node/daemon/node_state.h"

#include "node/log/log.h"

namespace tocsin::node {

std::string_view state_name(NodeState state) {
  switch (state) {
    case NodeState::kOpening:
      return "opening";
    case NodeState::kVerifying:
      return "verifying";
    case NodeState::kServing:
      return "serving";
    case NodeState::kQuarantined:
      return "quarantined";
    case NodeState::kRepairing:
      break;
  }
  return "repairing";
}

bool may_follow(NodeState now, NodeState next) {
  switch (now) {
    case NodeState::kOpening:
      return next == NodeState::kVerifying || next == NodeState::kQuarantined;
    case NodeState::kVerifying:
      return next == NodeState::kServing || next == NodeState::kQuarantined;
    case NodeState::kQuarantined:
      return next == NodeState::kRepairing;
    case NodeState::kRepairing:
      return next == NodeState::kQuarantined;
    case NodeState::kServing:
      break;
  }
  return false;
}

void StateKeeper::enter(NodeState next) {
  const NodeState before = now_.exchange(next);
  if (before == next) return;
  CHECK_INVARIANT(may_follow(before, next));
  metrics_.node_state.set(static_cast<std::int64_t>(next));
  log_event(LogLevel::kInfo, "node.state", {{"from", state_name(before)}, {"to", state_name(next)}});
}

}  // namespace tocsin::node
