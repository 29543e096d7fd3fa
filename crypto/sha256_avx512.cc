// SHA-256 of sixteen messages side by side, one 32-bit lane of a 512-bit register each. Alone in its file,
// and each function compiled for these instructions by itself: nothing here is reached on a processor
// without.
#if defined(__x86_64__)

#include <utility>

#include <immintrin.h>

#include "crypto/sha256_kernel.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12's own header passes a register it has not set where every lane is written anyway.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define TOCSIN_AVX512 __attribute__((target("avx512f,avx512bw")))
#define TOCSIN_AVX512_INLINE __attribute__((target("avx512f,avx512bw"), always_inline)) inline

namespace tocsin::crypto {
namespace {

constexpr std::size_t kLanes = kSha256Avx512Lanes;

struct Lanes16 {
  __m512i v[8];   // a…h
  __m512i w[16];  // the message words at hand
};

constexpr int kXor3 = 0x96;    // x ^ y ^ z
constexpr int kChoose = 0xCA;  // x ? y : z
constexpr int kMajority = 0xE8;

TOCSIN_AVX512_INLINE __m512i add(__m512i a, __m512i b) {
  return _mm512_add_epi32(a, b);
}
TOCSIN_AVX512_INLINE __m512i big_sigma0(__m512i x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, 2), _mm512_ror_epi32(x, 13), _mm512_ror_epi32(x, 22),
                                   kXor3);
}
TOCSIN_AVX512_INLINE __m512i big_sigma1(__m512i x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, 6), _mm512_ror_epi32(x, 11), _mm512_ror_epi32(x, 25),
                                   kXor3);
}
TOCSIN_AVX512_INLINE __m512i small_sigma0(__m512i x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, 7), _mm512_ror_epi32(x, 18), _mm512_srli_epi32(x, 3),
                                   kXor3);
}
TOCSIN_AVX512_INLINE __m512i small_sigma1(__m512i x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, 17), _mm512_ror_epi32(x, 19), _mm512_srli_epi32(x, 10),
                                   kXor3);
}

// Round k + t, the names rotating instead of the values (sha256_kernel.cc has the same for other words).
template <std::size_t t, bool kExtend>
TOCSIN_AVX512_INLINE void one_round(Lanes16& r, const std::uint32_t* k) {
  if constexpr (kExtend)
    r.w[t] = add(add(r.w[t], small_sigma0(r.w[(t + 1) % 16])),
                 add(r.w[(t + 9) % 16], small_sigma1(r.w[(t + 14) % 16])));
  const __m512i a = r.v[(16 - t) % 8], b = r.v[(17 - t) % 8], c = r.v[(18 - t) % 8];
  const __m512i e = r.v[(20 - t) % 8], f = r.v[(21 - t) % 8], g = r.v[(22 - t) % 8];
  __m512i& h = r.v[(23 - t) % 8];
  const __m512i wk = add(r.w[t], _mm512_set1_epi32(static_cast<int>(k[t])));
  const __m512i sum = add(add(h, wk), add(big_sigma1(e), _mm512_ternarylogic_epi32(e, f, g, kChoose)));
  r.v[(19 - t) % 8] = add(r.v[(19 - t) % 8], sum);
  h = add(sum, add(big_sigma0(a), _mm512_ternarylogic_epi32(a, b, c, kMajority)));
}

template <bool kExtend, std::size_t... t>
TOCSIN_AVX512_INLINE void sixteen_rounds(Lanes16& r, const std::uint32_t* k, std::index_sequence<t...>) {
  (one_round<t, kExtend>(r, k), ...);
}

