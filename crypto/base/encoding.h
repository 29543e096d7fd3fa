#pragma once
// Text forms of bytes and big-endian integers. Every decoder is strict: one legal encoding per value.
//
// hex: lower case out; both cases in. base64: RFC 4648 §4 with padding, non-canonical trailing bits refused
// (C2SP signed-note needs that). base32: RFC 4648 §6 alphabet in lower case without padding, for ids people
// type. Errors: kInvalidArgument, rule "format/hex", "format/base64", "format/base32". Concurrency: pure
// functions.

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/base/bytes.h"

namespace tocsin {

std::string hex_encode(ByteView bytes);
Result<Bytes> hex_decode(std::string_view text);

std::string base64_encode(ByteView bytes);
Result<Bytes> base64_decode(std::string_view text);

std::string base32_encode(ByteView bytes);
Result<Bytes> base32_decode(std::string_view text);

template <typename Int>
void put_be(std::uint8_t* out, Int value) {
  for (std::size_t i = 0; i < sizeof(Int); ++i)
    out[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * (sizeof(Int) - 1 - i)));
}
template <typename Int>
Int get_be(const std::uint8_t* in) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i) value = value << 8 | in[i];
  return static_cast<Int>(value);
}
template <typename Int>
void append_be(Bytes& out, Int value) {
  std::uint8_t buffer[sizeof(Int)];
  put_be(buffer, value);
  out.insert(out.end(), buffer, buffer + sizeof(Int));
}

}  // namespace tocsin
