#pragma once
// The SHA-256 kernels: one table of compression functions, best first, and the choice among them.
//
// Guarantee: every kernel gives identical digests (tests/crypto/sha256_kernel_test.cc runs each one that this
// processor has against libsodium). A new kernel is one file and one row of the table. The last row always
// works. Concurrency: pure functions; the choice is made once, at first use, and use_sha256_kernel() is for
// one thread before others hash. Source: FIPS 180-4 §6.2.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "crypto/base/bytes.h"

namespace tocsin::crypto {

using Sha256State = std::array<std::uint32_t, 8>;
inline constexpr std::size_t kSha256Block = 64;
inline constexpr std::uint32_t kSha256NodeBits = 8 * (1 + 2 * sizeof(Hash));  // a Merkle node's message
// The most lanes any kernel may have; sizes buffers on the stack.
inline constexpr std::size_t kSha256LanesMax = 16;

extern const Sha256State kSha256Initial;
extern const std::array<std::uint32_t, 64> kSha256Rounds;

struct Sha256Kernel {
  const char* name;
  // Whether this processor can run it.
  bool (*usable)();
  // Folds `count` blocks of 64 bytes into one state; null when the kernel only knows many side by side.
  void (*compress)(Sha256State& state, const std::uint8_t* blocks, std::size_t count);
  // Folds `count` blocks, standing one after another from blocks[i] on, into states[i], for each of `lanes`
  // messages; into the initial state when `fresh`, and then states are not read.
  std::size_t lanes;
  // From this many messages on it is worth it, though the other lanes stay empty.
  std::size_t lanes_least;
  void (*fold)(Sha256State* states, const std::uint8_t* const* blocks, std::size_t count, bool fresh);
  // `lanes` Merkle nodes: parents[i] = SHA256(0x01 ‖ children[2i] ‖ children[2i+1]); the two may begin at the
  // same place.
  void (*nodes)(const Hash* children, Hash* parents);
};

// Every kernel built in, best first.
std::span<const Sha256Kernel> sha256_kernels();
// The one that messages side by side are hashed with: the first usable one. What is left over when they do
// not fill its lanes goes to the usable ones behind it.
const Sha256Kernel& sha256_kernel();
// For one message: the first usable one, from sha256_kernel() on, that can.
const Sha256Kernel& sha256_stream_kernel();

// For tests and benches: from here on everything is hashed with the named kernel and those behind it; with
// the best again when the name is empty. False when this processor does not have it.
bool use_sha256_kernel(std::string_view name);

// Messages of one length that begin `apart` bytes from each other.
struct EvenMessages {
  ByteView bytes;
  std::size_t length = 0;
  std::size_t apart = 0;
};
// sha256_many(), merkle_nodes() and sha256_each() on a given kernel (hash.h has the contracts). Precondition:
// it is usable.
void sha256_many_on(const Sha256Kernel& kernel, ByteView prefix, const EvenMessages& messages,
                    std::span<Hash> out);
void sha256_nodes_on(const Sha256Kernel& kernel, std::span<const Hash> children, std::span<Hash> parents);
void sha256_each_on(const Sha256Kernel& kernel, std::span<const ByteView> messages, std::span<Hash> out);

// One Merkle node.
Hash sha256_node(const Hash& left, const Hash& right);

#if defined(__x86_64__)
bool sha256_avx512_usable();
inline constexpr std::size_t kSha256Avx512Lanes = 16;
void sha256_avx512_fold(Sha256State* states, const std::uint8_t* const* blocks, std::size_t count,
                        bool fresh);
void sha256_avx512_nodes(const Hash* children, Hash* parents);
bool sha256_avx2_usable();
inline constexpr std::size_t kSha256Avx2Lanes = 8;
void sha256_avx2_fold(Sha256State* states, const std::uint8_t* const* blocks, std::size_t count, bool fresh);
void sha256_avx2_nodes(const Hash* children, Hash* parents);
bool sha256_shani_usable();
void sha256_shani_compress(Sha256State& state, const std::uint8_t* blocks, std::size_t count);
inline constexpr std::size_t kSha256ShaniLanes = 4;
void sha256_shani_fold(Sha256State* states, const std::uint8_t* const* blocks, std::size_t count, bool fresh);
void sha256_shani_nodes(const Hash* children, Hash* parents);
#endif

}  // namespace tocsin::crypto