// w[i] = word i of every lane's block: a 16 by 16 transposition of big-endian words.
TOCSIN_AVX512_INLINE void load_words(__m512i (&w)[16], const std::uint8_t* const* blocks, std::size_t at) {
  const __m512i swap = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
  __m512i t[16], u[16];
  for (std::size_t i = 0; i < 8; ++i) {
    const __m512i even = _mm512_shuffle_epi8(_mm512_loadu_si512(blocks[2 * i] + at), swap);
    const __m512i odd = _mm512_shuffle_epi8(_mm512_loadu_si512(blocks[2 * i + 1] + at), swap);
    t[2 * i] = _mm512_unpacklo_epi32(even, odd);
    t[2 * i + 1] = _mm512_unpackhi_epi32(even, odd);
  }
  for (std::size_t i = 0; i < 16; i += 4) {
    u[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    u[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    u[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    u[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (std::size_t j = 0; j < 4; ++j) {
    const __m512i low0 = _mm512_shuffle_i32x4(u[j], u[4 + j], 0x44);
    const __m512i low1 = _mm512_shuffle_i32x4(u[8 + j], u[12 + j], 0x44);
    const __m512i high0 = _mm512_shuffle_i32x4(u[j], u[4 + j], 0xEE);
    const __m512i high1 = _mm512_shuffle_i32x4(u[8 + j], u[12 + j], 0xEE);
    w[j] = _mm512_shuffle_i32x4(low0, low1, 0x88);
    w[4 + j] = _mm512_shuffle_i32x4(low0, low1, 0xDD);
    w[8 + j] = _mm512_shuffle_i32x4(high0, high1, 0x88);
    w[12 + j] = _mm512_shuffle_i32x4(high0, high1, 0xDD);
  }
}

TOCSIN_AVX512_INLINE void store_words(std::uint8_t* out, __m128i words) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), words);
}

// Eight words of each lane, lane by lane, 32 bytes apart.
TOCSIN_AVX512_INLINE void store_states(const __m512i (&v)[8], std::uint8_t* out) {
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint8_t* const at = out + 16 * half;
    const __m512i t0 = _mm512_unpacklo_epi32(v[4 * half], v[4 * half + 1]);
    const __m512i t1 = _mm512_unpackhi_epi32(v[4 * half], v[4 * half + 1]);
    const __m512i t2 = _mm512_unpacklo_epi32(v[4 * half + 2], v[4 * half + 3]);
    const __m512i t3 = _mm512_unpackhi_epi32(v[4 * half + 2], v[4 * half + 3]);
    const __m512i u[4] = {_mm512_unpacklo_epi64(t0, t2), _mm512_unpackhi_epi64(t0, t2),
                          _mm512_unpacklo_epi64(t1, t3), _mm512_unpackhi_epi64(t1, t3)};
    for (std::size_t j = 0; j < 4; ++j) {
      store_words(at + j * 32, _mm512_castsi512_si128(u[j]));
      store_words(at + (4 + j) * 32, _mm512_extracti32x4_epi32(u[j], 1));
      store_words(at + (8 + j) * 32, _mm512_extracti32x4_epi32(u[j], 2));
      store_words(at + (12 + j) * 32, _mm512_extracti32x4_epi32(u[j], 3));
    }
  }
}

TOCSIN_AVX512_INLINE void load_states(__m512i (&v)[8], const Sha256State* states) {
  alignas(64) std::uint32_t words[8][kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane)
    for (std::size_t i = 0; i < 8; ++i) words[i][lane] = states[lane][i];
  for (std::size_t i = 0; i < 8; ++i) v[i] = _mm512_load_si512(words[i]);
}

// The block whose words stand in r.w.
TOCSIN_AVX512_INLINE void fold_block(__m512i (&state)[8], Lanes16& r) {
  constexpr auto kSixteen = std::make_index_sequence<16>{};
  const std::uint32_t* k = kSha256Rounds.data();
  for (std::size_t i = 0; i < 8; ++i) r.v[i] = state[i];
  sixteen_rounds<false>(r, k, kSixteen);
  for (std::size_t from = 16; from < 64; from += 16) sixteen_rounds<true>(r, k + from, kSixteen);
  for (std::size_t i = 0; i < 8; ++i) state[i] = add(state[i], r.v[i]);
}

}  // namespace

bool sha256_avx512_usable() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
}

TOCSIN_AVX512 void sha256_avx512_fold(Sha256State* states, const std::uint8_t* const* blocks,
                                      std::size_t count, bool fresh) {
  __m512i state[8];
  if (fresh)
    for (std::size_t i = 0; i < 8; ++i) state[i] = _mm512_set1_epi32(static_cast<int>(kSha256Initial[i]));
  else
    load_states(state, states);
  for (std::size_t block = 0; block < count; ++block) {
    Lanes16 r;
    load_words(r.w, blocks, block * kSha256Block);
    fold_block(state, r);
  }
  store_states(state, reinterpret_cast<std::uint8_t*>(states));
}

// The 0x01 in front moves every word by a byte; the second block is the last byte and padding.
TOCSIN_AVX512 void sha256_avx512_nodes(const Hash* children, Hash* parents) {
  const std::uint8_t* from[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) from[lane] = children[2 * lane].data();
  __m512i state[8];
  for (std::size_t i = 0; i < 8; ++i) state[i] = _mm512_set1_epi32(static_cast<int>(kSha256Initial[i]));
  Lanes16 r;
  load_words(r.w, from, 0);
  const __m512i last = _mm512_or_si512(_mm512_slli_epi32(r.w[15], 24), _mm512_set1_epi32(0x00800000));
  for (std::size_t i = 15; i > 0; --i)
    r.w[i] = _mm512_or_si512(_mm512_slli_epi32(r.w[i - 1], 24), _mm512_srli_epi32(r.w[i], 8));
  r.w[0] = _mm512_or_si512(_mm512_srli_epi32(r.w[0], 8), _mm512_set1_epi32(0x01000000));
  fold_block(state, r);
  r.w[0] = last;
  for (std::size_t i = 1; i < 15; ++i) r.w[i] = _mm512_setzero_si512();
  r.w[15] = _mm512_set1_epi32(static_cast<int>(kSha256NodeBits));
  fold_block(state, r);
  const __m512i swap = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
  for (std::size_t i = 0; i < 8; ++i) state[i] = _mm512_shuffle_epi8(state[i], swap);
  store_states(state, parents[0].data());
}

}  // namespace tocsin::crypto

#endif
