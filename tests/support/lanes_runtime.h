#pragma once
// A Runtime whose lanes a test runs one task at a time, in whatever order it likes between lanes: what
// threads would do, under the test's hand.

#include <array>
#include <random>

#include "tests/support/manual_runtime.h"

namespace tocsin::tests {

class LanesRuntime : public ManualRuntime {
 public:
  void post(node::Lane lane, Task task) override { of(lane).push_back(std::move(task)); }
  bool waiting(node::Lane lane) { return !of(lane).empty(); }
  // The lane's oldest task; false when there is none.
  bool step(node::Lane lane) {
    auto& tasks_of = of(lane);
    if (tasks_of.empty()) return false;
    const Task task = std::move(tasks_of.front());
    tasks_of.pop_front();
    task();
    return true;
  }
  // A task of some lane that has one; false when none has.
  bool step(std::mt19937_64& draw) {
    std::array<node::Lane, kLanes> busy{};
    std::size_t count = 0;
    for (std::size_t i = 0; i < kLanes; ++i)
      if (!lanes_[i].empty()) busy[count++] = static_cast<node::Lane>(i);
    return count != 0 && step(busy[draw() % count]);
  }
  // Until nothing is waiting, the disk last, so that as much as may be is on its way.
  void run() {
    while (step(node::Lane::kSequencer) || step(node::Lane::kWorkers) || step(node::Lane::kIo) ||
           step(node::Lane::kDisk)) {
    }
  }
  void drop_all() {
    for (auto& lane : lanes_) lane.clear();
  }

 private:
  static constexpr std::size_t kLanes = 4;
  std::deque<Task>& of(node::Lane lane) { return lanes_[static_cast<std::size_t>(lane)]; }
  std::array<std::deque<Task>, kLanes> lanes_;
};

}  // namespace tocsin::tests
