#include "node/config/config.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <sstream>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

namespace tocsin::node {
namespace {

// Larger files are not configuration.
constexpr std::size_t kFileMax = 1 << 20;

struct Rule {
  const char* key;
  const char* form;
  std::string Config::*text = nullptr;
  bool (*allowed)(const std::string&) = nullptr;
  std::uint32_t Config::*number = nullptr;
  std::uint32_t least = 0;
  std::uint32_t most = 0;
};

bool one_of(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}
bool is_absolute(const std::string& text) {
  return !text.empty() && text.front() == '/';
}
bool is_absolute_or_empty(const std::string& text) {
  return text.empty() || is_absolute(text);
}
bool is_name_or_empty(const std::string& text) {
  return text.empty() || is_dns_name(text);
}
bool is_address(const std::string& text) {
  return parse_host_port(text).has_value();
}
bool is_address_or_empty(const std::string& text) {
  return text.empty() || is_address(text);
}
bool is_level(const std::string& text) {
  return one_of(text, {"debug", "info", "warning", "error", "off"});
}
bool is_format(const std::string& text) {
  return one_of(text, {"text", "json"});
}
// C2SP: non-empty, no spaces or plus signs, one line.
bool is_origin_or_empty(const std::string& text) {
  return text.size() <= 255 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '+'; });
}
// Plain segments, no slash at the end.
bool is_path_or_empty(const std::string& text) {
  if (text.empty()) return true;
  return is_absolute(text) && text.back() != '/' && text.find("//") == std::string::npos &&
         text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                  c == '_' || c == '.' || c == '/';
         });
}
bool is_certificate_or_empty(const std::string& text) {
  return text == "node" || is_absolute_or_empty(text);
}
bool is_contact_or_empty(const std::string& text) {
  return text.empty() ||
         ((text.starts_with("mailto:") || text.starts_with("https://") || text.starts_with("tel:")) &&
          std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; }));
}
bool is_yes_or_no(const std::string& text) {
  return one_of(text, {"yes", "no"});
}
// sockaddr_un has room for 107 bytes and the terminator.
bool is_socket_path_or_empty(const std::string& text) {
  return is_absolute_or_empty(text) && text.size() <= 107;
}

const std::vector<Rule>& rules() {
  static const std::vector<Rule> table = {
      {"data_dir", "an absolute path", &Config::data_dir, is_absolute},
      {"name", "a lower-case DNS name", &Config::name, is_name_or_empty},
      {"listen", "host:port", &Config::listen, is_address},
      {"advertise", "host:port, or nothing", &Config::advertise, is_address_or_empty},
      {"admin_socket", "an absolute path of at most 107 bytes", &Config::admin_socket,
       is_socket_path_or_empty},
      {"http_listen", "host:port, or nothing", &Config::http_listen, is_address_or_empty},
      {"read_listen", "host:port, or nothing", &Config::read_listen, is_address_or_empty},
      {"read_prefix", "nothing, or a path such as /log", &Config::read_prefix, is_path_or_empty},
      {"read_rate", "a whole number, 0 to 1000000", nullptr, nullptr, &Config::read_rate, 0, 1'000'000},
      {"read_certificate", "node, an absolute path, or nothing", &Config::read_certificate,
       is_certificate_or_empty},
      {"read_key", "an absolute path, or nothing", &Config::read_key, is_absolute_or_empty},
      {"read_client_ca", "an absolute path, or nothing", &Config::read_client_ca, is_absolute_or_empty},
      {"read_members", "yes or no", &Config::read_members, is_yes_or_no},
      {"read_retention_days", "a whole number, 0 to 36500", nullptr, nullptr, &Config::read_retention_days, 0,
       36500},
      {"security_contact", "a mailto:, https: or tel: URI, or nothing", &Config::security_contact,
       is_contact_or_empty},
      {"token_file", "an absolute path", &Config::token_file, is_absolute_or_empty},
      {"passphrase_file", "an absolute path", &Config::passphrase_file, is_absolute_or_empty},
      {"log_level", "debug, info, warning, error or off", &Config::log_level, is_level},
      {"log_format", "text or json", &Config::log_format, is_format},
      {"match_radius", "a whole number, 0 to 64", nullptr, nullptr, &Config::match_radius, 0, 64},
      {"quality_gate", "a whole number, 0 to 100", nullptr, nullptr, &Config::quality_gate, 0, 100},
      {"media_worker", "an absolute path", &Config::media_worker, is_absolute_or_empty},
      {"log_origin", "printable text without spaces or +", &Config::log_origin, is_origin_or_empty},
      {"disk_reserve_mb", "a whole number of MiB, 0 to 1048576", nullptr, nullptr, &Config::disk_reserve_mb,
       0, 1048576},
      {"index_hours", "a whole number, 0 to 8760", nullptr, nullptr, &Config::index_hours, 0, 8760},
      {"workers", "a whole number, 1 to 64", nullptr, nullptr, &Config::workers, 1, 64},
  };
  return table;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

const Rule* find_rule(std::string_view key) {
  for (const Rule& rule : rules())
    if (key == rule.key) return &rule;
  return nullptr;
}

Error unknown_key(std::string_view key, const std::string& origin) {
  const Rule* nearest = &rules().front();
  std::size_t best = ~std::size_t{0};
  for (const Rule& rule : rules()) {
    const std::size_t distance = edit_distance(key.substr(0, 64), rule.key);
    if (distance >= best) continue;
    best = distance;
    nearest = &rule;
  }
  return Error{Code::kInvalidArgument, "there is no setting \"" + std::string(key) + "\" (" + origin + ")",
               "config/unknown",
               "unknown settings are refused, so that a misspelt one is not silently ignored",
               "did you mean " + std::string(nearest->key) + "?"};
}

Error bad_value(const Rule& rule, const std::string& value, const std::string& origin) {
  return Error{Code::kInvalidArgument,
               std::string(rule.key) + " must be " + rule.form + ", not \"" + value + "\" (" + origin + ")",
               "config/value", "", std::string("set ") + rule.key + " to " + rule.form};
}

std::string show(const Rule& rule, const Config& config) {
  return rule.text != nullptr ? config.*rule.text : std::to_string(config.*rule.number);
}

class Loader {
 public:
  Loader() {
    for (const Rule& rule : rules())
      loaded_.settings.push_back({rule.key, show(rule, loaded_.config), "default"});
  }

  Status set(std::string_view key, const std::string& value, const std::string& origin) {
    const Rule* rule = find_rule(key);
    if (rule == nullptr) return fail(unknown_key(key, origin));
    if (rule->text != nullptr) {
      const bool one_line = value.find_first_of(std::string_view("\0\n\r", 3)) == std::string::npos;
      if (!one_line || !rule->allowed(value)) return fail(bad_value(*rule, value, origin));
      loaded_.config.*rule->text = value;
    } else {
      std::uint32_t number = 0;
      const char* end = value.data() + value.size();
      const auto [stop, error] = std::from_chars(value.data(), end, number);
      if (error != std::errc() || stop != end || number < rule->least || number > rule->most)
        return fail(bad_value(*rule, value, origin));
      loaded_.config.*rule->number = number;
    }
    Setting& setting = loaded_.settings[static_cast<std::size_t>(rule - rules().data())];
    setting.value = value;
    setting.origin = origin;
    return {};
  }

  LoadedConfig take() { return std::move(loaded_); }

 private:
  LoadedConfig loaded_;
};

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kFileMax + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || !in.is_open() || (in.fail() && !in.eof()))
    return fail(
        Error{Code::kNotFound, "cannot read the configuration " + path, "config/file", "", "check the path"});
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kFileMax)
    return fail(Code::kInvalidArgument, path + " is larger than 1 MiB: not a configuration", "config/syntax");
  return text;
}

