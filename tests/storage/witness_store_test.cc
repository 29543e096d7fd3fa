#include "storage/witness_store.h"

#include "tests/storage/memory_store.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::storage;

TEST_CASE("what was cosigned of a log is kept by its origin, across reopening") {
  MemoryStore memory;
  {
    const WitnessStore witness(*memory);
    CHECK_FALSE(witness.seen("a.example/log").value());
    Batch batch;
    WitnessStore::put_seen(batch, "a.example/log", "first");
    WitnessStore::put_seen(batch, "b.example/log", "other");
    WitnessStore::put_seen(batch, "a.example/log", "second");
    REQUIRE(memory->commit(batch));
  }
  memory.reopen();
  const WitnessStore witness(*memory);
  CHECK(witness.seen("a.example/log").value() == "second");
  CHECK(witness.seen("b.example/log").value() == "other");
  CHECK_FALSE(witness.newest_cosigned().value());
}

TEST_CASE("our own cosigned notes lie in the order of their sizes") {
  MemoryStore memory;
  const WitnessStore witness(*memory);
  Batch batch;
  WitnessStore::put_seen(batch, "a.example/log", "not ours");
  for (const std::uint64_t size : {3, 300, 70'000})
    WitnessStore::put_cosigned(batch, size, "note " + std::to_string(size));
  REQUIRE(memory->commit(batch));
  CHECK(witness.newest_cosigned().value()->size == 70'000);
  CHECK(witness.cosigned_from(0).value()->size == 3);
  CHECK(witness.cosigned_from(4).value()->note == "note 300");
  CHECK(witness.cosigned_from(300).value()->size == 300);
  CHECK_FALSE(witness.cosigned_from(70'001).value());
}
