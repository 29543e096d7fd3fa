#include "tests/support/process.h"

#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace tocsin::tests {
namespace {

struct Pipe {
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  }
  std::array<int, 2> ends{-1, -1};
};

std::vector<std::string> changed_environment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!changes.contains(text.substr(0, text.find('=')))) out.push_back(text);
  }
  for (const auto& [name, value] : changes) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

pid_t spawn(std::vector<std::string> command, std::vector<std::string> environment, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  // Whatever this process ignores, the program starts as from a shell.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t set;
  sigfillset(&set);
  posix_spawnattr_setsigdefault(&attributes, &set);
  sigemptyset(&set);
  posix_spawnattr_setsigmask(&attributes, &set);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, command.front().c_str(), &actions, &attributes,
                                 pointers(command).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error(command.front() + ": " + std::strerror(failed));
  return pid;
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const std::map<std::string, std::string>& changes) {
  const Pipe out;
  const Pipe err;
  pid_ = spawn(command, changed_environment(changes), out.ends[1], err.ends[1]);
  ::close(out.ends[1]);
  ::close(err.ends[1]);
  drainer_ = std::thread([this, from = out.ends[0], also = err.ends[0]] { drain(from, also); });
  collector_ = std::thread([this] { collect(); });
}

Process::~Process() {
  signal(SIGKILL);
  collector_.join();
  drainer_.join();
}

void Process::drain(int out, int err) {
  std::array<pollfd, 2> watched{{{out, POLLIN, 0}, {err, POLLIN, 0}}};
  std::array<char, 65536> buffer;
  while (watched[0].fd >= 0 || watched[1].fd >= 0) {
    ::poll(watched.data(), watched.size(), -1);
    for (std::size_t i = 0; i < watched.size(); ++i) {
      if (watched[i].fd < 0 || watched[i].revents == 0) continue;
      const ssize_t got = ::read(watched[i].fd, buffer.data(), buffer.size());
      const std::lock_guard lock(mu_);
      if (got > 0) {
        (i == 0 ? out_ : err_).append(buffer.data(), static_cast<std::size_t>(got));
      } else {
        ::close(watched[i].fd);
        watched[i].fd = -1;
      }
      changed_.notify_all();
    }
  }
  const std::lock_guard lock(mu_);
  drained_ = true;
  changed_.notify_all();
}

void Process::finish_reading() {
  std::unique_lock lock(mu_);
  changed_.wait_for(lock, kProcessPatience, [this] { return drained_; });
}

void Process::collect() {
  siginfo_t info{};
  // Left as it is until the lock is held: signal() must never meet another process of the same number.
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0) {
  }
  const std::lock_guard lock(mu_);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  changed_.notify_all();
}

bool Process::running() const {
  const std::lock_guard lock(mu_);
  return !status_;
}

void Process::signal(int number) {
  const std::lock_guard lock(mu_);
  if (!status_) ::kill(pid_, number);
}

std::optional<int> Process::wait(std::chrono::milliseconds patience) {
  std::unique_lock lock(mu_);
  changed_.wait_for(lock, patience, [this] { return status_.has_value(); });
  return status_;
}

std::string Process::out() const {
  const std::lock_guard lock(mu_);
  return out_;
}

std::string Process::err() const {
  const std::lock_guard lock(mu_);
  return err_;
}

bool Process::await(const std::string& part, std::chrono::milliseconds patience) {
  std::unique_lock lock(mu_);
  const auto printed = [&] {
    return out_.find(part) != std::string::npos || err_.find(part) != std::string::npos;
  };
  changed_.wait_for(lock, patience, [&] { return (status_ && drained_) || printed(); });
  return printed();
}

void Process::await_change(std::chrono::milliseconds moment) {
  std::unique_lock lock(mu_);
  const std::size_t seen = out_.size() + err_.size();
  changed_.wait_for(lock, moment, [&] { return status_ || out_.size() + err_.size() != seen; });
}

Finished run_program(const std::vector<std::string>& command,
                     const std::map<std::string, std::string>& changes) {
  Finished finished;
  {
    Process process(command, changes);
    const auto status = process.wait();
    if (!status) throw std::runtime_error(command.front() + " did not end");
    finished.code = *status;
    // The last bytes may still be in the pipe: it is empty when the drainer has seen its end.
    process.finish_reading();
    finished.out = process.out();
    finished.err = process.err();
  }
  return finished;
}

Usage usage_of(pid_t pid) {
  Usage usage;
  const std::string folder = "/proc/" + std::to_string(pid);
  std::ifstream status(folder + "/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t value = 0;
    words >> name >> value;
    if (name == "VmHWM:") usage.resident_peak = value * 1024;
    if (name == "VmRSS:") usage.resident = value * 1024;
    if (name == "Threads:") usage.threads = static_cast<int>(value);
  }
  std::ostringstream text;
  text << std::ifstream(folder + "/stat").rdbuf();
  // Behind the name, which may hold anything: state is field 3, utime and stime are 14 and 15.
  std::istringstream fields(text.str().substr(std::min(text.str().size(), text.str().rfind(')') + 1)));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  usage.cpu_seconds = (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  return usage;
}

}  // namespace tocsin::tests
