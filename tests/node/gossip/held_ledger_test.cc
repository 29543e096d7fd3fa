#include "node/gossip/held_ledger.h"

#include "crypto/base/encoding.h"
#include "tests/storage/memory_store.h"

namespace tocsin::node {
namespace {

struct Held {
  storage::MemoryStore memory;
  const Hash peer = storage::hash_of(7);
  std::vector<Hash> hashes;

  explicit Held(std::size_t leaves) {
    storage::Batch batch;
    for (std::size_t i = 0; i < leaves; ++i) {
      protocol::LeafBytes leaf{};
      put_be(leaf.data(), static_cast<std::uint64_t>(i));
      storage::PeerStore::put_leaf(batch, peer, i, leaf);
      hashes.push_back(protocol::leaf_hash(leaf));
    }
    REQUIRE(memory->commit(batch));
  }
  Hash root(std::size_t size) const { return protocol::tree_root(std::span(hashes).first(size)); }
};

TEST_CASE("roots of the past are those of the leaves held, in whatever order they are asked for") {
  const Held held(9000);
  HeldLedger ledger(*held.memory.store, held.peer);
  for (const std::size_t size : {9000u, 1u, 4096u, 8999u, 2u, 5000u, 9000u, 4097u}) {
    const auto root = ledger.root_at(size);
    REQUIRE(root);
    CHECK(*root == held.root(size));
  }
  // More questions than edges are remembered.
  for (std::size_t size = 100; size < 100 + 3 * kEdgesMax; ++size)
    CHECK(*ledger.root_at(size) == held.root(size));
  const auto beyond = ledger.root_at(9001);
  REQUIRE_FALSE(beyond);
  CHECK(beyond.error().code == Code::kOutOfRange);
}

TEST_CASE("an edge that is remembered spares the leaves before it") {
  const Held held(300);
  protocol::CompactRange edge;
  edge.append(std::span(held.hashes).first(200));
  HeldLedger ledger(*held.memory.store, held.peer);
  ledger.remember(edge);
  CHECK(*ledger.root_at(200) == held.root(200));
  CHECK(*ledger.root_at(300) == held.root(300));
  CHECK(*ledger.root_at(150) == held.root(150));
}

TEST_CASE("a consistency proof from the leaves held leads from one root to the other") {
  const Held held(300);
  const HeldLedger ledger(*held.memory.store, held.peer);
  for (const std::size_t from : {1u, 7u, 256u, 299u}) {
    const auto proof = ledger.consistency(from, 300);
    REQUIRE(proof);
    CHECK(protocol::verify_consistency({from, held.root(from)}, {300, held.root(300)}, *proof));
  }
  CHECK_FALSE(ledger.consistency(5, 301));
}

}  // namespace
}  // namespace tocsin::node
