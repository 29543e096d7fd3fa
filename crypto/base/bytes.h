#pragma once
// Byte strings: owned (Bytes), borrowed (ByteView), and fixed (Hash, Key32 and other std::array).
//
// Concurrency: values; views are valid only while their owner is unchanged.
// Protobuf `bytes` fields are std::string: as_view() and to_string() cross over without a second type.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/result.h"

namespace tocsin {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
template <std::size_t N>
using FixedBytes = std::array<std::uint8_t, N>;
using Hash = FixedBytes<32>;

inline ByteView as_view(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::string to_string(ByteView bytes) {
  return std::string(as_text(bytes));
}
inline Bytes to_bytes(ByteView bytes) {
  return Bytes(bytes.begin(), bytes.end());
}
inline void append(Bytes& out, ByteView more) {
  out.insert(out.end(), more.begin(), more.end());
}
// For C functions declared to take no null pointer, not even with a length of zero.
inline const std::uint8_t* not_null(ByteView bytes) {
  static constexpr std::uint8_t kNothing = 0;
  return bytes.empty() ? &kNothing : bytes.data();
}
inline bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

// Exactly N bytes, or kInvalidArgument naming `what`.
template <std::size_t N>
Result<FixedBytes<N>> fixed(ByteView bytes, std::string_view what);

// std::unordered_map key for uniformly distributed bytes made here (never for a peer's choice of bytes).
struct HashOfHash {
  std::size_t operator()(const Hash& h) const noexcept {
    std::size_t word;
    std::memcpy(&word, h.data(), sizeof word);
    return word;
  }
};

Error wrong_length(std::string_view what, std::size_t need, std::size_t got);

template <std::size_t N>
Result<FixedBytes<N>> fixed(ByteView bytes, std::string_view what) {
  if (bytes.size() != N) return fail(wrong_length(what, N, bytes.size()));
  FixedBytes<N> out;
  std::memcpy(out.data(), bytes.data(), N);
  return out;
}

}  // namespace tocsin
