#include "crypto/sha256_kernel.h"

#include <algorithm>
#include <atomic>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "crypto/sha256_rounds.h"

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

// Four messages side by side: GCC and clang turn this into whatever vectors every processor of the kind has.
using Lanes4 = std::uint32_t __attribute__((vector_size(16)));
constexpr std::size_t kPortableLanes = 4;

void portable_fold(Sha256State* states, const std::uint8_t* const* blocks, std::size_t count, bool fresh) {
  fold_lanes<Lanes4, kPortableLanes>(states, blocks, count, fresh);
}

void portable_nodes(const Hash* children, Hash* parents) {
  node_lanes<Lanes4, kPortableLanes>(children, parents);
}

bool always() {
  return true;
}

constexpr Sha256Kernel kKernels[] = {
#if defined(__x86_64__)
    {"avx512", sha256_avx512_usable, nullptr, kSha256Avx512Lanes, 13, sha256_avx512_fold,
     sha256_avx512_nodes},
    {"sha-ni", sha256_shani_usable, sha256_shani_compress, kSha256ShaniLanes, 2, sha256_shani_fold,
     sha256_shani_nodes},
    {"avx2", sha256_avx2_usable, nullptr, kSha256Avx2Lanes, 5, sha256_avx2_fold, sha256_avx2_nodes},
#endif
    {"portable", always, portable_compress, kPortableLanes, 3, portable_fold, portable_nodes},
};
constexpr std::size_t kKernelCount = std::size(kKernels);

// The usable kernels from one on, each asked once: asking the processor is slow on a virtual machine.
struct Chain {
  std::array<const Sha256Kernel*, kKernelCount> kernels{};
  std::size_t count = 0;
  const Sha256Kernel* stream = nullptr;
};

const std::array<Chain, kKernelCount>& chains() {
  static const std::array<Chain, kKernelCount> kChains = [] {
    std::array<Chain, kKernelCount> out;
    for (std::size_t k = kKernelCount; k-- > 0;) {
      if (!kKernels[k].usable()) continue;
      for (std::size_t from = 0; from <= k; ++from) {
        Chain& chain = out[from];
        // Found from the last to the first.
        std::copy_backward(chain.kernels.begin(),
                           chain.kernels.begin() + static_cast<std::ptrdiff_t>(chain.count),
                           chain.kernels.begin() + static_cast<std::ptrdiff_t>(chain.count) + 1);
        chain.kernels[0] = &kKernels[k];
        ++chain.count;
        if (kKernels[k].compress != nullptr) chain.stream = &kKernels[k];
      }
    }
    return out;
  }();
  return kChains;
}

const Chain& chain_of(const Sha256Kernel& kernel) {
  return chains()[static_cast<std::size_t>(&kernel - kKernels)];
}

std::atomic<const Chain*> chosen_chain{nullptr};

const Chain& chosen() {
  const Chain* chain = chosen_chain.load(std::memory_order_acquire);
  return chain != nullptr ? *chain : chains()[0];
}

Hash digest_of(const Sha256State& state) {
  Hash out;
  for (std::size_t i = 0; i < state.size(); ++i) put_be(out.data() + 4 * i, state[i]);
  return out;
}

// Messages of `count` blocks each, up to all lanes of the first kernel and few enough for the stack: folds
// each into its state.
void fold_group(const Chain& chain, std::span<Sha256State> states, const std::uint8_t* const* blocks,
                std::size_t count, bool fresh) {
  std::size_t done = 0;
  for (std::size_t k = 0; k < chain.count && done < states.size(); ++k) {
    const Sha256Kernel& kernel = *chain.kernels[k];
    for (; states.size() - done >= kernel.lanes; done += kernel.lanes)
      kernel.fold(&states[done], blocks + done, count, fresh);
    const std::size_t left = states.size() - done;
    if (left < kernel.lanes_least) continue;
    std::array<Sha256State, kSha256LanesMax> some;
    std::array<const std::uint8_t*, kSha256LanesMax> from{};
    for (std::size_t lane = 0; lane < kernel.lanes; ++lane) {
      const std::size_t which = done + std::min(lane, left - 1);
      if (!fresh) some[lane] = states[which];
      from[lane] = blocks[which];
    }
    kernel.fold(some.data(), from.data(), count, fresh);
    std::copy_n(some.begin(), left, states.begin() + static_cast<std::ptrdiff_t>(done));
    done += left;
  }
  for (; done < states.size(); ++done) {
    if (fresh) states[done] = kSha256Initial;
    chain.stream->compress(states[done], blocks[done], count);
  }
}

