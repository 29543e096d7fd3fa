#pragma once
// HMAC-SHA256 and HKDF-SHA256.
//
// Guarantee: keys of any length; constant time in the key's contents (libsodium).
// Concurrency: pure functions. Sources: RFC 2104, RFC 5869.

#include <initializer_list>
#include <span>

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"

namespace tocsin::crypto {

// Longest output of hkdf_expand: 255 blocks of 32 bytes (RFC 5869 §2.3).
inline constexpr std::size_t kHkdfOutputMax = std::size_t{255} * 32;

Hash hmac_sha256(ByteView key, ByteView message);

// A pseudorandom key from input keying material; the material is the parts in order.
Secret<32> hkdf_extract(ByteView salt, std::initializer_list<ByteView> material);
// Fills `out` (at most kHkdfOutputMax bytes) from a pseudorandom key; the info is the parts in order.
void hkdf_expand(const Secret<32>& prk, std::initializer_list<ByteView> info, std::span<std::uint8_t> out);

}  // namespace tocsin::crypto
