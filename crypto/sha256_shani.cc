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

// All rounds over the words in r.w.
template <std::size_t kLanes>
[[gnu::always_inline]] inline void all_rounds(Registers<kLanes>& r) {
  __m128i abef[kLanes], cdgh[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    abef[lane] = r.abef[lane];
    cdgh[lane] = r.cdgh[lane];
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

[[gnu::always_inline]] inline __m128i swapped(__m128i words) {
  return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

template <std::size_t kLanes>
[[gnu::always_inline]] inline void one_block(Registers<kLanes>& r, const std::uint8_t* const* blocks,
                                             std::size_t at) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const auto* words = reinterpret_cast<const __m128i*>(blocks[lane] + at);
    for (std::size_t i = 0; i < 4; ++i) r.w[i][lane] = swapped(_mm_loadu_si128(words + i));
  }
  all_rounds(r);
}

// The instructions want the eight words as (a,b,e,f) and (c,d,g,h).
[[gnu::always_inline]] inline void load_state(const Sha256State& state, __m128i& abef, __m128i& cdgh) {
  const auto* words = reinterpret_cast<const __m128i*>(state.data());
  const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1b);
  abef = _mm_alignr_epi8(cdab, efgh, 8);
  cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

[[gnu::always_inline]] inline void store_state(__m128i abef, __m128i cdgh, Sha256State& state) {
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  auto* words = reinterpret_cast<__m128i*>(state.data());
  _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
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
  for (std::size_t block = 0; block < count; ++block) one_block(r, &blocks, block * kSha256Block);
  store_state(r.abef[0], r.cdgh[0], state);
}

void sha256_shani_fold(Sha256State* states, const std::uint8_t* const* blocks, std::size_t count,
                       bool fresh) {
  Registers<kSha256ShaniLanes> r;
  for (std::size_t lane = 0; lane < kSha256ShaniLanes; ++lane)
    load_state(fresh ? kSha256Initial : states[lane], r.abef[lane], r.cdgh[lane]);
  for (std::size_t block = 0; block < count; ++block) one_block(r, blocks, block * kSha256Block);
  for (std::size_t lane = 0; lane < kSha256ShaniLanes; ++lane)
    store_state(r.abef[lane], r.cdgh[lane], states[lane]);
}

// The 0x01 in front moves every byte by one; the second block is the last byte and padding.
void sha256_shani_nodes(const Hash* children, Hash* parents) {
  Registers<kSha256ShaniLanes> r;
  __m128i last[kSha256ShaniLanes];
  for (std::size_t lane = 0; lane < kSha256ShaniLanes; ++lane) {
    load_state(kSha256Initial, r.abef[lane], r.cdgh[lane]);
    const std::uint8_t* bytes = children[2 * lane].data();
    const auto chunk = [bytes](std::size_t at) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + at));
    };
    r.w[0][lane] = swapped(_mm_or_si128(_mm_slli_si128(chunk(0), 1), _mm_cvtsi32_si128(0x01)));
    for (std::size_t i = 1; i < 4; ++i) r.w[i][lane] = swapped(chunk(16 * i - 1));
    last[lane] = _mm_cvtsi32_si128(static_cast<int>(std::uint32_t{bytes[63]} << 24 | 0x00800000U));
  }
  all_rounds(r);
  for (std::size_t lane = 0; lane < kSha256ShaniLanes; ++lane) {
    r.w[0][lane] = last[lane];
    r.w[1][lane] = r.w[2][lane] = _mm_setzero_si128();
    r.w[3][lane] = _mm_set_epi32(static_cast<int>(kSha256NodeBits), 0, 0, 0);
  }
  all_rounds(r);
  for (std::size_t lane = 0; lane < kSha256ShaniLanes; ++lane) {
    Sha256State state;
    store_state(r.abef[lane], r.cdgh[lane], state);
    const auto* words = reinterpret_cast<const __m128i*>(state.data());
    auto* out = reinterpret_cast<__m128i*>(parents[lane].data());
    _mm_storeu_si128(out, swapped(_mm_loadu_si128(words)));
    _mm_storeu_si128(out + 1, swapped(_mm_loadu_si128(words + 1)));
  }
}

}  // namespace tocsin::crypto

#endif
