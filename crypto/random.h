#pragma once
// Real randomness, and the check that the installed libsodium can be trusted with strangers' keys.
//
// Guarantee: bytes come from the operating system through libsodium. init() must succeed before a program
// uses keys: it refuses to go on (kFailedPrecondition, rule "crypto/libsodium") with a libsodium that accepts
// Ed25519 points outside the prime-order group (CVE-2025-69277) or verifies under small-order keys. Code that
// runs in a simulation takes its randomness from node's Runtime, which wraps these functions. Concurrency:
// any thread; init() is idempotent.

#include <span>

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"

namespace tocsin::crypto {

// Starts libsodium and examines it; call at the start of main.
Status init();

void random_fill(std::span<std::uint8_t> out);

template <std::size_t N>
FixedBytes<N> random_bytes() {
  FixedBytes<N> out;
  random_fill(out);
  return out;
}

template <std::size_t N>
Secret<N> random_secret() {
  Secret<N> out;
  random_fill(out.expose_mutable());
  return out;
}

}  // namespace tocsin::crypto
