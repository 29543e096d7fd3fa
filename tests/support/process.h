#pragma once
// A program run as a process: what it prints is kept, waiting has a deadline, and it never outlives the test.
//
// Guarantee: the destructor kills what still runs and has collected it. Output is drained by a thread, so the
// program is never held up by a full pipe. Concurrency: any thread, after construction.

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace tocsin::tests {

inline constexpr std::chrono::milliseconds kProcessPatience{30'000};

class Process {
 public:
  // `changes`: variables set on top of this process's environment. Throws when the program cannot be started.
  explicit Process(const std::vector<std::string>& command,
                   const std::map<std::string, std::string>& changes = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running() const;
  // Nothing happens when it has ended.
  void signal(int number);
  // The exit status, or 128 + the signal that ended it; nothing when the deadline passed.
  std::optional<int> wait(std::chrono::milliseconds patience = kProcessPatience);

  std::string out() const;
  std::string err() const;
  // Waits until both streams have ended, which outlasts the process while a child of it holds them.
  void finish_reading();
  // Waits until it has printed `part`, on either stream; false when it ended or the deadline passed first.
  bool await(const std::string& part, std::chrono::milliseconds patience = kProcessPatience);
  // Waits until it prints something more, ends, or a moment has passed: between two looks at something else.
  void await_change(std::chrono::milliseconds moment = std::chrono::milliseconds(20));

 private:
  void drain(int out, int err);
  void collect();

  pid_t pid_ = -1;
  std::thread drainer_;
  std::thread collector_;
  mutable std::mutex mu_;
  std::condition_variable changed_;
  // Guarded by mu_.
  std::string out_;
  std::string err_;
  std::optional<int> status_;
  bool drained_ = false;
};

struct Finished {
  int code = 0;
  std::string out;
  std::string err;
};
// Runs to the end; throws when that takes longer than kProcessPatience.
Finished run_program(const std::vector<std::string>& command,
                     const std::map<std::string, std::string>& changes = {});

// Peak and present resident memory in bytes, processor seconds and threads, from /proc.
struct Usage {
  std::uint64_t resident = 0;
  std::uint64_t resident_peak = 0;
  double cpu_seconds = 0;
  int threads = 0;
};
Usage usage_of(pid_t pid);

}  // namespace tocsin::tests
