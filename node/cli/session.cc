#include "node/cli/session.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <istream>
#include <ostream>

#include "node/cli/exit_code.h"
#include "node/cli/parser.h"
#include "protocol/log/text.h"

namespace tocsin::cli {
namespace {

constexpr std::size_t kSecretBytesMax = 4096;

Result<OutputFormat> parse_format(const std::string& text) {
  if (text.empty() || text == "table") return OutputFormat::kTable;
  if (text == "json") return OutputFormat::kJson;
  if (text == "ndjson") return OutputFormat::kNdjson;
  return tocsin::fail(usage_error("no output format \"" + text + "\"", "-o table, -o json or -o ndjson"));
}

std::size_t width(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text)
    count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // a code point is a column
  return count;
}

Result<node::Config> load(const std::map<std::string, std::string>& environment, const Arguments& globals) {
  node::ConfigSources sources;
  // Other TOCSIN_ variables are the daemon's.
  for (const char* name : {"TOCSIN_DATA_DIR", "TOCSIN_ADMIN_SOCKET"}) {
    if (const auto found = environment.find(name); found != environment.end())
      sources.environment.insert(*found);
  }
  std::error_code ignored;
  const auto absolute = [&ignored](const std::string& path) {
    return std::filesystem::absolute(path, ignored).lexically_normal().string();
  };
  if (globals.has("--data-dir")) sources.flags.emplace_back("data-dir", absolute(globals.text("--data-dir")));
  if (globals.has("--socket")) sources.flags.emplace_back("admin-socket", absolute(globals.text("--socket")));
  TRY_ASSIGN(const node::LoadedConfig first, node::load_config(sources));
  const std::string file = first.config.data_dir + "/tocsin.toml";
  if (!std::filesystem::exists(file, ignored)) return first.config;
  sources.file = file;
  TRY_ASSIGN(node::LoadedConfig loaded, node::load_config(sources));
  return std::move(loaded.config);
}

Result<std::string> read_file(const std::string& path, std::size_t most) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(most + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || (file.fail() && !file.eof())) {
    const bool missing = errno == ENOENT;
    return fail(missing ? Code::kNotFound : Code::kPermissionDenied,
                "cannot read " + path + ": " + std::strerror(errno == 0 ? EIO : errno), "file/read");
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > most) {
    return fail(Code::kInvalidArgument, path + " is longer than " + std::to_string(most) + " bytes",
                "file/size");
  }
  return text;
}

Result<int> dispatch(const std::vector<std::string>& words, Surroundings& io) {
  for (const std::string& word : words) {
    if (!protocol::is_utf8(word)) return tocsin::fail(usage_error("a word of this command is not UTF-8"));
  }
  TRY_ASSIGN(const Parsed parsed, parse_command_line(words));
  if (parsed.help || words.empty()) {
    io.out << help_text(parsed.path);
    return static_cast<int>(kDone);
  }
  if (parsed.command == nullptr) {
    return tocsin::fail(usage_error("\"tocsin " + parsed.path + "\" needs a command after it",
                                    "tocsin " + parsed.path + (parsed.path.empty() ? "--help" : " --help")));
  }
  TRY_ASSIGN(Session session, Session::open(io, parsed.arguments));
  return parsed.command->run(session, parsed.arguments);
}

// Errors must take the asked form even when the command line does not parse.
bool asks_for_json(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const std::string_view start : {"-o", "--output=", "--output"}) {
      if (words[i].rfind(start, 0) != 0) continue;
      const std::string value =
          words[i] == start && i + 1 < words.size() ? words[i + 1] : words[i].substr(start.size());
      if (value == "json" || value == "ndjson") return true;
    }
  }
  return false;
}

}  // namespace

Result<Session> Session::open(Surroundings surroundings, const Arguments& globals) {
  Session session(std::move(surroundings));
  Surroundings& io = session.io_;
  TRY_ASSIGN(session.format_, parse_format(globals.text("--output")));
  session.quiet_ = globals.has("--quiet");
  session.no_input_ = globals.has("--no-input");
  session.colour_out_ = wants_colour(io.out_tty, globals.has("--no-color"), io.environment);
  TRY_ASSIGN(session.config_, load(io.environment, globals));
  return session;
}

AdminClient& Session::daemon() {
  if (!client_) client_ = std::make_unique<AdminClient>(config_.admin_socket_path());
  return *client_;
}

void Session::print_items(std::string_view kind, const std::vector<std::string>& json, const Table& table,
                          std::string_view next) {
  if (format_ == OutputFormat::kNdjson) {
    for (const std::string& item : json) io_.out << item << '\n';
    return;
  }
  if (format_ == OutputFormat::kJson) {
    JsonObject object = envelope(kind);
    object.array("items", json);
    if (!next.empty()) object.text("next", next);
    return print_object(object);
  }
  std::vector<std::size_t> widths;
  for (const auto& row : table) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(printable(row[i])));
  }
  for (std::size_t r = 0; r < table.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < table[r].size(); ++i) {
      const std::string cell = printable(table[r][i]);
      line += cell;
      if (i + 1 < table[r].size()) line += std::string(widths[i] - width(cell) + 2, ' ');
    }
    io_.out << (r == 0 ? paint(line, Paint::kBold, colour_out_) : line) << '\n';
  }
}

void Session::print_one(std::string_view kind, const google::protobuf::Message& message,
                        std::string_view text) {
  if (for_people()) return print_text(text);
  JsonObject object = envelope(kind);
  object.fields(json_of(message));
  print_object(object);
}

void Session::print_object(const JsonObject& object) {
  io_.out << object.str() << '\n';
}

void Session::print_text(std::string_view text) {
  io_.out << text;
  if (!text.empty() && text.back() != '\n') io_.out << '\n';
}

Result<std::string> Session::ask(std::string_view question, std::string_view flag) {
  if (no_input_ || !io_.in_tty) {
    return tocsin::fail(
        usage_error("this needs an answer, and nobody is there to give it", "give " + std::string(flag)));
  }
  io_.err << "? " << question << ' ' << std::flush;
  std::string line;
  if (!std::getline(io_.in, line)) return fail(Code::kCancelled, "no answer", "usage");
  return line;
}

Result<SecretBytes> read_secret_file(const std::string& path) {
  TRY_ASSIGN(std::string text, read_file(path, kSecretBytesMax));
  std::size_t length = text.size();
  if (length > 0 && text[length - 1] == '\n') --length;
  if (length > 0 && text[length - 1] == '\r') --length;
  if (length == 0) return fail(Code::kInvalidArgument, path + " holds no passphrase", "file/empty");
  SecretBytes secret(as_view(std::string_view(text).substr(0, length)));
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return secret;
}

Result<std::string> read_text_file(const std::string& path, std::size_t most) {
  return read_file(path, most);
}

int run(const std::vector<std::string>& words, Surroundings surroundings) {
  const Result<int> code = dispatch(words, surroundings);
  if (code) return *code;
  const bool plain = std::find(words.begin(), words.end(), "--no-color") != words.end();
  print_error(surroundings.err, code.error(),
              {asks_for_json(words), wants_colour(surroundings.err_tty, plain, surroundings.environment)});
  return exit_code(code.error());
}

}  // namespace tocsin::cli
