// What the ledger's tree costs in one thread: a node with each hash kernel that this processor has, a proof
// from the cache, a proof checked; beside libsodium's hash of a node in the same run.
//   bench_tree [KERNEL]     KERNEL: what the proofs are made and checked with (default: the best)

#include <cstdio>
#include <map>
#include <random>
#include <string>

#include <sodium.h>

#include "crypto/random.h"
#include "crypto/sha256_kernel.h"
#include "protocol/log/proof_cache.h"
#include "tests/bench/spread.h"

namespace {

using namespace tocsin;
using namespace tocsin::bench;

constexpr std::size_t kNodes = 1 << 14;
constexpr std::uint64_t kLeaves = 100'000;
constexpr std::size_t kProofs = 20'000;
constexpr double kProofsMin = 2.0;     // million a second
constexpr double kVerifiedMin = 0.45;  // million a second

// Bars of ledger.md, nanoseconds a node.
const std::map<std::string, double> kNodeMost = {
    {"avx512", 40}, {"sha-ni", 45}, {"avx2", 110}, {"portable", 110}};

std::vector<Hash> made_leaves(std::size_t count) {
  std::vector<Hash> leaves(count);
  for (std::size_t i = 0; i < count; ++i) leaves[i] = crypto::leaf_hash(as_view("leaf " + std::to_string(i)));
  return leaves;
}

std::vector<double> per_second(std::vector<double> nanoseconds) {
  for (double& value : nanoseconds) value = 1e3 / value;  // million a second
  return nanoseconds;
}

bool nodes() {
  const std::vector<Hash> children = made_leaves(2 * kNodes);
  std::vector<Hash> parents(kNodes);
  const auto bare = time_blocks(kNodes / 16, [&] {
    FixedBytes<65> node{0x01};
    for (std::size_t i = 0; i < kNodes / 16; ++i) {
      std::memcpy(&node[1], children[2 * i].data(), 64);
      crypto_hash_sha256(parents[i].data(), node.data(), node.size());
    }
  });
  std::printf("a Merkle node, %zu in a batch; the ratio is to libsodium's hash of one\n", kNodes);
  print("  libsodium, one by one", bare, "ns");
  bool held = true;
  for (const crypto::Sha256Kernel& kernel : crypto::sha256_kernels()) {
    if (!crypto::use_sha256_kernel(kernel.name)) {
      std::printf("  %s: this processor does not have it\n", kernel.name);
      continue;
    }
    const auto took = time_blocks(kNodes, [&] { crypto::merkle_nodes(children, parents); });
    const std::string name = std::string("  ") + kernel.name;
    held &= print_at_most(name.c_str(), took, "ns", kNodeMost.at(kernel.name));
    std::printf("  %s / libsodium: %.3f\n", kernel.name, median(took) / median(bare));
  }
  crypto::use_sha256_kernel("");
  return held;
}

bool proofs() {
  const std::vector<Hash> leaves = made_leaves(kLeaves);
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles;
  protocol::TileWriter writer;
  writer.append(leaves);
  for (protocol::TileValue& value : writer.take_changed())
    tiles[{value.level, value.index}] = std::move(value.hashes);
  const Hash root = writer.range().root();
  protocol::ProofCache cache([&](const protocol::TileId& id) -> Result<Bytes> {
    return tiles.at({id.level, id.index});
  });
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> indices(kProofs);
  for (std::uint64_t& index : indices) index = random() % kLeaves;
  std::array<Hash, protocol::kInclusionProofMax> out;
  std::uint64_t sum = 0;
  const auto made = time_blocks(kProofs, [&] {
    for (const std::uint64_t index : indices) sum += cache.inclusion(index, kLeaves, out).value() + out[0][0];
  });
  std::printf("proofs in a tree of %llu leaves, hashed with %s\n", static_cast<unsigned long long>(kLeaves),
              crypto::sha256_kernel().name);
  bool held =
      print_at_least("  from the cache, of leaves at random", per_second(made), "million/s", kProofsMin);

  std::vector<protocol::Proof> kept;
  for (const std::uint64_t index : indices) {
    const std::size_t count = *cache.inclusion(index, kLeaves, out);
    kept.emplace_back(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count));
  }
  const auto node = time_blocks(kProofs, [&] {
    Hash chained = root;
    for (std::size_t i = 0; i < kProofs; ++i) chained = crypto::node_hash(chained, kept[i][0]);
    sum += chained[0];
  });
  const auto checked = time_blocks(kProofs, [&] {
    for (std::size_t i = 0; i < kProofs; ++i)
      sum += protocol::verify_inclusion(leaves[indices[i]], indices[i], kLeaves, kept[i], root) ? 1 : 0;
  });
  held &= print_at_least("  verified", per_second(checked), "million/s", kVerifiedMin);
  print("  one node hash after the other", node, "ns");
  std::printf("  a proof verified / its node hashes, one after the other: %.2f\n",
              median(checked) / (median(node) * static_cast<double>(kept[0].size())));
  return held && sum != 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (!crypto::init()) return 1;
  bool held = nodes();
  if (argc > 1 && !crypto::use_sha256_kernel(argv[1])) {
    std::fprintf(stderr, "bench_tree: this processor has no kernel %s\n", argv[1]);
    return 2;
  }
  held &= proofs();
  return held ? 0 : 1;
}
