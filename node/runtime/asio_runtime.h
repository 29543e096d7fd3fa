#pragma once
// AsioRuntime: the daemon's Runtime. One thread for sockets and timers, one for the sequencer, one that waits
// for the disk for it, a few for work.
//
// Guarantee: Runtime's. now_ms() follows the wall clock but never steps back. stop() ends the lanes in the
// order in which work flows: sockets and timers first (what waits there is dropped), then the workers and
// last the sequencer and the disk together, each after finishing what was posted to it. So a worker may wait
// for the sequencer, never the reverse, and whatever reached the sequencer is committed. A task posted to a
// lane that has ended is dropped. Concurrency: as Runtime; stop() and the destructor from a thread that is
// none of the runtime's own.

#include <cstddef>
#include <memory>

#include "node/runtime/runtime.h"

namespace boost::asio {
class io_context;
}

namespace tocsin::node {

// More threads than this gain nothing: hashing and matching are bound by the processor.
inline constexpr std::size_t kWorkersMax = 64;

class AsioRuntime final : public Runtime {
 public:
  // 1 to kWorkersMax workers; other counts are clamped.
  explicit AsioRuntime(std::size_t workers);
  ~AsioRuntime() override;
  AsioRuntime(const AsioRuntime&) = delete;
  AsioRuntime& operator=(const AsioRuntime&) = delete;

  std::uint64_t now_ms() override;
  std::uint64_t steady_us() override;
  void post(Lane lane, Task task) override;
  void after(std::uint64_t delay_ms, Lane lane, Task task) override;
  void fill_random(std::span<std::uint8_t> out) override;

  // Whether the calling thread is one of the lane's.
  bool on(Lane lane) const;
  // For the acceptors and sockets that live on Lane::kIo.
  boost::asio::io_context& io();

  // Idempotent; returns when every thread has been joined.
  void stop();

 private:
  struct Threads;
  std::unique_ptr<Threads> threads_;
};

}  // namespace tocsin::node
