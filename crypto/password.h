#pragma once
// A key from a passphrase: Argon2id, version 1.3, one lane.
//
// Guarantee: the cost is explicit and bounded, so that parameters read from a file cannot exhaust the
// machine. Errors: kInvalidArgument "password/parameters" (outside the bounds below); kResourceExhausted
// "password/memory". Concurrency: pure; one call holds memory_kib of memory and takes about a second at
// kArgon2Moderate. Source: RFC 9106; libsodium crypto_pwhash, OPSLIMIT_MODERATE and MEMLIMIT_MODERATE.

#include <cstdint>

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"

namespace tocsin::crypto {

struct Argon2Cost {
  std::uint32_t passes;
  std::uint32_t memory_kib;
};

// What every keystore is sealed with.
inline constexpr Argon2Cost kArgon2Moderate{3, 256 * 1024};
// The least that Argon2 can do; for tests and simulations, never for a key that matters.
inline constexpr Argon2Cost kArgon2Least{1, 8};
// Bounds on what a file may ask of us.
inline constexpr std::uint32_t kArgon2PassesMax = 16;
inline constexpr std::uint32_t kArgon2MemoryKibMax = 1024 * 1024;

using PasswordSalt = FixedBytes<16>;

Result<Secret<32>> derive_key(ByteView passphrase, const PasswordSalt& salt, const Argon2Cost& cost);

}  // namespace tocsin::crypto
