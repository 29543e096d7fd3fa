#pragma once
// Times as people write them: RFC 3339 in UTC everywhere, durations as "90s", "48h", "30d", "1y".
//
// Units: milliseconds since 1970 UTC. Errors: kInvalidArgument, rule "usage". Concurrency: pure functions.

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/base/result.h"

namespace tocsin::cli {

inline constexpr std::uint64_t kDayMs = 86'400'000;

// "2026-11-25T12:00:00Z"; 0 prints "-".
std::string print_time(std::uint64_t ms);
// "8s ago", "12d ago"; for tables only.
std::string print_age(std::uint64_t ms, std::uint64_t now_ms);
// "12d", "3h", "45s".
std::string print_duration(std::uint64_t seconds);

// "2026-11-25" or "2026-11-25T12:00:00Z".
Result<std::uint64_t> parse_time(std::string_view text);
// A number and one of s, m, h, d, y (365 days); at most 100 years.
Result<std::uint64_t> parse_duration_ms(std::string_view text);
// Either of them: a duration counts from now.
Result<std::uint64_t> parse_moment(std::string_view text, std::uint64_t now_ms);

}  // namespace tocsin::cli
