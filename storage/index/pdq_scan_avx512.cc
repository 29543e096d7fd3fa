// Compiled with -mavx512f -mavx512vpopcntdq: two hashes a register, four in flight.
#include "storage/index/pdq_scan.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace tocsin::storage {
namespace {

// Distances of the two hashes in a register: the sums of lanes 0-3 and of lanes 4-7.
inline void sums_of_two(__m512i bits, std::uint32_t& low, std::uint32_t& high) {
  const __m512i pairs = _mm512_add_epi64(bits, _mm512_shuffle_epi32(bits, _MM_PERM_BADC));
  const __m512i quads = _mm512_add_epi64(pairs, _mm512_permutex_epi64(pairs, _MM_PERM_BADC));
  low = static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm512_castsi512_si128(quads)));
  high = static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm512_extracti32x4_epi32(quads, 2)));
}

}  // namespace

std::size_t pdq_scan_avx512(const std::uint64_t* hashes, std::size_t count, const std::uint64_t* query,
                            unsigned radius, ScanHit* hits) {
  const __m512i wanted = _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(query)));
  std::size_t found = 0;
  std::size_t i = 0;
  for (; i + 2 <= count; i += 2) {
    const __m512i bits = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(hashes + 4 * i), wanted));
    std::uint32_t low, high;
    sums_of_two(bits, low, high);
    hits[found] = {static_cast<std::uint32_t>(i), low};
    found += low <= radius ? 1 : 0;
    hits[found] = {static_cast<std::uint32_t>(i + 1), high};
    found += high <= radius ? 1 : 0;
  }
  if (i < count) {
    ScanHit last;
    if (pdq_scan_portable(hashes + 4 * i, 1, query, radius, &last) == 1)
      hits[found++] = {static_cast<std::uint32_t>(i), last.distance};
  }
  return found;
}

}  // namespace tocsin::storage
#endif
