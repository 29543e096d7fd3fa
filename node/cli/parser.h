#pragma once
// From what was typed to a command of the table and its arguments.
//
// Guarantee: every error is kInvalidArgument "usage" and says what to type instead; an unknown word is
// answered with the nearest known one. Nothing is abbreviated. Concurrency: pure functions.

#include <string>
#include <vector>

#include "node/cli/command.h"

namespace tocsin::cli {

struct Parsed {
  const Command* command = nullptr;  // none: show the help of `path`
  std::string path;
  bool help = false;
  Arguments arguments;  // global options by their long names ("--output") too
};

// `words` without the program's name.
Result<Parsed> parse_command_line(const std::vector<std::string>& words);

}  // namespace tocsin::cli
