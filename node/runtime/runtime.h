#pragma once
// Runtime: where time, randomness and threads come from. One of the three determinism seams
// (ARCHITECTURE.md); code in node asks here and nowhere else, so that a whole network runs in one thread
// under virtual time.
//
// Two implementations: AsioRuntime (the daemon) and the simulator's.
// Guarantee: tasks of one lane run one after the other in the order posted (kWorkers: in parallel, any
// order). A task posted after stop() is dropped. now_ms() never decreases within a process. Concurrency: any
// thread may call anything.

#include <cstdint>
#include <functional>
#include <span>

namespace tocsin::node {

enum class Lane : std::uint8_t {
  kIo = 0,         // sockets, timers, sync; never blocks
  kSequencer = 1,  // what the ledger's sequencer owns; may wait for the disk
  kWorkers = 2,    // hashing, verification, matching
  kDisk = 3,  // waits for the disk in the sequencer's place, so that it prepares the next commit meanwhile
};

class Runtime {
 public:
  using Task = std::function<void()>;
  virtual ~Runtime() = default;

  // Milliseconds UTC since 1970.
  virtual std::uint64_t now_ms() = 0;
  // For durations alone: microseconds since some moment, never back.
  virtual std::uint64_t steady_us() { return now_ms() * 1000; }
  virtual void post(Lane lane, Task task) = 0;
  virtual void after(std::uint64_t delay_ms, Lane lane, Task task) = 0;
  virtual void fill_random(std::span<std::uint8_t> out) = 0;
};

}  // namespace tocsin::node
