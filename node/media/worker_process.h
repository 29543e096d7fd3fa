#pragma once
// WorkerProcess: one child process with a socket to its standard input and output, and the patience of its
// parent.
//
// The child inherits nothing else: no environment, no descriptor, no blocked signal; standard error goes
// nowhere. It is killed and reaped when this object goes, whatever it is doing. A Deadline covers a whole
// exchange. Errors: kFailedPrecondition, rule "media/worker-missing", when the program does not start;
// kDeadlineExceeded, rule "media/timeout"; kUnavailable, rule "media/worker", when the child is gone.
// Concurrency: one thread at a time.

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <sys/types.h>

#include "crypto/base/bytes.h"
#include "crypto/base/result.h"

namespace tocsin::node {

// A point in real time, kept by the kernel; it measures a child, so virtual time would be wrong here.
class Deadline {
 public:
  explicit Deadline(std::uint32_t from_now_ms);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  // Until `fd` has one of poll(2)'s `events` (true) or the time is up (false).
  bool wait(int fd, short events) const;
  std::uint32_t elapsed_ms() const;

 private:
  std::uint32_t total_ms_;
  int timer_;
};

class WorkerProcess {
 public:
  static Result<std::unique_ptr<WorkerProcess>> spawn(const std::string& program);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  Status send(ByteView bytes, const Deadline& deadline);
  Status receive(std::span<std::uint8_t> out, const Deadline& deadline);

 private:
  WorkerProcess(pid_t child, int socket) : child_(child), socket_(socket) {}
  // After its socket closed: reaps the child and says how it ended.
  tl::unexpected<Error> gone();
  int reap();

  pid_t child_;  // -1 once reaped
  int socket_;
};

}  // namespace tocsin::node
