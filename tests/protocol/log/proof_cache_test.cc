#include "protocol/log/proof_cache.h"

#include <map>
#include <random>

#include "tests/protocol/log/reference_tree.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

using test::made_leaves;

struct Stored {
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles;
  std::size_t read = 0;

  explicit Stored(std::span<const Hash> leaves) {
    TileWriter writer;
    writer.append(leaves);
    for (TileValue& value : writer.take_changed())
      tiles[{value.level, value.index}] = std::move(value.hashes);
  }
  TileSource source() {
    return [this](const TileId& tile) -> Result<Bytes> {
      ++read;
      const auto found = tiles.find({tile.level, tile.index});
      if (found == tiles.end()) return fail(Code::kNotFound, "no tile " + tile_path(tile));
      return found->second;
    };
  }
};

Proof cached(ProofCache& cache, std::uint64_t index, std::uint64_t size) {
  std::array<Hash, kInclusionProofMax> out;
  const auto count = cache.inclusion(index, size, out);
  if (!count) FAIL(count.error().message);
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*count)};
}

TEST_CASE("the cache's proofs are RFC 6962's for every leaf of every small tree") {
  const auto leaves = made_leaves(530);
  Stored stored(leaves);
  ProofCache cache(stored.source(), 4);
  for (std::size_t size = 1; size <= leaves.size(); size += size < 40 ? 1 : 37) {
    for (std::size_t i = 0; i < size; i += size < 40 ? 1 : 11)
      REQUIRE(cached(cache, i, size) == test::reference_path(i, std::span(leaves).first(size)));
  }
}

TEST_CASE("a large tree's proofs from the cache lead to its root, at several sizes and with little room") {
  const auto leaves = made_leaves(70'000);
  Stored stored(leaves);
  ProofCache cache(stored.source(), 8);
  std::mt19937_64 random(1);
  for (const std::uint64_t size : {70'000ULL, 65'536ULL, 65'537ULL, 69'888ULL, 69'999ULL, 256ULL, 257ULL}) {
    const Hash root = tree_root(std::span(leaves).first(size));
    for (int i = 0; i < 300; ++i) {
      const std::uint64_t index = i == 0 ? size - 1 : random() % size;
      REQUIRE(verify_inclusion(leaves[index], index, size, cached(cache, index, size), root));
    }
  }
}

TEST_CASE("a proof from held tiles reads nothing") {
  const auto leaves = made_leaves(70'000);
  Stored stored(leaves);
  ProofCache cache(stored.source());
  for (std::uint64_t i = 0; i < 70'000; i += 100) cached(cache, i, 70'000);
  const std::size_t before = stored.read;
  for (std::uint64_t i = 0; i < 70'000; i += 77) cached(cache, i, 70'000);
  CHECK(stored.read == before);
  CHECK(before <= 70'000 / 256 + 1 + 2 + 1);
}

TEST_CASE("the cache answers consistency proofs and subtrees as the tiles do") {
  const auto leaves = made_leaves(1500);
  Stored stored(leaves);
  ProofCache cache(stored.source());
  for (const std::size_t old_size : {1, 255, 256, 700, 1024, 1499}) {
    const auto proof = consistency_proof(old_size, 1500, cache.nodes(1500));
    REQUIRE(proof);
    CHECK(*proof == test::reference_consistency(old_size, leaves));
  }
  CHECK(cache.node(11, 0, 1500).error().code == Code::kOutOfRange);
  CHECK(*cache.node(10, 0, 1500) == complete_root(std::span(leaves).first(1024)));
}

TEST_CASE("a cache refuses what cannot be and passes on what its source says") {
  const auto leaves = made_leaves(600);
  Stored stored(leaves);
  ProofCache cache(stored.source());
  std::array<Hash, kInclusionProofMax> out;
  CHECK(cache.inclusion(600, 600, out).error().code == Code::kInvalidArgument);
  CHECK(cache.inclusion(0, 0, out).error().code == Code::kInvalidArgument);
  stored.tiles[{0, 1}].resize(100);
  CHECK(cache.inclusion(300, 600, out).error().code == Code::kDataLoss);
  stored.tiles.erase({1, 0});
  CHECK(cache.inclusion(0, 599, out).error().code == Code::kNotFound);
  CHECK(cache.inclusion(0, 599, out).error().code ==
        Code::kNotFound);  // and again: nothing half-read is used
}

TEST_CASE("a tree of 2^63 leaves and more has edges the cache can find") {
  std::array<Hash, kInclusionProofMax> out;
  ProofCache cache([](const TileId& id) -> Result<Bytes> { return Bytes(id.width * sizeof(Hash)); });
  for (const std::uint64_t size : {std::uint64_t{1} << 63, UINT64_MAX})
    for (const std::uint64_t index : {std::uint64_t{0}, size / 2, size - 1}) {
      const auto count = cache.inclusion(index, size, out);
      REQUIRE(count);
      CHECK(*count == inclusion_proof_length(index, size));
    }
}

}  // namespace
}  // namespace tocsin::protocol
