#include "tests/bench/child_process.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tocsin::bench {

Child::Child(const std::vector<std::string>& words) : name_(words.front()) {
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) std::abort();
  pid_ = fork();
  if (pid_ < 0) std::abort();
  if (pid_ == 0) {
    dup2(pipe_ends[1], STDOUT_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(pipe_ends[1]);
  output_ = pipe_ends[0];
}

Child::~Child() {
  static_cast<void>(end());
  close(output_);
}

std::string Child::await_line(const std::string& text) {
  std::string last;
  for (;;) {
    for (std::size_t at = buffered_.find('\n'); at != std::string::npos; at = buffered_.find('\n')) {
      last = buffered_.substr(0, at);
      buffered_.erase(0, at + 1);
      if (last.find(text) != std::string::npos) return last;
    }
    char bytes[4096];
    const ssize_t got = read(output_, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      std::fprintf(stderr, "%s ended before it said \"%s\"; last: %s\n", name_.c_str(), text.c_str(),
                   last.c_str());
      std::exit(1);
    }
    buffered_.append(bytes, static_cast<std::size_t>(got));
  }
}

int Child::end() {
  if (pid_ < 0) return 0;
  kill(pid_, SIGTERM);
  // Its last lines must not block it.
  char bytes[4096];
  while (read(output_, bytes, sizeof bytes) > 0) {
  }
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

std::uint64_t Child::peak_rss() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
  return 0;
}

double Child::cpu_seconds() const {
  std::ostringstream text;
  text << std::ifstream("/proc/" + std::to_string(pid_) + "/stat").rdbuf();
  std::istringstream fields(text.str().substr(text.str().rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void run_program(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += "'" + word + "' ";
  if (std::system((line + ">/dev/null").c_str()) != 0) {
    std::fprintf(stderr, "failed: %s\n", line.c_str());
    std::exit(1);
  }
}

}  // namespace tocsin::bench
