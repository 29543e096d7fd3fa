#include "crypto/sha256_kernel.h"

#include <algorithm>
#include <utility>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"

namespace tocsin::crypto {

const Sha256State kSha256Initial = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

alignas(64) const std::array<std::uint32_t, 64> kSha256Rounds = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

namespace {

// Four messages side by side: GCC and clang turn this into whatever vectors the target has.
using Lanes4 = std::uint32_t __attribute__((vector_size(16)));

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

void portable_compress(Sha256State& state, const std::uint8_t* blocks, std::size_t count) {
  std::uint32_t s[8];
  std::copy(state.begin(), state.end(), s);
  for (; count > 0; --count, blocks += kSha256Block) {
    std::uint32_t w[16];
    for (std::size_t i = 0; i < 16; ++i) w[i] = get_be<std::uint32_t>(blocks + 4 * i);
    rounds(s, w);
  }
  std::copy(s, s + 8, state.begin());
}

void portable_lanes(const std::uint8_t* padded, std::size_t blocks, Hash* out) {
  Lanes4 s[8];
  for (std::size_t i = 0; i < 8; ++i) s[i] = Lanes4{} + kSha256Initial[i];
  const std::size_t stride = blocks * kSha256Block;
  for (std::size_t block = 0; block < blocks; ++block, padded += kSha256Block) {
    Lanes4 w[16];
    for (std::size_t i = 0; i < 16; ++i)
      for (std::size_t lane = 0; lane < 4; ++lane)
        w[i][lane] = get_be<std::uint32_t>(padded + lane * stride + 4 * i);
    rounds(s, w);
  }
  for (std::size_t lane = 0; lane < 4; ++lane)
    for (std::size_t i = 0; i < 8; ++i) put_be(out[lane].data() + 4 * i, std::uint32_t{s[i][lane]});
}

bool always() {
  return true;
}

constexpr Sha256Kernel kKernels[] = {
#if defined(__x86_64__)
    {"sha-ni", sha256_shani_usable, sha256_shani_compress, kSha256ShaniLanes, sha256_shani_lanes},
#endif
    {"portable", always, portable_compress, 4, portable_lanes},
};

// Messages up to this long are hashed side by side; longer ones gain nothing from it. Sizes a stack buffer.
constexpr std::size_t kBlocksMax = 8;

}  // namespace

std::span<const Sha256Kernel> sha256_kernels() {
  return kKernels;
}

const Sha256Kernel& sha256_kernel() {
  static const Sha256Kernel& chosen = *std::find_if(std::begin(kKernels), std::end(kKernels),
                                                    [](const Sha256Kernel& k) { return k.usable(); });
  return chosen;
}

void sha256_many_on(const Sha256Kernel& kernel, ByteView prefix, ByteView messages, std::size_t length,
                    std::span<Hash> out) {
  CHECK_INVARIANT(prefix.size() <= kHashPrefixMax && messages.size() == length * out.size());
  const std::size_t whole = prefix.size() + length;
  const std::size_t blocks = (whole + 9 + kSha256Block - 1) / kSha256Block;
  if (blocks > kBlocksMax) {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = sha256_parts({prefix, messages.subspan(i * length, length)});
    return;
  }
  // Every byte a kernel reads is written below; clearing all 8 KiB would cost as much as hashing several
  // messages.
  alignas(64) __attribute__((uninitialized)) std::uint8_t padded[kSha256LanesMax * kBlocksMax * kSha256Block];
  const std::size_t stride = blocks * kSha256Block;
  // Prefix and padding are the same for every message: they are written once per lane.
  for (std::size_t lane = 0; lane < kernel.lanes; ++lane) {
    std::uint8_t* at = padded + lane * stride;
    std::copy(prefix.begin(), prefix.end(), at);
    std::fill(at + whole, at + stride, std::uint8_t{0});
    at[whole] = 0x80;
    put_be(at + stride - 8, std::uint64_t{whole} * 8);
  }
  const std::uint8_t* next = messages.data();
  std::size_t done = 0;
  while (done < out.size()) {
    const std::size_t group = std::min(kernel.lanes, out.size() - done);
    for (std::size_t lane = 0; lane < group; ++lane, next += length)
      if (length > 0) std::memcpy(padded + lane * stride + prefix.size(), next, length);
    if (group == kernel.lanes) {
      kernel.hash_lanes(padded, blocks, &out[done]);
    } else {
      for (std::size_t lane = 0; lane < group; ++lane) {
        Sha256State state = kSha256Initial;
        kernel.compress(state, padded + lane * stride, blocks);
        for (std::size_t i = 0; i < 8; ++i) put_be(out[done + lane].data() + 4 * i, state[i]);
      }
    }
    done += group;
  }
}

}  // namespace tocsin::crypto