Hash one_node(const Sha256Kernel& stream, const Hash& left, const Hash& right) {
  constexpr std::size_t kLength = 1 + 2 * sizeof(Hash);
  __attribute__((uninitialized)) FixedBytes<2 * kSha256Block> padded;
  padded[0] = 0x01;
  std::memcpy(&padded[1], left.data(), sizeof left);
  std::memcpy(&padded[1 + sizeof left], right.data(), sizeof right);
  std::memset(&padded[kLength], 0, padded.size() - kLength);
  padded[kLength] = 0x80;
  put_be(padded.data() + padded.size() - 4, kSha256NodeBits);
  Sha256State state = kSha256Initial;
  stream.compress(state, padded.data(), 2);
  return digest_of(state);
}

// As fold_group(), of nodes.
void node_group(const Chain& chain, std::span<const Hash> children, std::span<Hash> parents) {
  std::size_t done = 0;
  for (std::size_t k = 0; k < chain.count && done < parents.size(); ++k) {
    const Sha256Kernel& kernel = *chain.kernels[k];
    for (; parents.size() - done >= kernel.lanes; done += kernel.lanes)
      kernel.nodes(&children[2 * done], &parents[done]);
    const std::size_t left = parents.size() - done;
    if (left < kernel.lanes_least) continue;
    __attribute__((uninitialized)) std::array<Hash, 2 * kSha256LanesMax> some;
    __attribute__((uninitialized)) std::array<Hash, kSha256LanesMax> made;
    for (std::size_t lane = 0; lane < kernel.lanes; ++lane)
      std::copy_n(&children[2 * (done + std::min(lane, left - 1))], 2, &some[2 * lane]);
    kernel.nodes(some.data(), made.data());
    std::copy_n(made.begin(), left, parents.begin() + static_cast<std::ptrdiff_t>(done));
    done += left;
  }
  for (; done < parents.size(); ++done)
    parents[done] = one_node(*chain.stream, children[2 * done], children[2 * done + 1]);
}

// Messages up to this long are hashed side by side when they stand one after another; sizes a stack buffer.
constexpr std::size_t kBlocksMax = 8;
// Messages whose ends are kept on the stack at a time.
constexpr std::size_t kEachAtOnce = 64;

// A leaf's length is known where it counts.
void copy_message(std::uint8_t* to, const std::uint8_t* from, std::size_t length) {
  constexpr std::size_t kLeaf = 128;
  if (length == kLeaf)
    std::memcpy(to, from, kLeaf);
  else if (length > 0)
    std::memcpy(to, from, length);
}

// One of the messages of sha256_each(): its whole blocks, and where its padded end stands.
struct Shape {
  std::size_t whole;
  std::size_t end;  // blocks: 1 or 2
  std::size_t which;
  bool operator==(const Shape& other) const { return whole == other.whole && end == other.end; }
};

void each_in_chunk(const Chain& chain, std::span<const ByteView> messages, std::span<Hash> out) {
  alignas(64) __attribute__((uninitialized)) std::uint8_t ends[kEachAtOnce][2 * kSha256Block];
  // All written before they are read, as far as they are.
  __attribute__((uninitialized)) std::array<Shape, kEachAtOnce> shapes;
  __attribute__((uninitialized)) std::array<Sha256State, kEachAtOnce> states;
  __attribute__((uninitialized)) std::array<const std::uint8_t*, kEachAtOnce> blocks;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const ByteView message = messages[i];
    const std::size_t whole = message.size() / kSha256Block;
    const std::size_t rest = message.size() % kSha256Block;
    const std::size_t end = rest + 9 <= kSha256Block ? 1 : 2;
    if (rest > 0) std::memcpy(ends[i], message.data() + whole * kSha256Block, rest);
    std::memset(ends[i] + rest, 0, end * kSha256Block - rest);
    ends[i][rest] = 0x80;
    put_be(ends[i] + end * kSha256Block - 8, std::uint64_t{message.size()} * 8);
    shapes[i] = {whole, end, i};
  }
  const auto all = std::span(shapes).first(messages.size());
  std::sort(all.begin(), all.end(), [](const Shape& a, const Shape& b) {
    return a.whole != b.whole ? a.whole < b.whole : a.end < b.end;
  });
  for (std::size_t first = 0; first < all.size();) {
    std::size_t last = first + 1;
    while (last < all.size() && all[last] == all[first]) ++last;
    const auto some = std::span(states).first(last - first);
    if (all[first].whole > 0) {
      for (std::size_t i = first; i < last; ++i) blocks[i - first] = messages[all[i].which].data();
      fold_group(chain, some, blocks.data(), all[first].whole, true);
    }
    for (std::size_t i = first; i < last; ++i) blocks[i - first] = ends[all[i].which];
    fold_group(chain, some, blocks.data(), all[first].end, all[first].whole == 0);
    for (std::size_t i = first; i < last; ++i) out[all[i].which] = digest_of(states[i - first]);
    first = last;
  }
}

}  // namespace

