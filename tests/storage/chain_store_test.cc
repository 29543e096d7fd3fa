#include "storage/chain_store.h"

#include "tests/storage/memory_store.h"

namespace tocsin::storage {
namespace {

TEST_CASE("a chain's head is kept by ledger and chain") {
  MemoryStore memory;
  Batch batch;
  const ChainHead head{3, 41, hash_of(7), hash_of(8)};
  ChainStore::put(batch, hash_of(1), hash_of(2), head);
  REQUIRE(memory->commit(batch));
  const ChainStore chains(*memory);
  auto found = chains.get(hash_of(1), hash_of(2));
  REQUIRE((found && *found));
  CHECK(**found == head);
  found = chains.get(hash_of(2), hash_of(2));
  REQUIRE(found);
  CHECK_FALSE(*found);
}

}  // namespace
}  // namespace tocsin::storage
