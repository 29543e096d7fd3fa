#include "storage/gossip_store.h"

#include "storage/witness_store.h"
#include "tests/storage/memory_store.h"
#include "tests/support/catch.h"

namespace tocsin::storage {
namespace {

Hash filled(std::uint8_t byte) {
  Hash out;
  out.fill(byte);
  return out;
}

GossipStore::Seen seen(std::uint8_t issuer, std::uint8_t holder, const std::string& note) {
  GossipStore::Seen out{filled(issuer), filled(holder), {}};
  out.row.set_checkpoint(note);
  out.row.set_at_ms(issuer * 100u + holder);
  return out;
}

}  // namespace

TEST_CASE("what each peer saw of each log is kept once, apart from what was cosigned") {
  MemoryStore memory;
  Batch batch;
  WitnessStore::put_seen(batch, "a.example/ledger", "cosigned");
  WitnessStore::put_cosigned(batch, 7, "own");
  GossipStore::put(batch, seen(2, 1, "two"));
  GossipStore::put(batch, seen(1, 9, "old"));
  GossipStore::put(batch, seen(1, 9, "new"));
  GossipStore::put(batch, seen(1, 3, "three"));
  REQUIRE(memory->commit(batch));
  const auto all = GossipStore(*memory).list();
  REQUIRE(all);
  REQUIRE(all->size() == 3);
  CHECK((*all)[0].row.checkpoint() == "three");
  CHECK((*all)[1].row.checkpoint() == "new");
  CHECK((*all)[1].holder == filled(9));
  CHECK((*all)[2].issuer == filled(2));
  CHECK((*all)[2].row.at_ms() == 201);
  CHECK(WitnessStore(*memory).newest_cosigned().value()->size == 7);

  Batch broken;
  broken.put(Family::kWitness, Bytes{2, 5}, as_view("x"));
  REQUIRE(memory->commit(broken));
  CHECK_FALSE(GossipStore(*memory).list());
}

}  // namespace tocsin::storage
