#include "crypto/base/encoding.h"

#include <array>

namespace tocsin {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase32Digits = "abcdefghijklmnopqrstuvwxyz234567";

constexpr std::array<std::int8_t, 256> reverse(std::string_view digits, bool fold_case) {
  std::array<std::int8_t, 256> table{};
  for (auto& entry : table) entry = -1;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    table[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
    if (fold_case && digits[i] >= 'a' && digits[i] <= 'z')
      table[static_cast<unsigned char>(digits[i] - 'a' + 'A')] = static_cast<std::int8_t>(i);
  }
  return table;
}

constexpr auto kHexValues = reverse(kHexDigits, true);
constexpr auto kBase64Values = reverse(kBase64Digits, false);
constexpr auto kBase32Values = reverse(kBase32Digits, true);

int value_of(const std::array<std::int8_t, 256>& table, char c) {
  return table[static_cast<unsigned char>(c)];
}

// Groups of `bits` bits to bytes; the left-over bits must be zero.
Result<Bytes> unpack(std::string_view text, const std::array<std::int8_t, 256>& table, unsigned bits,
                     const char* rule) {
  Bytes out;
  out.reserve(text.size() * bits / 8);
  std::uint32_t held = 0;
  unsigned count = 0;
  for (char c : text) {
    const int value = value_of(table, c);
    if (value < 0) return fail(Code::kInvalidArgument, "a character is not of the alphabet", rule);
    held = held << bits | static_cast<std::uint32_t>(value);
    count += bits;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<std::uint8_t>(held >> count));
      held &= (1U << count) - 1;
    }
  }
  if (count >= bits || held != 0) return fail(Code::kInvalidArgument, "not the canonical encoding", rule);
  return out;
}

std::string pack(ByteView bytes, std::string_view digits, unsigned bits) {
  std::string out;
  out.reserve(bytes.size() * 8 / bits + 2);
  std::uint32_t held = 0;
  unsigned count = 0;
  for (std::uint8_t byte : bytes) {
    held = held << 8 | byte;
    count += 8;
    while (count >= bits) {
      count -= bits;
      out.push_back(digits[held >> count & ((1U << bits) - 1)]);
    }
    held &= (1U << count) - 1;
  }
  if (count > 0) out.push_back(digits[held << (bits - count) & ((1U << bits) - 1)]);
  return out;
}

}  // namespace

std::string hex_encode(ByteView bytes) {
  return pack(bytes, kHexDigits, 4);
}

Result<Bytes> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return fail(Code::kInvalidArgument, "an odd number of hex digits", "format/hex");
  return unpack(text, kHexValues, 4, "format/hex");
}

std::string base64_encode(ByteView bytes) {
  std::string out = pack(bytes, kBase64Digits, 6);
  while (out.size() % 4 != 0) out.push_back('=');
  return out;
}

Result<Bytes> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return fail(Code::kInvalidArgument, "base64 needs padding", "format/base64");
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  return unpack(text.substr(0, text.size() - padding), kBase64Values, 6, "format/base64");
}

std::string base32_encode(ByteView bytes) {
  return pack(bytes, kBase32Digits, 5);
}

Result<Bytes> base32_decode(std::string_view text) {
  return unpack(text, kBase32Values, 5, "format/base32");
}

}  // namespace tocsin
