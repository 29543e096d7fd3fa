#pragma once
// The one table of commands: parsing, help and the tests read it; nothing else says what `tocsin` can do.
//
// Concurrency: constant data and values.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/result.h"

namespace tocsin::v1 {
class Recovery;
class Witnessing;
}  // namespace tocsin::v1

namespace tocsin::cli {

class Session;

enum class Need { kOptional, kRequired, kRepeated, kRequiredRepeated };

// An option ("--role", with the placeholder of its value, none for a switch) or a positional argument
// ("PEER").
struct OptionSpec {
  std::string_view name;
  std::string_view value;
  std::string_view help;
  Need need = Need::kOptional;

  bool positional() const { return name.front() != '-'; }
  bool is_switch() const { return !positional() && value.empty(); }
  bool required() const { return need == Need::kRequired || need == Need::kRequiredRepeated; }
  bool repeated() const { return need == Need::kRepeated || need == Need::kRequiredRepeated; }
};

// What was typed, by the names of the specs; the parser has checked that what is required is there.
class Arguments {
 public:
  void add(std::string_view name, std::string value) {
    values_[std::string(name)].push_back(std::move(value));
  }
  bool has(std::string_view name) const { return values_.count(std::string(name)) != 0; }
  // Empty when it was not typed.
  std::string text(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  // A whole number of at most `most`; `otherwise` when it was not typed.
  Result<std::uint64_t> number(std::string_view name, std::uint64_t otherwise, std::uint64_t most) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

struct Command {
  std::string_view path;     // "peer list"
  std::string_view summary;  // one line, lower case
  std::vector<OptionSpec> options;
  std::vector<std::string_view> examples;
  Result<int> (*run)(Session&, const Arguments&);  // the exit code, or what went wrong
};

// Every command, in the order of the help.
const std::vector<Command>& command_table();
// Options that every command takes.
std::span<const OptionSpec> global_options();

// The parts of the table, one for each source of commands.
std::vector<Command> node_commands();
std::vector<Command> network_commands();
std::vector<Command> peer_commands();
std::vector<Command> submission_commands();  // signal submit, import
std::vector<Command> signal_commands();      // signal show, list, history
std::vector<Command> sharing_commands();     // signal publish, opine, retract
std::vector<Command> match_commands();
std::vector<Command> review_commands();
std::vector<Command> action_commands();
std::vector<Command> appeal_commands();
std::vector<Command> user_commands();
std::vector<Command> backup_commands();
std::vector<Command> witness_commands();
std::vector<Command> recover_commands();
std::vector<Command> evidence_commands();

// Lines that say how far the repair has come, and what it waits for.
std::string recovery_text(const v1::Recovery& recovery);
// Lines that say how far the ledger is witnessed, and what is missing.
std::string witnessed_text(const v1::Witnessing& witnessing, std::uint64_t now_ms);

// Help for all, for a group ("peer") or for one command ("peer list").
std::string help_text(std::string_view path);
// The nearest of the words within two edits, or "".
std::string nearest(std::string_view word, const std::vector<std::string>& words);

}  // namespace tocsin::cli
