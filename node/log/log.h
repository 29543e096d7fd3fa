#pragma once
// The node's log: one line per event on stderr, with a stable name that alerts may rely on.
//
//   time=2026-11-25T12:00:00.000Z level=info event=peer.refused peer=social.example reason="certificate
//   expired"
//
// Guarantee: a line stays one line, whatever a peer put into a string (quotes, escapes). Keys and byte
// strings cannot be logged at all: Field takes text, numbers and truth values, and no identifier of a person
// belongs into those. Until start_log() nothing is written, so tests and simulations are silent. Concurrency:
// any thread; lines do not interleave.

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"

namespace tocsin::node {

enum class LogLevel : std::uint8_t { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3, kOff = 4 };
enum class LogFormat : std::uint8_t { kText = 0, kJson = 1 };

// "debug", "info", "warning", "error", "off"; kInvalidArgument otherwise.
Result<LogLevel> parse_log_level(std::string_view text);
// "text", "json".
Result<LogFormat> parse_log_format(std::string_view text);

// key=value of an event. Keys are snake_case literals of ours.
class Field {
 public:
  Field(std::string_view key, std::string_view text) : key_(key), value_(text), is_text_(true) {}
  Field(std::string_view key, const char* text) : Field(key, std::string_view(text)) {}
  Field(std::string_view key, const std::string& text) : Field(key, std::string_view(text)) {}
  Field(std::string_view key, bool value) : key_(key), value_(value ? "true" : "false") {}
  template <std::integral Int>
  Field(std::string_view key, Int value) : key_(key), value_(std::to_string(value)) {}
  Field(std::string_view key, double value) : key_(key), value_(std::to_string(value)) {}
  Field(std::string_view key, ByteView bytes) = delete;
  template <std::size_t N>
  Field(std::string_view key, const Secret<N>& secret) = delete;
  Field(std::string_view key, const SecretBytes& secret) = delete;

  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }
  bool is_text() const { return is_text_; }

 private:
  std::string_view key_;
  std::string value_;
  bool is_text_ = false;
};

// From here on, events of `level` and above go to stderr. May be called again (SIGHUP).
void start_log(LogLevel level, LogFormat format);
bool log_enabled(LogLevel level);

// `event` is dotted lower case: "ledger.opened".
void log_event(LogLevel level, std::string_view event, std::initializer_list<Field> fields = {});
// The event with an Error's code, message and rule appended.
void log_failure(LogLevel level, std::string_view event, const Error& error,
                 std::initializer_list<Field> fields = {});

// The line's part after time and level, as log_event writes it.
std::string format_event(LogFormat format, std::string_view event, std::initializer_list<Field> fields);

}  // namespace tocsin::node
