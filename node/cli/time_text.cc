#include "node/cli/time_text.h"

#include <charconv>
#include <chrono>
#include <cstdio>

#include "node/cli/exit_code.h"

namespace tocsin::cli {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::uint64_t kYearsMax = 100;

bool digits(std::string_view text, std::size_t at, std::size_t count, unsigned& out) {
  if (at + count > text.size()) return false;
  const char* end = text.data() + at + count;
  const auto parsed = std::from_chars(text.data() + at, end, out);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

bool clock_part(std::string_view text, std::uint64_t& seconds) {
  unsigned hours = 0;
  unsigned minutes = 0;
  unsigned rest = 0;
  if (text.size() != 10 || text[0] != 'T' || text[3] != ':' || text[6] != ':' || text[9] != 'Z') return false;
  if (!digits(text, 1, 2, hours) || !digits(text, 4, 2, minutes) || !digits(text, 7, 2, rest)) return false;
  seconds = std::uint64_t{hours} * 3600 + minutes * 60 + rest;
  return hours < 24 && minutes < 60 && rest < 60;
}

}  // namespace

std::string print_time(std::uint64_t ms) {
  if (ms == 0 || ms > 253'402'300'799'000) return "-";  // beyond the year 9999
  const std::uint64_t seconds = ms / 1000;
  const year_month_day date{sys_days{std::chrono::days{static_cast<int>(seconds / 86400)}}};
  char out[32];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02u:%02u:%02uZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<unsigned>(seconds / 3600 % 24), static_cast<unsigned>(seconds / 60 % 60),
                static_cast<unsigned>(seconds % 60));
  return out;
}

std::string print_duration(std::uint64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172'800) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

std::string print_age(std::uint64_t ms, std::uint64_t now_ms) {
  if (ms == 0) return "never";
  if (ms > now_ms) return "in " + print_duration((ms - now_ms) / 1000);
  return print_duration((now_ms - ms) / 1000) + " ago";
}

Result<std::uint64_t> parse_time(std::string_view text) {
  unsigned y = 0;
  unsigned m = 0;
  unsigned d = 0;
  std::uint64_t seconds = 0;
  const bool shape = text.size() >= 10 && text[4] == '-' && text[7] == '-' && digits(text, 0, 4, y) &&
                     digits(text, 5, 2, m) && digits(text, 8, 2, d) &&
                     (text.size() == 10 || clock_part(text.substr(10), seconds));
  const year_month_day date{year{static_cast<int>(y)}, month{m}, day{d}};
  if (!shape || !date.ok() || y < 1970) {
    return tocsin::fail(
        usage_error("\"" + std::string(text) + "\" is no time", "write 2026-11-25 or 2026-11-25T12:00:00Z"));
  }
  const auto days = static_cast<std::uint64_t>(sys_days{date}.time_since_epoch().count());
  return (days * 86400 + seconds) * 1000;
}

Result<std::uint64_t> parse_duration_ms(std::string_view text) {
  static constexpr std::string_view kUnits = "smhdy";
  static constexpr std::uint64_t kUnitMs[] = {1000, 60'000, 3'600'000, kDayMs, 365 * kDayMs};
  std::uint64_t count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool shape = parsed.ec == std::errc() && parsed.ptr + 1 == text.data() + text.size();
  const std::size_t unit = shape ? kUnits.find(*parsed.ptr) : std::string_view::npos;
  if (unit == std::string_view::npos || count == 0 || count > kYearsMax * 365 * kDayMs / kUnitMs[unit]) {
    return tocsin::fail(
        usage_error("\"" + std::string(text) + "\" is no duration", "write 90s, 48h, 30d or 1y"));
  }
  return count * kUnitMs[unit];
}

Result<std::uint64_t> parse_moment(std::string_view text, std::uint64_t now_ms) {
  if (text.size() >= 10 && text[4] == '-') return parse_time(text);
  TRY_ASSIGN(const std::uint64_t duration, parse_duration_ms(text));
  return now_ms + duration;
}

}  // namespace tocsin::cli
