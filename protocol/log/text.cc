#include "protocol/log/text.h"

#include <array>
#include <charconv>

namespace tocsin::protocol {
namespace {

constexpr std::size_t kKeyNameBytesMax = 255;  // tlog-cosignature's largest cosigner name and log origin
constexpr char32_t kNotUtf8 = 0xFFFFFFFF;

// The character that starts `text`, which is shortened by it; kNotUtf8 when there is none.
char32_t take_character(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text[0]);
  std::size_t length = 0;
  char32_t value = first;
  if (first < 0x80) {
    length = 1;
  } else if ((first & 0xE0) == 0xC0) {
    length = 2;
    value = first & 0x1F;
  } else if ((first & 0xF0) == 0xE0) {
    length = 3;
    value = first & 0x0F;
  } else if ((first & 0xF8) == 0xF0) {
    length = 4;
    value = first & 0x07;
  }
  if (length == 0 || length > text.size()) return kNotUtf8;
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80) return kNotUtf8;
    value = value << 6 | (byte & 0x3F);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return kNotUtf8;
  text.remove_prefix(length);
  return value;
}

bool is_space(char32_t c) {
  return c == 0x20 || (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

template <typename Allowed>
bool all_characters(std::string_view text, Allowed allowed) {
  while (!text.empty()) {
    const char32_t c = take_character(text);
    if (c == kNotUtf8 || !allowed(c)) return false;
  }
  return true;
}

}  // namespace

Result<std::uint64_t> parse_decimal(std::string_view text) {
  constexpr const char* kRule = "log/text";
  if (text.empty() || text.size() > 20)
    return fail(Code::kInvalidArgument, "not a 64-bit decimal number", kRule);
  if (text.size() > 1 && text[0] == '0')
    return fail(Code::kInvalidArgument, "a number has a leading zero", kRule);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(Code::kInvalidArgument, "not a 64-bit decimal number", kRule);
  return value;
}

bool is_utf8(std::string_view text) {
  return all_characters(text, [](char32_t) { return true; });
}

bool is_note_text(std::string_view text) {
  return all_characters(text, [](char32_t c) { return c >= 0x20 || c == '\n'; });
}

bool is_key_name(std::string_view name) {
  if (name.empty() || name.size() > kKeyNameBytesMax) return false;
  return all_characters(name, [](char32_t c) { return c >= 0x20 && c != '+' && !is_space(c); });
}

std::optional<std::string_view> take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

}  // namespace tocsin::protocol
