#include "node/log/log.h"

#include <atomic>
#include <memory>
#include <vector>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "protocol/wire/json_text.h"

namespace tocsin::node {
namespace {

constexpr char kTextPattern[] = "time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v";
constexpr char kJsonPattern[] = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

struct State {
  std::atomic<LogLevel> level = LogLevel::kOff;
  std::atomic<LogFormat> format = LogFormat::kText;
  std::shared_ptr<spdlog::logger> logger =
      std::make_shared<spdlog::logger>("tocsin", std::make_shared<spdlog::sinks::stderr_sink_mt>());
};

State& state() {
  static State instance;
  return instance;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text)
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') return true;
  return false;
}

void append_text_field(std::string& out, std::string_view key, std::string_view value, bool is_text) {
  if (!out.empty()) out += ' ';
  out += key;
  out += '=';
  if (is_text && needs_quotes(value))
    protocol::append_json_string(out, value);
  else
    out += value;
}

void append_json_field(std::string& out, std::string_view key, std::string_view value, bool is_text) {
  if (!out.empty()) out += ',';
  protocol::append_json_string(out, key);
  out += ':';
  if (is_text)
    protocol::append_json_string(out, value);
  else
    out += value;
}

void append_field(LogFormat format, std::string& out, const Field& field) {
  (format == LogFormat::kJson ? append_json_field : append_text_field)(out, field.key(), field.value(),
                                                                       field.is_text());
}

void write(LogLevel level, const std::string& line) {
  // The cast keeps spdlog from taking the line for a format string.
  state().logger->log(spdlog_level(level), std::string_view(line));
}

}  // namespace

Result<LogLevel> parse_log_level(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warning") return LogLevel::kWarning;
  if (text == "error") return LogLevel::kError;
  if (text == "off") return LogLevel::kOff;
  return fail(Code::kInvalidArgument,
              "\"" + std::string(text) + "\" is not debug, info, warning, error or off");
}

Result<LogFormat> parse_log_format(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return fail(Code::kInvalidArgument, "\"" + std::string(text) + "\" is not text or json");
}

void start_log(LogLevel level, LogFormat format) {
  State& s = state();
  s.logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      format == LogFormat::kJson ? kJsonPattern : kTextPattern, spdlog::pattern_time_type::utc));
  s.logger->set_level(spdlog_level(level));
  s.logger->flush_on(spdlog::level::debug);
  s.format = format;
  s.level = level;
}

bool log_enabled(LogLevel level) {
  return level >= state().level.load(std::memory_order_relaxed);
}

std::string format_event(LogFormat format, std::string_view event, std::initializer_list<Field> fields) {
  std::string line;
  append_field(format, line, Field("event", event));
  for (const Field& field : fields) append_field(format, line, field);
  return line;
}

void log_event(LogLevel level, std::string_view event, std::initializer_list<Field> fields) {
  if (!log_enabled(level)) return;
  write(level, format_event(state().format, event, fields));
}

void log_failure(LogLevel level, std::string_view event, const Error& error,
                 std::initializer_list<Field> fields) {
  if (!log_enabled(level)) return;
  const LogFormat format = state().format;
  std::string line = format_event(format, event, fields);
  append_field(format, line, Field("code", code_name(error.code)));
  append_field(format, line, Field("error", error.message));
  if (!error.rule.empty()) append_field(format, line, Field("rule", error.rule));
  write(level, line);
}

}  // namespace tocsin::node
