#include "node/cli/command.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "node/cli/exit_code.h"

namespace tocsin::cli {
namespace {

constexpr std::size_t kHelpColumn = 32;

void line(std::string& out, std::string left, std::string_view right) {
  left = "  " + left;
  if (left.size() + 2 > kHelpColumn) {
    out += left + "\n" + std::string(kHelpColumn, ' ');
  } else {
    out += left + std::string(kHelpColumn - left.size(), ' ');
  }
  out += std::string(right) + "\n";
}

std::string form(const OptionSpec& option) {
  std::string out(option.name);
  if (!option.positional() && !option.is_switch()) out += " " + std::string(option.value);
  if (option.repeated()) out += "...";
  return option.required() ? out : "[" + out + "]";
}

void options(std::string& out, std::string_view title, std::span<const OptionSpec> specs) {
  if (specs.empty()) return;
  out += "\n" + std::string(title) + "\n";
  for (const OptionSpec& option : specs) {
    std::string left(option.name);
    if (!option.positional() && !option.is_switch()) left += " " + std::string(option.value);
    line(out, left, std::string(option.help) + (option.required() ? " (required)" : ""));
  }
}

std::string help_of(const Command& command) {
  std::string out = "tocsin " + std::string(command.path) + ": " + std::string(command.summary) +
                    "\n\nUsage\n  tocsin " + std::string(command.path);
  for (const OptionSpec& option : command.options) {
    if (option.positional() || option.required()) out += " " + form(option);
  }
  const auto optional = [](const OptionSpec& option) { return !option.positional() && !option.required(); };
  if (std::any_of(command.options.begin(), command.options.end(), optional)) out += " [options]";
  out += "\n";
  options(out, "Options", command.options);
  options(out, "Options of every command", global_options());
  out += "\nExamples\n";
  for (const std::string_view example : command.examples) out += "  " + std::string(example) + "\n";
  return out;
}

std::string help_of_group(std::string_view group) {
  std::string out = group.empty() ? "tocsin: the command line of a Tocsin node\n\nCommands\n"
                                  : "tocsin " + std::string(group) + "\n\nCommands\n";
  for (const Command& command : command_table()) {
    const std::string start = std::string(group) + " ";
    if (group.empty() || command.path.substr(0, start.size()) == start) {
      line(out, std::string(command.path), command.summary);
    }
  }
  options(out, "Options of every command", global_options());
  out +=
      "\nExit codes\n  0 done, 1 failed, 2 usage, 3 not found, 4 not allowed, 5 conflict, 6 unreachable or "
      "timeout,\n"
      "  7 partly done, 8 verification failed, 9 refused by due process or policy, 10 findings, 130 "
      "interrupted\n";
  if (group.empty())
    out += "\nExamples\n  tocsin status\n  tocsin signal list -o json\n  tocsin peer show --help\n";
  return out;
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, change});
    }
  }
  return row.back();
}

std::vector<Command> build_table() {
  std::vector<Command> out;
  for (auto* part : {node_commands, network_commands, peer_commands, submission_commands, signal_commands,
                     sharing_commands, review_commands, action_commands, appeal_commands, match_commands,
                     user_commands, backup_commands, witness_commands, recover_commands, evidence_commands}) {
    for (Command& command : part()) out.push_back(std::move(command));
  }
  return out;
}

}  // namespace

std::string Arguments::text(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? std::string() : found->second.front();
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

Result<std::uint64_t> Arguments::number(std::string_view name, std::uint64_t otherwise,
                                        std::uint64_t most) const {
  if (!has(name)) return otherwise;
  const std::string typed = text(name);
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(typed.data(), typed.data() + typed.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != typed.data() + typed.size() || value > most) {
    return tocsin::fail(usage_error(std::string(name) + " takes a whole number from 0 to " +
                                    std::to_string(most) + ", not \"" + typed + "\""));
  }
  return value;
}

const std::vector<Command>& command_table() {
  static const std::vector<Command> table = build_table();
  return table;
}

std::span<const OptionSpec> global_options() {
  static constexpr OptionSpec kOptions[] = {
      {"-o,--output", "FORMAT", "table, json or ndjson"},
      {"--data-dir", "DIR", "the node's directory; TOCSIN_DATA_DIR, else /var/lib/tocsin"},
      {"--socket", "PATH", "the daemon's socket; TOCSIN_ADMIN_SOCKET, else the node's own"},
      {"--no-input", "", "never ask; a missing answer is an error"},
      {"--no-color", "", "plain text"},
      {"-q,--quiet", "", "no progress"},
      {"-h,--help", "", "this text"},
  };
  return kOptions;
}

std::string help_text(std::string_view path) {
  for (const Command& command : command_table()) {
    if (command.path == path) return help_of(command);
  }
  return help_of_group(path);
}

std::string nearest(std::string_view word, const std::vector<std::string>& words) {
  std::string best;
  std::size_t best_distance = 3;
  for (const std::string& candidate : words) {
    const std::size_t d = distance(word, candidate);
    if (d < best_distance && d < candidate.size()) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace tocsin::cli
