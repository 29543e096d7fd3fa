#pragma once
// Small rules on untrusted text that several normalisers share. ASCII only; bytes above 0x7f pass through.
//
// Every function is linear in its input and total. Concurrency: pure functions.

#include <string>
#include <string_view>

namespace tocsin::protocol {

// Without leading and trailing bytes <= 0x20.
std::string_view trim(std::string_view text);

std::string lower_ascii(std::string_view text);

// The value of a hex digit of either case, or -1.
int hex_digit(char c);

// For messages: in double quotes, at most 48 bytes of it, unprintable bytes as \xNN.
std::string quoted(std::string_view text);

// What becomes of several dots in a row, which some writers guard one by one.
enum class DotRuns { kKeep, kMerge };

// Dots written so that nobody clicks them, "[.]", "(.)", "{.}", "[dot]", "(dot)", "{dot}", become dots again
// until none is left. With kMerge runs of dots become one and leading dots go, at the same time: doing it
// again changes nothing.
std::string refang_dots(std::string_view text, DotRuns runs = DotRuns::kKeep);

}  // namespace tocsin::protocol
