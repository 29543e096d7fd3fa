#include "tests/simulation/pool.h"

#include <atomic>
#include <csignal>
#include <map>
#include <new>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tocsin::simulation {
namespace {

// Shared by the processes: who takes the next seed, and what came of each.
struct Board {
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> enough{false};
};

class Pool {
 public:
  using One = std::function<void(std::uint64_t, Outcome&)>;
  Pool(std::uint64_t first, std::uint64_t count, bool first_only, const One& one)
      : first_(first), count_(count), first_only_(first_only), one_(one) {
    bytes_ = sizeof(Board) + 64 + count * sizeof(Outcome);
    void* memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    board_ = new (memory) Board;
    outcomes_ = reinterpret_cast<Outcome*>(static_cast<char*>(memory) + (sizeof(Board) + 63) / 64 * 64);
    for (std::uint64_t i = 0; i < count; ++i) new (outcomes_ + i) Outcome;
  }
  ~Pool() {
    if (board_ != nullptr) ::munmap(board_, bytes_);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  bool ready() const { return board_ != nullptr; }
  Outcome& at(std::uint64_t i) { return outcomes_[i]; }

  bool start() {
    const pid_t child = ::fork();
    if (child < 0) return false;
    if (child == 0) {
      work();
      ::_exit(0);
    }
    running_[child] = true;
    return true;
  }
  bool running() const { return !running_.empty(); }
  // Waits for one process to end. False when it did not end by itself: the seed it was at is marked.
  bool reap() {
    int status = 0;
    const pid_t child = ::waitpid(-1, &status, 0);
    running_.erase(child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    for (std::uint64_t i = 0; i < count_; ++i) {
      if (outcomes_[i].state != Outcome::kRunning || outcomes_[i].trace != static_cast<std::uint64_t>(child))
        continue;
      outcomes_[i].state = Outcome::kDied;
      outcomes_[i].violations = 1;
    }
    return false;
  }

 private:
  void work() {
    for (std::uint64_t i = board_->next++; i < count_ && !board_->enough; i = board_->next++) {
      Outcome outcome;
      outcomes_[i].trace = static_cast<std::uint64_t>(::getpid());  // until it is done: who is at it
      outcomes_[i].state = Outcome::kRunning;
      one_(first_ + i, outcome);
      outcome.state = Outcome::kDone;
      outcomes_[i] = outcome;
      if (first_only_ && outcome.violations > 0) board_->enough = true;
    }
  }

  const std::uint64_t first_, count_;
  const bool first_only_;
  const One& one_;
  std::size_t bytes_ = 0;
  Board* board_ = nullptr;
  Outcome* outcomes_ = nullptr;
  std::map<pid_t, bool> running_;
};

}  // namespace

bool run_seeds(std::uint64_t first, std::uint64_t count, unsigned jobs, bool first_only,
               const std::function<void(std::uint64_t, Outcome&)>& one,
               const std::function<bool(std::uint64_t, const Outcome&)>& each) {
  Pool pool(first, count, first_only, one);
  if (!pool.ready()) return false;
  for (unsigned i = 0; i < jobs; ++i)
    if (!pool.start() && i == 0) return false;
  while (pool.running())
    if (!pool.reap()) pool.start();
  for (std::uint64_t i = 0; i < count; ++i) {
    const Outcome& outcome = pool.at(i);
    if (outcome.state == Outcome::kDone || outcome.state == Outcome::kDied)
      if (!each(first + i, outcome)) break;
  }
  return true;
}

}  // namespace tocsin::simulation
