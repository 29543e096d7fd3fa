#pragma once
// CallTurns: whose call a worker takes next.
//
// A member may have many calls waiting, each worth milliseconds of a worker; put into one queue they would
// stand in front of everybody else's. So callers take turns: of one caller and of all together only so many
// calls run at once, and the next to run is one of the caller that has waited longest. What else the workers
// do waits for no more than those. Concurrency: any thread. A stopped Runtime drops what waits. Source:
// reliability.md I24 and "flood by a peer".

#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "crypto/base/bytes.h"
#include "node/runtime/runtime.h"

namespace tocsin::node {

class CallTurns {
 public:
  // Calls that run at once.
  struct Limits {
    std::size_t of_all = 1;
    std::size_t of_one = 1;
  };
  CallTurns(Runtime& runtime, const Limits& limits);
  // Runs the task on Lane::kWorkers when it is its turn.
  void run(const Hash& caller, Runtime::Task task);

 private:
  struct Caller {
    std::deque<Runtime::Task> waiting;
    std::size_t running = 0;
    bool queued = false;  // stands in turns
  };
  struct State {
    Runtime& runtime;
    const Limits limits;
    std::mutex mu;
    // Guarded by mu.
    std::size_t running = 0;
    std::map<Hash, Caller> callers;
    std::deque<Hash> turns;  // who has something waiting and may run it, longest waiting first

    void queue(const Hash& id);
  };
  static void start(const std::shared_ptr<State>& state);
  static void ended(const std::shared_ptr<State>& state, const Hash& caller);

  const std::shared_ptr<State> state_;
};

}  // namespace tocsin::node
