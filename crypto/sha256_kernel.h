#pragma once
// The SHA-256 kernels: one table of compression functions, best first, and the choice among them.
//
// Guarantee: every kernel gives identical digests (tests/crypto/sha256_kernel_test.cc runs each one that this
// processor has against libsodium). A new kernel is one file and one row of the table. The last row always
// works. Concurrency: pure functions; the choice is made once, at first use. Source: FIPS 180-4 §6.2.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/base/bytes.h"

namespace tocsin::crypto {

using Sha256State = std::array<std::uint32_t, 8>;
inline constexpr std::size_t kSha256Block = 64;
// The most lanes any kernel may have; sizes the caller's stack buffer.
inline constexpr std::size_t kSha256LanesMax = 16;

extern const Sha256State kSha256Initial;
extern const std::array<std::uint32_t, 64> kSha256Rounds;

struct Sha256Kernel {
  const char* name;
  // Whether this processor can run it.
  bool (*usable)();
  // Folds `count` blocks of 64 bytes into the state.
  void (*compress)(Sha256State& state, const std::uint8_t* blocks, std::size_t count);
  // Hashes `lanes` padded messages of `blocks` blocks each, standing one after another, into out[0, lanes).
  std::size_t lanes;
  void (*hash_lanes)(const std::uint8_t* padded, std::size_t blocks, Hash* out);
};

// Every kernel built in, best first.
std::span<const Sha256Kernel> sha256_kernels();
// The first usable one.
const Sha256Kernel& sha256_kernel();

// sha256_many() on a given kernel (hash.h has the contract).
void sha256_many_on(const Sha256Kernel& kernel, ByteView prefix, ByteView messages, std::size_t length,
                    std::span<Hash> out);

#if defined(__x86_64__)
bool sha256_shani_usable();
void sha256_shani_compress(Sha256State& state, const std::uint8_t* blocks, std::size_t count);
inline constexpr std::size_t kSha256ShaniLanes = 4;
void sha256_shani_lanes(const std::uint8_t* padded, std::size_t blocks, Hash* out);
#endif

}  // namespace tocsin::crypto
