#include "node/daemon/node_state.h"

#include "tests/support/catch.h"

namespace tocsin::node {

TEST_CASE("only a node that was opened and verified serves, and quarantine is left only by opening again") {
  constexpr NodeState kAll[] = {NodeState::kOpening, NodeState::kVerifying, NodeState::kServing,
                                NodeState::kQuarantined, NodeState::kRepairing};
  for (const NodeState from : kAll)
    CHECK(may_follow(from, NodeState::kServing) == (from == NodeState::kVerifying));
  for (const NodeState from : {NodeState::kQuarantined, NodeState::kRepairing})
    for (const NodeState to : {NodeState::kOpening, NodeState::kVerifying, NodeState::kServing})
      CHECK_FALSE(may_follow(from, to));
  for (const NodeState to : kAll) CHECK_FALSE(may_follow(NodeState::kServing, to));
}

TEST_CASE("the metric is the state") {
  Metrics metrics;
  StateKeeper state(metrics);
  CHECK(metrics.node_state.value() == 0);
  state.enter(NodeState::kVerifying);
  state.enter(NodeState::kVerifying);
  state.enter(NodeState::kServing);
  CHECK(state_name(state.now()) == "serving");
  CHECK(metrics.node_state.value() == static_cast<std::int64_t>(NodeState::kServing));
}

}  // namespace tocsin::node
