// `tocsin`: the operator's, reviewer's and engineer's command.

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>

#include <unistd.h>

#include "crypto/base/locked_memory.h"
#include "crypto/random.h"
#include "node/cli/exit_code.h"
#include "node/cli/session.h"

extern char** environ;

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::ios::sync_with_stdio(false);
  tocsin::forbid_core_dumps();  // passphrases and people's keys pass through here
  if (const tocsin::Status ready = tocsin::crypto::init(); !ready) {
    tocsin::cli::print_error(std::cerr, ready.error(), {});
    return tocsin::cli::kFailed;
  }
  tocsin::cli::Surroundings io{std::cin, std::cout, std::cerr, {}, false, false, false, {}, {}};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      io.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  io.in_tty = isatty(STDIN_FILENO) == 1;
  io.out_tty = isatty(STDOUT_FILENO) == 1;
  io.err_tty = isatty(STDERR_FILENO) == 1;
  io.now_ms = [] {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  };
  io.pause = [](std::uint64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); };
  const int code = tocsin::cli::run({argv + 1, argv + argc}, std::move(io));
  std::cout.flush();
  return std::cout ? code : static_cast<int>(tocsin::cli::kFailed);
}
