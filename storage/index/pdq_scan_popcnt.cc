// Compiled with -mpopcnt: the population count is one instruction here and a table walk in the portable
// kernel.
#include "storage/index/pdq_scan.h"

#if defined(__x86_64__)
#include <nmmintrin.h>

namespace tocsin::storage {

std::size_t pdq_scan_popcnt(const std::uint64_t* hashes, std::size_t count, const std::uint64_t* query,
                            unsigned radius, ScanHit* hits) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < count; ++i, hashes += 4) {
    const auto distance = static_cast<std::uint32_t>(
        _mm_popcnt_u64(hashes[0] ^ query[0]) + _mm_popcnt_u64(hashes[1] ^ query[1]) +
        _mm_popcnt_u64(hashes[2] ^ query[2]) + _mm_popcnt_u64(hashes[3] ^ query[3]));
    // Stored always, kept only when near: no branch for the predictor to miss.
    hits[found] = {static_cast<std::uint32_t>(i), distance};
    found += distance <= radius ? 1 : 0;
  }
  return found;
}

}  // namespace tocsin::storage
#endif