std::span<const Sha256Kernel> sha256_kernels() {
  return kKernels;
}

const Sha256Kernel& sha256_kernel() {
  return *chosen().kernels[0];
}

const Sha256Kernel& sha256_stream_kernel() {
  return *chosen().stream;
}

bool use_sha256_kernel(std::string_view name) {
  const Chain* chain = nullptr;
  for (const Sha256Kernel& kernel : kKernels)
    if (name == kernel.name && chain_of(kernel).count > 0 && chain_of(kernel).kernels[0] == &kernel)
      chain = &chain_of(kernel);
  if (chain == nullptr && !name.empty()) return false;
  chosen_chain.store(chain, std::memory_order_release);
  return true;
}

Hash sha256_node(const Hash& left, const Hash& right) {
  return one_node(*chosen().stream, left, right);
}

void sha256_nodes_on(const Sha256Kernel& kernel, std::span<const Hash> children, std::span<Hash> parents) {
  CHECK_INVARIANT(children.size() == 2 * parents.size());
  node_group(chain_of(kernel), children, parents);
}

void sha256_each_on(const Sha256Kernel& kernel, std::span<const ByteView> messages, std::span<Hash> out) {
  CHECK_INVARIANT(messages.size() == out.size());
  for (std::size_t at = 0; at < messages.size(); at += kEachAtOnce) {
    const std::size_t count = std::min(kEachAtOnce, messages.size() - at);
    each_in_chunk(chain_of(kernel), messages.subspan(at, count), out.subspan(at, count));
  }
}

void sha256_many_on(const Sha256Kernel& kernel, ByteView prefix, const EvenMessages& messages,
                    std::span<Hash> out) {
  if (out.empty()) return;
  const std::size_t length = messages.length;
  CHECK_INVARIANT(prefix.size() <= kHashPrefixMax &&
                  (out.size() - 1) * messages.apart + length <= messages.bytes.size());
  const std::size_t whole = prefix.size() + length;
  const std::size_t blocks = (whole + 9 + kSha256Block - 1) / kSha256Block;
  if (blocks > kBlocksMax) {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = sha256_parts({prefix, messages.bytes.subspan(i * messages.apart, length)});
    return;
  }
  const Chain& chain = chain_of(kernel);
  // Every byte a kernel reads is written below; clearing all 8 KiB would cost as much as hashing several
  // messages.
  alignas(64) __attribute__((uninitialized)) std::uint8_t padded[kSha256LanesMax * kBlocksMax * kSha256Block];
  const std::size_t stride = blocks * kSha256Block;
  const std::size_t lanes = std::min(kernel.lanes, out.size());
  std::array<const std::uint8_t*, kSha256LanesMax> from{};
  // Prefix and padding are the same for every message: they are written once per lane.
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    std::uint8_t* at = padded + lane * stride;
    from[lane] = at;
    std::copy(prefix.begin(), prefix.end(), at);
    std::fill(at + whole, at + stride, std::uint8_t{0});
    at[whole] = 0x80;
    put_be(at + stride - 8, std::uint64_t{whole} * 8);
  }
  __attribute__((uninitialized)) std::array<Sha256State, kSha256LanesMax> states;
  const std::uint8_t* next = messages.bytes.data();
  for (std::size_t done = 0; done < out.size();) {
    const std::size_t group = std::min(lanes, out.size() - done);
    for (std::size_t lane = 0; lane < group; ++lane, next += messages.apart)
      copy_message(padded + lane * stride + prefix.size(), next, length);
    fold_group(chain, std::span(states).first(group), from.data(), blocks, true);
    for (std::size_t lane = 0; lane < group; ++lane) out[done + lane] = digest_of(states[lane]);
    done += group;
  }
}

}  // namespace tocsin::crypto
