#pragma once
// A Runtime under the test's hand: tasks wait until run(), time stands until moved, randomness comes from a
// counter.

#include <deque>

#include "crypto/hash.h"
#include "node/runtime/runtime.h"

namespace tocsin::tests {

class ManualRuntime : public node::Runtime {
 public:
  std::uint64_t now_ms() override { return now; }
  void post(node::Lane, Task task) override { tasks.push_back(std::move(task)); }
  void after(std::uint64_t, node::Lane, Task) override {}
  void fill_random(std::span<std::uint8_t> out) override {
    for (std::size_t at = 0; at < out.size(); at += 32) {
      const std::string name = "random " + std::to_string(++drawn);
      const Hash block = crypto::sha256(as_view(name));
      std::copy_n(block.begin(), std::min<std::size_t>(32, out.size() - at),
                  out.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  // Until nothing is waiting.
  void run() {
    while (!tasks.empty()) {
      Task task = std::move(tasks.front());
      tasks.pop_front();
      task();
    }
  }

  std::uint64_t now = 1'700'000'000'000;
  std::uint64_t drawn = 0;
  std::deque<Task> tasks;
};

}  // namespace tocsin::tests
