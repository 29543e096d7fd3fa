#include "storage/peer_store.h"

#include "tests/storage/memory_store.h"
#include "tocsin/v1/record.pb.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::storage {
namespace {

TEST_CASE("a peer's row, cursor, leaves and openings are kept apart from every other peer's") {
  MemoryStore memory;
  const PeerStore peers(*memory);
  CHECK(peers.cursor(hash_of(1)).value().checkpoint().empty());
  CHECK(protocol::CompactRange::parse(as_view(peers.cursor(hash_of(1)).value().range())).value().size() == 0);

  Batch batch;
  for (const std::uint8_t id : {std::uint8_t{2}, std::uint8_t{1}}) {
    v1::PeerRow row;
    row.set_node(to_string(hash_of(id)));
    row.set_standing(v1::PEER_ACTIVE);
    PeerStore::put(batch, row);
    v1::PeerCursor cursor;
    cursor.set_checkpoint("note " + std::to_string(id));
    PeerStore::put_cursor(batch, hash_of(id), cursor);
    for (std::uint64_t i = 0; i < 5; ++i) {
      protocol::LeafBytes leaf{};
      leaf[0] = id;
      PeerStore::put_leaf(batch, hash_of(id), i, leaf);
      v1::Opening opening;
      opening.set_index(i);
      opening.set_key_a(std::string(1, static_cast<char>(id)));
      PeerStore::put_opening(batch, hash_of(id), opening);
    }
  }
  REQUIRE(memory->commit(batch));
  const auto rows = peers.list().value();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].node() == to_string(hash_of(1)));
  CHECK(peers.get(hash_of(2)).value()->standing() == v1::PEER_ACTIVE);
  CHECK_FALSE(peers.get(hash_of(3)).value());
  CHECK(peers.cursor(hash_of(2)).value().checkpoint() == "note 2");
  const Bytes leaves = peers.leaves(hash_of(1), 3, 10).value();
  REQUIRE(leaves.size() == 2 * 128);
  CHECK(leaves[0] == 1);
  CHECK(peers.leaf(hash_of(1), 4).value()->at(0) == 1);
  CHECK_FALSE(peers.leaf(hash_of(1), 5).value());
  CHECK(peers.openings(hash_of(1), 2, 2).value().size() == 2);
  CHECK(peers.opening(hash_of(2), 0).value()->key_a() == "\x02");
}

TEST_CASE("evidence is bounded, and neither the first nor the latest can be flushed out") {
  MemoryStore memory;
  const PeerStore peers(*memory);
  for (std::uint64_t i = 0; i < kEvidenceMax + 50; ++i) {
    Batch batch;
    v1::Evidence evidence;
    evidence.set_index(i);
    REQUIRE(peers.add_evidence(batch, hash_of(1), evidence));
    REQUIRE(memory->commit(batch));
  }
  const auto kept = peers.evidence(hash_of(1)).value();
  REQUIRE(kept.size() == kEvidenceMax);
  CHECK(kept.front().index() == 0);
  CHECK(kept[kEvidenceMax / 2 - 1].index() == kEvidenceMax / 2 - 1);
  CHECK(kept[kEvidenceMax / 2].index() == kEvidenceMax / 2 + 50);
  CHECK(kept.back().index() == kEvidenceMax + 49);
}

TEST_CASE("an exhibit list that is too long is cut from behind") {
  MemoryStore memory;
  const PeerStore peers(*memory);
  Batch batch;
  v1::Evidence evidence;
  evidence.add_exhibits("the checkpoint");
  evidence.add_exhibits(std::string(kEvidenceBytesMax, 'x'));
  REQUIRE(peers.add_evidence(batch, hash_of(1), evidence));
  REQUIRE(memory->commit(batch));
  const auto kept = peers.evidence(hash_of(1)).value();
  REQUIRE(kept.size() == 1);
  REQUIRE(kept[0].exhibits_size() == 1);
  CHECK(kept[0].exhibits(0) == "the checkpoint");
}

}  // namespace
}  // namespace tocsin::storage
