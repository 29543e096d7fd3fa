#include "storage/receipt_store.h"

#include "tests/storage/memory_store.h"

namespace tocsin::storage {
namespace {

using protocol::SlotType;

protocol::ValidEvent receipt(const Hash& issuer, std::uint64_t from, std::uint64_t to) {
  return *protocol::ValidEvent::parse(
      protocol::Event::kReceipt,
      {protocol::slot_number(0, SlotType::kUint, from), protocol::slot_number(1, SlotType::kUint, to),
       protocol::slot_bytes(2, SlotType::kHash, hash_of(9)), protocol::slot_number(3, SlotType::kUint, to),
       protocol::slot_bytes(protocol::kSlotOrigin, SlotType::kHash, issuer)});
}

TEST_CASE("the receipt for a record is the one whose stretch holds it") {
  MemoryStore memory;
  Batch batch;
  ReceiptStore::put(batch, hash_of(2), 70, receipt(hash_of(1), 0, 5));
  ReceiptStore::put(batch, hash_of(2), 80, receipt(hash_of(1), 9, 12));
  ReceiptStore::put(batch, hash_of(3), 90, receipt(hash_of(1), 0, 12));
  REQUIRE(memory->commit(batch));
  const ReceiptStore receipts(*memory);
  const auto at = [&](const Hash& receiver, std::uint64_t index) {
    const auto found = receipts.covering(hash_of(1), receiver, index);
    REQUIRE(found);
    return *found;
  };
  CHECK(at(hash_of(2), 0) == 70);
  CHECK(at(hash_of(2), 4) == 70);
  CHECK_FALSE(at(hash_of(2), 5));
  CHECK_FALSE(at(hash_of(2), 8));
  CHECK(at(hash_of(2), 9) == 80);
  CHECK_FALSE(at(hash_of(2), 12));
  CHECK(at(hash_of(3), 8) == 90);
  CHECK_FALSE(at(hash_of(4), 0));
  const auto other = receipts.covering(hash_of(5), hash_of(2), 0);
  REQUIRE(other);
  CHECK_FALSE(*other);
}

TEST_CASE("a damaged receipt row is said to be lost data") {
  MemoryStore memory;
  Batch batch;
  Bytes key;
  append(key, hash_of(1));
  append(key, hash_of(2));
  append(key, Bytes(8, 0xff));
  batch.put(Family::kReceipt, key, Bytes(3, 1));
  REQUIRE(memory->commit(batch));
  const auto found = ReceiptStore(*memory).covering(hash_of(1), hash_of(2), 0);
  REQUIRE_FALSE(found);
  CHECK(found.error().code == Code::kDataLoss);
}

}  // namespace
}  // namespace tocsin::storage
