#pragma once
// SHA-256's rounds over any word type, a plain integer for one message or a compiler's vector for several,
// and the two kernels made of them. Included by the file of each kernel, which is compiled for the
// instructions that it needs; nothing here leaves that file.
//
// Concurrency: pure functions. Source: FIPS 180-4 §6.2.

#include <algorithm>
#include <utility>

#include "crypto/base/encoding.h"
#include "crypto/sha256_kernel.h"

namespace tocsin::crypto {
namespace {

template <typename Word>
[[gnu::always_inline]] inline Word rotr(Word x, int n) {
  return (x >> n) | (x << (32 - n));
}

// Round k + t with a…h standing at v[(i − t) mod 8]: the names rotate, not the values, so that sixteen
// unrolled rounds move nothing. Message words are extended from the second sixteen on.
template <std::size_t t, bool kExtend, typename Word>
[[gnu::always_inline]] inline void one_round(Word (&v)[8], Word (&w)[16], const std::uint32_t* k) {
  Word& wt = w[t];
  if constexpr (kExtend) {
    const Word w15 = w[(t + 1) % 16];
    const Word w2 = w[(t + 14) % 16];
    wt += (rotr(w15, 7) ^ rotr(w15, 18) ^ (w15 >> 3)) + w[(t + 9) % 16] +
          (rotr(w2, 17) ^ rotr(w2, 19) ^ (w2 >> 10));
  }
  const Word a = v[(16 - t) % 8], b = v[(17 - t) % 8], c = v[(18 - t) % 8];
  const Word e = v[(20 - t) % 8], f = v[(21 - t) % 8], g = v[(22 - t) % 8];
  Word& h = v[(23 - t) % 8];
  h += (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + (g ^ (e & (f ^ g))) + k[t] + wt;
  v[(19 - t) % 8] += h;
  h += (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) | (c & (a | b)));
}

template <bool kExtend, typename Word, std::size_t... t>
[[gnu::always_inline]] inline void sixteen_rounds(Word (&v)[8], Word (&w)[16], const std::uint32_t* k,
                                                  std::index_sequence<t...>) {
  (one_round<t, kExtend>(v, w, k), ...);
}

// One block over a word type: a plain integer for one message, a vector for several.
template <typename Word>
[[gnu::always_inline]] inline void rounds(Word (&state)[8], Word (&w)[16]) {
  Word v[8];
  std::copy(state, state + 8, v);
  constexpr auto kSixteen = std::make_index_sequence<16>{};
  sixteen_rounds<false>(v, w, kSha256Rounds.data(), kSixteen);
  for (std::size_t k = 16; k < 64; k += 16) sixteen_rounds<true>(v, w, kSha256Rounds.data() + k, kSixteen);
  for (std::size_t i = 0; i < 8; ++i) state[i] += v[i];
}

template <typename Lanes, std::size_t kLanes>
[[gnu::always_inline]] inline void load_words(Lanes (&w)[16], const std::uint8_t* const* blocks,
                                              std::size_t at) {
  for (std::size_t i = 0; i < 16; ++i)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      w[i][lane] = get_be<std::uint32_t>(blocks[lane] + at + 4 * i);
}

template <typename Lanes, std::size_t kLanes>
[[gnu::always_inline]] inline void fold_lanes(Sha256State* states, const std::uint8_t* const* blocks,
                                              std::size_t count, bool fresh) {
  Lanes s[8];
  for (std::size_t i = 0; i < 8; ++i)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      s[i][lane] = fresh ? kSha256Initial[i] : states[lane][i];
  for (std::size_t block = 0; block < count; ++block) {
    Lanes w[16];
    load_words<Lanes, kLanes>(w, blocks, block * kSha256Block);
    rounds(s, w);
  }
  for (std::size_t lane = 0; lane < kLanes; ++lane)
    for (std::size_t i = 0; i < 8; ++i) states[lane][i] = s[i][lane];
}

// The 0x01 in front moves every word by a byte; the second block is the last byte and padding.
template <typename Lanes, std::size_t kLanes>
[[gnu::always_inline]] inline void node_lanes(const Hash* children, Hash* parents) {
  const std::uint8_t* from[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) from[lane] = children[2 * lane].data();
  Lanes s[8], x[16], w[16];
  for (std::size_t i = 0; i < 8; ++i) s[i] = Lanes{} + kSha256Initial[i];
  load_words<Lanes, kLanes>(x, from, 0);
  w[0] = (x[0] >> 8) | 0x01000000U;
  for (std::size_t i = 1; i < 16; ++i) w[i] = (x[i - 1] << 24) | (x[i] >> 8);
  rounds(s, w);
  w[0] = (x[15] << 24) | 0x00800000U;
  for (std::size_t i = 1; i < 15; ++i) w[i] = Lanes{};
  w[15] = Lanes{} + kSha256NodeBits;
  rounds(s, w);
  for (std::size_t lane = 0; lane < kLanes; ++lane)
    for (std::size_t i = 0; i < 8; ++i) put_be(parents[lane].data() + 4 * i, std::uint32_t{s[i][lane]});
}

}  // namespace
}  // namespace tocsin::crypto
