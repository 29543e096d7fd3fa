#pragma once
// Runs one command line in this process, with everything a terminal would give it.

#include <sstream>
#include <string>
#include <vector>

#include "node/cli/session.h"

namespace tocsin::tests {

struct CliRun {
  int code = -1;
  std::string out;
  std::string err;
};

struct CliTerminal {
  std::string input;
  bool in_tty = false;
  bool err_tty = false;
  std::map<std::string, std::string> environment;
};

inline constexpr std::uint64_t kCliNowMs = 1'795'000'000'000;

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline CliRun run_cli(std::vector<std::string> words, const CliTerminal& terminal = {}) {
  std::istringstream in(terminal.input);
  std::ostringstream out;
  std::ostringstream err;
  cli::Surroundings io{in,
                       out,
                       err,
                       terminal.environment,
                       terminal.in_tty,
                       false,
                       terminal.err_tty,
                       [] { return kCliNowMs; },
                       [](std::uint64_t) {}};
  CliRun result;
  result.code = cli::run(words, io);
  result.out = out.str();
  result.err = err.str();
  return result;
}

}  // namespace tocsin::tests
