#include "node/runtime/asio_runtime.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <pthread.h>

#include "crypto/random.h"

namespace tocsin::node {
namespace asio = boost::asio;

namespace {

using SteadyClock = std::chrono::steady_clock;

// How long the sequencer and the disk's thread look for more work before they sleep. A client that waits for
// each answer asks again within this time, and waking a thread costs both sides as much as preparing the
// commit does.
constexpr auto kSequencerLooks = std::chrono::microseconds(50);

// Tasks that lanes post to each other: none of them may end before there is none left.
class Unfinished {
 public:
  void begin() { count_.fetch_add(1, std::memory_order_relaxed); }
  void end() {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) count_.notify_all();
  }
  void wait() const {
    for (std::uint64_t left = count_.load(); left != 0; left = count_.load()) count_.wait(left);
  }

 private:
  std::atomic<std::uint64_t> count_ = 0;
};

// One lane: its queue and the threads that empty it.
class LaneThreads {
 public:
  LaneThreads(const char* name, std::size_t count, SteadyClock::duration looks = {},
              Unfinished* unfinished = nullptr)
      : context_(static_cast<int>(count)),
        work_(asio::make_work_guard(context_)),
        looks_(looks),
        unfinished_(unfinished) {
    for (std::size_t i = 0; i < count; ++i) {
      threads_.emplace_back([this] { run(); });
      pthread_setname_np(threads_.back().native_handle(), name);
    }
  }

  asio::io_context& context() { return context_; }

  void post(Runtime::Task task) {
    if (ended_.load(std::memory_order_acquire)) return;
    if (unfinished_ == nullptr) return asio::post(context_, std::move(task));
    unfinished_->begin();
    asio::post(context_, [this, task = std::move(task)] {
      task();
      unfinished_->end();
    });
  }

  void run() {
    if (looks_ == SteadyClock::duration::zero()) {
      context_.run();
      return;
    }
    while (context_.run_one() > 0) {
      auto until = SteadyClock::now() + looks_;
      while (SteadyClock::now() < until && !context_.stopped()) {
        if (context_.poll() > 0)
          until = SteadyClock::now() + looks_;
        else
          std::this_thread::yield();
      }
    }
  }

  bool owns_this_thread() const {
    return std::any_of(threads_.begin(), threads_.end(),
                       [](const std::thread& t) { return t.get_id() == std::this_thread::get_id(); });
  }

  // Drops what is queued.
  void end_now() {
    ended_.store(true, std::memory_order_release);
    context_.stop();
    join();
  }
  // Runs what is queued, and what that posts here, before it ends.
  void end_when_empty() {
    work_.reset();
    join();
    ended_.store(true, std::memory_order_release);
  }

 private:
  void join() {
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
  }

  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  const SteadyClock::duration looks_;
  Unfinished* const unfinished_;
  std::atomic<bool> ended_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

struct AsioRuntime::Threads {
  explicit Threads(std::size_t worker_count)
      : sequencer("sequencer", 1, kSequencerLooks, &unfinished),
        disk("disk", 1, kSequencerLooks, &unfinished),
        workers("worker", worker_count),
        io("io", 1) {}

  LaneThreads& lane(Lane which) {
    switch (which) {
      case Lane::kIo:
        return io;
      case Lane::kSequencer:
        return sequencer;
      case Lane::kDisk:
        return disk;
      case Lane::kWorkers:
        break;
    }
    return workers;
  }

  Unfinished unfinished;
  LaneThreads sequencer;
  LaneThreads disk;
  LaneThreads workers;
  LaneThreads io;
  std::atomic<std::uint64_t> latest_ms = 0;
  std::once_flag stopped;
};

AsioRuntime::AsioRuntime(std::size_t workers)
    : threads_(std::make_unique<Threads>(std::clamp<std::size_t>(workers, 1, kWorkersMax))) {}

AsioRuntime::~AsioRuntime() {
  stop();
}

std::uint64_t AsioRuntime::now_ms() {
  using std::chrono::duration_cast, std::chrono::milliseconds, std::chrono::system_clock;
  const auto wall =
      static_cast<std::uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
  std::uint64_t latest = threads_->latest_ms.load(std::memory_order_relaxed);
  while (wall > latest)
    if (threads_->latest_ms.compare_exchange_weak(latest, wall, std::memory_order_relaxed)) return wall;
  return latest;
}

std::uint64_t AsioRuntime::steady_us() {
  using std::chrono::duration_cast, std::chrono::microseconds;
  return static_cast<std::uint64_t>(
      duration_cast<microseconds>(SteadyClock::now().time_since_epoch()).count());
}

void AsioRuntime::post(Lane lane, Task task) {
  threads_->lane(lane).post(std::move(task));
}

void AsioRuntime::after(std::uint64_t delay_ms, Lane lane, Task task) {
  // steady_timer's arithmetic overflows near 292 years; a year is "never" for a process.
  static constexpr std::uint64_t kYearMs = 366ULL * 24 * 3600 * 1000;
  post(Lane::kIo, [this, lane, delay = std::chrono::milliseconds(std::min(delay_ms, kYearMs)),
                   task = std::move(task)]() mutable {
    auto timer = std::make_shared<asio::steady_timer>(threads_->io.context(), delay);
    timer->async_wait([this, timer, lane, task = std::move(task)](const auto& error) mutable {
      if (error) return;
      if (lane == Lane::kIo)
        task();
      else
        post(lane, std::move(task));
    });
  });
}

void AsioRuntime::fill_random(std::span<std::uint8_t> out) {
  crypto::random_fill(out);
}

bool AsioRuntime::on(Lane lane) const {
  return threads_->lane(lane).owns_this_thread();
}

boost::asio::io_context& AsioRuntime::io() {
  return threads_->io.context();
}

void AsioRuntime::stop() {
  std::call_once(threads_->stopped, [this] {
    threads_->io.end_now();
    threads_->workers.end_when_empty();
    threads_->unfinished.wait();
    threads_->sequencer.end_when_empty();
    threads_->disk.end_when_empty();
  });
}

}  // namespace tocsin::node
