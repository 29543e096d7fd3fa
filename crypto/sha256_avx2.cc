// SHA-256 of eight messages side by side, for processors with AVX2 and neither of the better ones. Compiled
// for AVX2 by itself.
#if defined(__x86_64__)

#include "crypto/sha256_rounds.h"

namespace tocsin::crypto {
namespace {

using Lanes8 = std::uint32_t __attribute__((vector_size(32)));

}  // namespace

bool sha256_avx2_usable() {
  return __builtin_cpu_supports("avx2") != 0;
}

void sha256_avx2_fold(Sha256State* states, const std::uint8_t* const* blocks, std::size_t count, bool fresh) {
  fold_lanes<Lanes8, kSha256Avx2Lanes>(states, blocks, count, fresh);
}

void sha256_avx2_nodes(const Hash* children, Hash* parents) {
  node_lanes<Lanes8, kSha256Avx2Lanes>(children, parents);
}

}  // namespace tocsin::crypto

#endif
