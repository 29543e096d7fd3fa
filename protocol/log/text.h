#pragma once
// The text rules that the C2SP formats share: numbers, names and lines with one legal spelling each.
//
// Guarantee: linear in the text, nothing allocated from a number read.
// Errors: kInvalidArgument, rule "log/text". Concurrency: pure functions.
// Source: C2SP signed-note and tlog-checkpoint.

#include <cstdint>
#include <optional>
#include <string_view>

#include "crypto/base/result.h"

namespace tocsin::protocol {

// ASCII decimal without sign or leading zero, below 2^64.
Result<std::uint64_t> parse_decimal(std::string_view text);
// Well-formed UTF-8: shortest forms, no surrogates, nothing past U+10FFFF.
bool is_utf8(std::string_view text);
// Valid UTF-8 without control characters below U+0020 other than newline.
bool is_note_text(std::string_view text);
// Non-empty, at most 255 bytes, UTF-8, no control character, no Unicode space and no plus.
bool is_key_name(std::string_view name);
// The text up to the next newline, which is taken off `rest` with it; nothing when `rest` holds no newline.
std::optional<std::string_view> take_line(std::string_view& rest);

}  // namespace tocsin::protocol
