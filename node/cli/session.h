#pragma once
// One run of `tocsin`: where it reads and prints, what the global options say, and the daemon it talks to.
//
// Guarantee: data goes to `out`, everything else to `err`; nothing is asked unless standard input is a
// terminal and
// --no-input is off. The daemon is contacted at the first call, not before. Concurrency: one thread.

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/secret.h"
#include "node/cli/client.h"
#include "node/cli/command.h"
#include "node/cli/json.h"
#include "node/cli/terminal.h"
#include "node/config/config.h"

namespace tocsin::cli {

struct Surroundings {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  std::map<std::string, std::string> environment;
  bool in_tty = false;
  bool out_tty = false;
  bool err_tty = false;
  std::function<std::uint64_t()> now_ms;
  // Does nothing for so many milliseconds: between two questions to the daemon.
  std::function<void(std::uint64_t)> pause = [](std::uint64_t) {};
};

enum class OutputFormat { kTable, kJson, kNdjson };

// A table's cells; the first row is its head.
using Table = std::vector<std::vector<std::string>>;

class Session {
 public:
  static Result<Session> open(Surroundings surroundings, const Arguments& globals);

  Surroundings& io() { return io_; }
  OutputFormat format() const { return format_; }
  bool for_people() const { return format_ == OutputFormat::kTable; }
  bool colour() const { return colour_out_; }
  bool quiet() const { return quiet_; }
  std::uint64_t now_ms() const { return io_.now_ms(); }
  // From the flags, the environment, DIR/tocsin.toml and the defaults, in that order.
  const node::Config& config() const { return config_; }
  AdminClient& daemon();

  // A list: `kind` and "items" as JSON, one object a line as NDJSON, or the table.
  template <typename Items>
  void print_list(std::string_view kind, const Items& items, const Table& table, std::string_view next = {}) {
    std::vector<std::string> json;
    if (!for_people()) {
      for (const auto& item : items) json.push_back(json_of(item));
    }
    print_items(kind, json, table, next);
  }
  // One message: its fields as JSON, or `text` for people.
  void print_one(std::string_view kind, const google::protobuf::Message& message, std::string_view text);
  void print_items(std::string_view kind, const std::vector<std::string>& json, const Table& table,
                   std::string_view next);
  void print_object(const JsonObject& object);
  void print_text(std::string_view text);

  // One line typed by a person. Off a terminal, or with --no-input: kInvalidArgument, naming the flag to use
  // instead.
  Result<std::string> ask(std::string_view question, std::string_view flag);

 private:
  Session(Surroundings surroundings) : io_(std::move(surroundings)) {}
  Surroundings io_;
  node::Config config_;
  OutputFormat format_ = OutputFormat::kTable;
  bool colour_out_ = false;
  bool quiet_ = false;
  bool no_input_ = false;
  std::unique_ptr<AdminClient> client_;
};

// A secret of one line from a file: its newline is not part of it. kNotFound or kPermissionDenied,
// "file/read".
Result<SecretBytes> read_secret_file(const std::string& path);
// A small text file, at most `most` bytes.
Result<std::string> read_text_file(const std::string& path, std::size_t most);

// Runs one command line, `words` without the program's name; the exit code.
int run(const std::vector<std::string>& words, Surroundings surroundings);

}  // namespace tocsin::cli
