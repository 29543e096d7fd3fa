// SHA-256 on the SHA extensions of x86-64, for one message or four interleaved: the instructions have a long
// latency, so independent messages fill the gaps.
#if defined(__x86_64__)

#include <utility>

#include <cpuid.h>
#include <immintrin.h>

#include "crypto/base/encoding.h"
#include "crypto/sha256_kernel.h"

namespace tocsin::crypto {
namespace {

template <std::size_t kLanes>
struct Registers {
  __m128i abef[kLanes], cdgh[kLanes], w[4][kLanes];
};

// Rounds 4·kGroup to 4·kGroup+3 of every lane, with the message words they need.
template <std::size_t kGroup, std::size_t kLanes>
[[gnu::always_inline]] inline void four_rounds(Registers<kLanes>& r) {
  const __m128i k = _mm_load_si128(reinterpret_cast<const __m128i*>(kSha256Rounds.data() + 4 * kGroup));
  constexpr std::size_t i0 = kGroup % 4, i1 = (kGroup + 1) % 4, i2 = (kGroup + 2) % 4, i3 = (kGroup + 3) % 4;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    if constexpr (kGroup >= 4) {
      const __m128i w3 = r.w[i3][lane];
      const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(r.w[i0][lane], r.w[i1][lane]),
                                        _mm_alignr_epi8(w3, r.w[i2][lane], 4));
      r.w[i0][lane] = _mm_sha256msg2_epu32(sum, w3);
    }
    const __m128i wk = _mm_add_epi32(r.w[i0][lane], k);
    r.cdgh[lane] = _mm_sha256rnds2_epu32(r.cdgh[lane], r.abef[lane], wk);
    r.abef[lane] = _mm_sha256rnds2_epu32(r.abef[lane], r.cdgh[lane], _mm_shuffle_epi32(wk, 0x0e));
  }
}

template <std::size_t kLanes>
[[gnu::always_inline]] inline void one_block(Registers<kLanes>& r, const std::uint8_t* block,
                                             std::size_t stride) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i abef[kLanes], cdgh[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    abef[lane] = r.abef[lane];
    cdgh[lane] = r.cdgh[lane];
    const auto* words = reinterpret_cast<const __m128i*>(block + lane * stride);
    for (std::size_t i = 0; i < 4; ++i) r.w[i][lane] = _mm_shuffle_epi8(_mm_loadu_si128(words + i), swap);
  }
  [&r]<std::size_t... kGroup>(std::index_sequence<kGroup...>) {
    (four_rounds<kGroup, kLanes>(r), ...);
  }
  (std::make_index_sequence<16>{});
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    r.abef[lane] = _mm_add_epi32(r.abef[lane], abef[lane]);
    r.cdgh[lane] = _mm_add_epi32(r.cdgh[lane], cdgh[lane]);
  }
}

// The instructions want the eight words as (a,b,e,f) and (c,d,g,h).
[[gnu::always_inline]] inline void load_state(const Sha256State& state, __m128i& abef, __m128i& cdgh) {
  const auto* words = reinterpret_cast<const __m128i*>(state.data());
  const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1b);
  abef = _mm_alignr_epi8(cdab, efgh, 8);
  cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

[[gnu::always_inline]] inline void store_state(__m128i abef, __m128i cdgh, __m128i& abcd, __m128i& efgh) {
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  abcd = _mm_blend_epi16(feba, dchg, 0xf0);
  efgh = _mm_alignr_epi8(dchg, feba, 8);
}

}  // namespace

bool sha256_shani_usable() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_SSSE3) == 0 || (c & bit_SSE4_1) == 0) return false;
  constexpr unsigned kShaBit = 1U << 29;  // leaf 7, ebx
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & kShaBit) != 0;
}

void sha256_shani_compress(Sha256State& state, const std::uint8_t* blocks, std::size_t count) {
  Registers<1> r;
  load_state(state, r.abef[0], r.cdgh[0]);
  for (; count > 0; --count, blocks += kSha256Block) one_block(r, blocks, 0);
  __m128i abcd, efgh;
  store_state(r.abef[0], r.cdgh[0], abcd, efgh);
  auto* words = reinterpret_cast<__m128i*>(state.data());
  _mm_storeu_si128(words, abcd);
  _mm_storeu_si128(words + 1, efgh);
}

void sha256_shani_lanes(const std::uint8_t* padded, std::size_t blocks, Hash* out) {
  Registers<kSha256ShaniLanes> r;
  for (std::size_t lane = 0; lane < kSha256ShaniLanes; ++lane)
    load_state(kSha256Initial, r.abef[lane], r.cdgh[lane]);
  for (std::size_t block = 0; block < blocks; ++block)
    one_block(r, padded + block * kSha256Block, blocks * kSha256Block);
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  for (std::size_t lane = 0; lane < kSha256ShaniLanes; ++lane) {
    __m128i abcd, efgh;
    store_state(r.abef[lane], r.cdgh[lane], abcd, efgh);
    auto* words = reinterpret_cast<__m128i*>(out[lane].data());
    _mm_storeu_si128(words, _mm_shuffle_epi8(abcd, swap));
    _mm_storeu_si128(words + 1, _mm_shuffle_epi8(efgh, swap));
  }
}

}  // namespace tocsin::crypto

#endif