Result<std::string> value_text(const toml::node& node, std::string_view key, const std::string& origin) {
  if (const auto text = node.as_string()) return text->get();
  if (const auto number = node.as_integer()) return std::to_string(number->get());
  return fail(
      Error{Code::kInvalidArgument,
            "the value of " + std::string(key) + " must be a string or a whole number (" + origin + ")",
            "config/value", "", "write it as \"text\" or as digits"});
}

Status load_file(const std::string& path, Loader& loader) {
  TRY_ASSIGN(const std::string text, read_file(path));
  const toml::parse_result parsed = toml::parse(std::string_view(text), path);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(
        Code::kInvalidArgument,
        path + ":" + std::to_string(error.source().begin.line) + ": " + std::string(error.description()),
        "config/syntax");
  }
  for (const auto& [key, node] : parsed.table()) {
    const std::string origin = path + ":" + std::to_string(node.source().begin.line);
    if (find_rule(key.str()) == nullptr) return fail(unknown_key(key.str(), origin));
    TRY_ASSIGN(const std::string value, value_text(node, key.str(), origin));
    TRY(loader.set(key.str(), value, origin));
  }
  return {};
}

std::string environment_name(std::string_view key) {
  std::string name = "TOCSIN_";
  for (const char c : key) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

}  // namespace

Result<LoadedConfig> load_config(const ConfigSources& sources) {
  Loader loader;
  if (!sources.file.empty()) TRY(load_file(sources.file, loader));
  for (const Rule& rule : rules()) {
    const auto found = sources.environment.find(environment_name(rule.key));
    if (found != sources.environment.end()) TRY(loader.set(rule.key, found->second, found->first));
  }
  for (const auto& [flag, value] : sources.flags) {
    std::string key = flag;
    std::replace(key.begin(), key.end(), '-', '_');
    TRY(loader.set(key, value, "--" + flag));
  }
  return loader.take();
}

std::vector<KnownSetting> known_settings() {
  std::vector<KnownSetting> known;
  for (const Rule& rule : rules()) known.push_back({rule.key, rule.form});
  return known;
}

std::string Config::admin_socket_path() const {
  return admin_socket.empty() ? data_dir + "/admin.sock" : admin_socket;
}
std::string Config::token_file_path() const {
  return token_file.empty() ? data_dir + "/tokens" : token_file;
}

Result<HostPort> parse_host_port(std::string_view text) {
  const auto refuse = [&] {
    return fail(Code::kInvalidArgument, "\"" + std::string(text) + "\" is not host:port", "config/address");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || text.size() > 300) return refuse();
  HostPort out;
  std::string_view host = text.substr(0, colon);
  if (host.front() == '[') {
    if (host.size() < 4 || host.back() != ']') return refuse();
    host = host.substr(1, host.size() - 2);
    if (host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) return refuse();
  } else if (!is_dns_name(host)) {
    return refuse();
  }
  const std::string_view digits = text.substr(colon + 1);
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  if (digits.empty() || error != std::errc() || stop != digits.data() + digits.size()) return refuse();
  out.host = host;
  return out;
}

bool is_dns_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  std::size_t label = 0;
  char previous = '.';
  for (const char c : text) {
    if (c == '.') {
      if (label == 0 || previous == '-') return false;
      label = 0;
    } else {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      if (!letter && (c != '-' || label == 0)) return false;
      if (++label > 63) return false;
    }
    previous = c;
  }
  return label > 0 && previous != '-';
}

}  // namespace tocsin::node
