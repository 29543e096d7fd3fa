#include "node/peer/call_turns.h"

#include <utility>
#include <vector>

namespace tocsin::node {

CallTurns::CallTurns(Runtime& runtime, const Limits& limits)
    : state_(new State{runtime, limits, {}, 0, {}, {}}) {}

// Gives the caller a place, when it has none, has something waiting and may run it; under mu.
void CallTurns::State::queue(const Hash& id) {
  Caller& caller = callers[id];
  if (caller.queued || caller.waiting.empty() || caller.running >= limits.of_one) return;
  caller.queued = true;
  turns.push_back(id);
}

void CallTurns::run(const Hash& caller, Runtime::Task task) {
  {
    const std::lock_guard lock(state_->mu);
    state_->callers[caller].waiting.push_back(std::move(task));
    state_->queue(caller);
  }
  start(state_);
}

void CallTurns::start(const std::shared_ptr<State>& state) {
  std::vector<std::pair<Hash, Runtime::Task>> begun;
  {
    const std::lock_guard lock(state->mu);
    while (state->running < state->limits.of_all && !state->turns.empty()) {
      const Hash id = state->turns.front();
      state->turns.pop_front();
      Caller& caller = state->callers[id];
      caller.queued = false;
      begun.emplace_back(id, std::move(caller.waiting.front()));
      caller.waiting.pop_front();
      ++caller.running;
      ++state->running;
      state->queue(id);
    }
  }
  // Not under the lock: a stopped Runtime destroys the task here, and with it what the task holds.
  for (auto& [caller, task] : begun)
    state->runtime.post(Lane::kWorkers, [state, caller = caller, task = std::move(task)] {
      task();
      ended(state, caller);
    });
}

void CallTurns::ended(const std::shared_ptr<State>& state, const Hash& id) {
  {
    const std::lock_guard lock(state->mu);
    --state->running;
    Caller& caller = state->callers[id];
    --caller.running;
    state->queue(id);
    if (caller.running == 0 && caller.waiting.empty()) state->callers.erase(id);
  }
  start(state);
}

}  // namespace tocsin::node
