#include "protocol/log/merkle.h"

#include <bit>
#include <map>

#include "crypto/base/encoding.h"
#include "tests/protocol/log/reference_tree.h"
#include "tests/support/catch.h"
#include "tests/support/hash_kernels.h"

namespace tocsin::protocol {
namespace {

using test::made_leaves;
using test::reference_root;

TEST_CASE("the empty tree's root is the hash of nothing") {
  CHECK(hex_encode(empty_root()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(CompactRange().root() == empty_root());
  CHECK(tree_root({}) == empty_root());
}

TEST_CASE("leaf and node hashes are RFC 6962's") {
  test::on_every_hash_kernel([&] {
    // The published roots of the certificate transparency test tree's first two leaves: "" and 0x00.
    CHECK(hex_encode(leaf_hash({})) == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    const Hash two = node_hash(leaf_hash({}), leaf_hash(Bytes{0x00}));
    CHECK(hex_encode(two) == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
  });
}

TEST_CASE("a compact range's root equals the recursive definition at every size") {
  test::on_every_hash_kernel([&] {
    const auto leaves = made_leaves(700);
    CompactRange one_by_one;
    for (std::size_t n = 0; n <= leaves.size(); ++n) {
      const auto prefix = std::span(leaves).first(n);
      REQUIRE(one_by_one.root() == reference_root(prefix));
      REQUIRE(tree_root(prefix) == one_by_one.root());
      REQUIRE(one_by_one.right_edge().size() == static_cast<std::size_t>(std::popcount(n)));
      if (n < leaves.size()) one_by_one.append(leaves[n]);
    }
  });
}

TEST_CASE("batches of any cut give the same range") {
  const auto leaves = made_leaves(3000);
  const CompactRange whole = [&] {
    CompactRange range;
    range.append(leaves);
    return range;
  }();
  for (std::size_t step : {1, 7, 255, 256, 257, 1000}) {
    CompactRange range;
    for (std::size_t at = 0; at < leaves.size(); at += step)
      range.append(std::span(leaves).subspan(at, std::min(step, leaves.size() - at)));
    CHECK(range == whole);
  }
}

TEST_CASE("the sink is told the roots of complete tiles, in order") {
  const auto leaves = made_leaves(66000);
  for (std::size_t step : {100, 256, 66000}) {
    std::map<unsigned, std::vector<Hash>> told;
    CompactRange range;
    const auto sink = [&](unsigned level, std::uint64_t index, const Hash& hash) {
      REQUIRE(told[level].size() == index);
      told[level].push_back(hash);
    };
    for (std::size_t at = 0; at < leaves.size(); at += step)
      range.append(std::span(leaves).subspan(at, std::min(step, leaves.size() - at)), sink);
    REQUIRE(told.size() == 2);
    REQUIRE(told[8].size() == 257);
    REQUIRE(told[16].size() == 1);
    CHECK(told[8][3] == reference_root(std::span(leaves).subspan(768, 256)));
    CHECK(told[16][0] == reference_root(std::span(leaves).first(65536)));
  }
}

TEST_CASE("a range restored from its right edge or its bytes goes on as before") {
  const auto leaves = made_leaves(300);
  for (std::size_t n : {0, 1, 2, 3, 255, 256, 257}) {
    CompactRange range;
    range.append(std::span(leaves).first(n));
    auto restored = CompactRange::restore(n, range.right_edge());
    auto parsed = CompactRange::parse(range.encode());
    REQUIRE(restored);
    REQUIRE(parsed);
    CHECK(*restored == range);
    CHECK(*parsed == range);
    restored->append(std::span(leaves).subspan(n));
    CHECK(restored->root() == reference_root(leaves));
  }
}

TEST_CASE("subtrees stand for the leaves below them") {
  const auto leaves = made_leaves(21);
  CompactRange range;
  REQUIRE(range.append_subtree(4, reference_root(std::span(leaves).first(16))));
  REQUIRE(range.append_subtree(1, reference_root(std::span(leaves).subspan(16, 2))));
  REQUIRE_FALSE(range.append_subtree(2, leaves[0]));
  REQUIRE(range.append_subtree(1, reference_root(std::span(leaves).subspan(18, 2))));
  REQUIRE(range.append_subtree(0, leaves[20]));
  CHECK(range.size() == 21);
  CHECK(range.root() == reference_root(leaves));
}

TEST_CASE("a malformed range is refused before anything is allocated for it") {
  const auto leaves = made_leaves(3);
  CHECK_FALSE(CompactRange::restore(4, leaves));
  CHECK_FALSE(CompactRange::restore(UINT64_MAX, leaves));
  CHECK_FALSE(CompactRange::restore(0, leaves));
  CompactRange range;
  range.append(leaves);
  Bytes bytes = range.encode();
  for (std::size_t n = 0; n < bytes.size(); ++n) CHECK_FALSE(CompactRange::parse(ByteView(bytes).first(n)));
  bytes.push_back(0);
  CHECK_FALSE(CompactRange::parse(bytes));
  CHECK_FALSE(CompactRange::parse(Bytes(8, 0xFF)));
}

TEST_CASE("a tree cannot pass the last 64-bit size") {
  CompactRange range;
  CHECK_FALSE(range.append_subtree(64, Hash{}));
  REQUIRE(range.append_subtree(63, Hash{}));
  CHECK_FALSE(range.append_subtree(63, Hash{}));
  auto full = CompactRange::restore(UINT64_MAX, std::vector<Hash>(64));
  REQUIRE(full);
  CHECK_FALSE(full->append_subtree(0, Hash{}));
}

}  // namespace
}  // namespace tocsin::protocol
