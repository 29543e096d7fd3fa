#include "node/media/worker_process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tocsin::node {
namespace {

class SpawnSettings {
 public:
  explicit SpawnSettings(int socket) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

tl::unexpected<Error> late() {
  return fail(Code::kDeadlineExceeded, "decoding the image took too long", "media/timeout");
}

itimerspec milliseconds(std::uint32_t ms) {
  itimerspec spec{};
  spec.it_value.tv_sec = ms / 1000;
  spec.it_value.tv_nsec = long{ms % 1000} * 1'000'000;
  return spec;
}

}  // namespace

Deadline::Deadline(std::uint32_t from_now_ms)
    : total_ms_(std::max(from_now_ms, 1U)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  const itimerspec spec = milliseconds(total_ms_);
  CHECK_INVARIANT(timer_ >= 0 && timerfd_settime(timer_, 0, &spec, nullptr) == 0);
}

Deadline::~Deadline() {
  close(timer_);
}

bool Deadline::wait(int fd, short events) const {
  pollfd polled[] = {{timer_, POLLIN, 0}, {fd, events, 0}};
  while (poll(polled, 2, -1) < 0 && errno == EINTR) {
  }
  return polled[0].revents == 0;
}

std::uint32_t Deadline::elapsed_ms() const {
  itimerspec left{};
  timerfd_gettime(timer_, &left);
  const auto left_ms =
      static_cast<std::uint32_t>(left.it_value.tv_sec * 1000 + left.it_value.tv_nsec / 1'000'000);
  return total_ms_ - std::min(left_ms, total_ms_);
}

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::spawn(const std::string& program) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
    return fail(Code::kResourceExhausted,
                "no socket for the image decoder: " + std::string(std::strerror(errno)), "media/worker");
  pid_t child = -1;
  std::string name = program;
  char* const arguments[] = {name.data(), nullptr};
  char* const environment[] = {nullptr};
  const SpawnSettings settings(sockets[1]);
  const int rc =
      posix_spawn(&child, program.c_str(), &settings.actions, &settings.attributes, arguments, environment);
  close(sockets[1]);
  if (rc == 0) return std::unique_ptr<WorkerProcess>(new WorkerProcess(child, sockets[0]));
  close(sockets[0]);
  Error error{Code::kFailedPrecondition,
              "the image decoder does not start: " + program + ": " + std::strerror(rc),
              "media/worker-missing"};
  error.fix = "install tocsin-media beside the program, or name it in the configuration";
  return fail(std::move(error));
}

WorkerProcess::~WorkerProcess() {
  close(socket_);
  reap();
}

int WorkerProcess::reap() {
  if (child_ <= 0) return 0;
  kill(child_, SIGKILL);  // no effect on one that has ended: its status stays what it was
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
  return status;
}

tl::unexpected<Error> WorkerProcess::gone() {
  const int status = reap();
  std::string how = "ended";
  if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
    how = "was stopped by signal " + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) +
          ")";
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
    how += " with status " + std::to_string(WEXITSTATUS(status));
  return fail(Code::kUnavailable, "the image decoder " + how, "media/worker");
}

Status WorkerProcess::send(ByteView bytes, const Deadline& deadline) {
  while (!bytes.empty()) {
    if (!deadline.wait(socket_, POLLOUT)) return late();
    const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) return gone();
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Status WorkerProcess::receive(std::span<std::uint8_t> out, const Deadline& deadline) {
  while (!out.empty()) {
    if (!deadline.wait(socket_, POLLIN)) return late();
    const ssize_t n = recv(socket_, out.data(), out.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) return gone();
    out = out.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace tocsin::node
