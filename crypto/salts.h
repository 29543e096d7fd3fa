#pragma once
// The salts of a record's slots, all from one class key.
//
// salt_i is bytes [32·i, 32·i + 32) of the ChaCha20 (IETF) keystream under the key with a zero nonce. A class
// key is used for this and nothing else, so whoever is given it recomputes every salt, and destroying it
// destroys them all. Concurrency: pure. Source: RFC 8439 §2.4; ledger.md, "Leaf", of the design.

#include <cstdint>
#include <span>

#include "crypto/base/bytes.h"

namespace tocsin::crypto {

using Salt = FixedBytes<32>;

// out[k] = salt_{first + k}; whole runs are much cheaper than single salts.
void fill_salts(std::span<const std::uint8_t, 32> key, std::uint32_t first, std::span<Salt> out);

}  // namespace tocsin::crypto
