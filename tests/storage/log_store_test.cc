#include "storage/log_store.h"

#include "storage/keys.h"
#include "tests/storage/memory_store.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::storage {
namespace {

protocol::LeafBytes leaf_of(std::uint64_t index) {
  protocol::Leaf leaf;
  leaf.event = 0x0101;
  leaf.time_ms = index;
  return protocol::encode_leaf(leaf);
}

void put_tree(Store& store, std::uint64_t size, std::size_t per_commit) {
  protocol::TileWriter tiles;
  for (std::uint64_t at = 0; at < size;) {
    Batch batch;
    std::vector<Hash> hashes;
    for (std::size_t i = 0; i < per_commit && at < size; ++i, ++at) {
      LogStore::put_leaf(batch, at, leaf_of(at));
      hashes.push_back(protocol::leaf_hash(leaf_of(at)));
    }
    tiles.append(hashes);
    for (const auto& tile : tiles.take_changed()) LogStore::put_tile(batch, tile);
    LogStore::put_checkpoint(batch, at, "note " + std::to_string(at));
    REQUIRE(store.commit(batch));
  }
}

TEST_CASE("leaves come back one by one and in runs, and what is missing is out of range") {
  MemoryStore memory;
  put_tree(*memory, 300, 7);
  const LogStore log(*memory);
  CHECK(log.leaf_count().value() == 300);
  CHECK(log.leaf(299).value() == leaf_of(299));
  CHECK(log.leaf(300).error().code == Code::kOutOfRange);
  const Bytes run = log.leaves(290, 10).value();
  CHECK(equal(ByteView(run).first(128), leaf_of(290)));
  CHECK(log.leaves(290, 11).error().code == Code::kOutOfRange);
}

TEST_CASE("a gap between stored leaves is damage, not an end") {
  MemoryStore memory;
  put_tree(*memory, 20, 20);
  Batch hole;
  hole.remove(Family::kLeaf, as_view(std::string("\0\0\0\0\0\0\0\x05", 8)));
  REQUIRE(memory->commit(hole));
  CHECK(LogStore(*memory).leaves(0, 20).error().code == Code::kDataLoss);
}

TEST_CASE("the tree is restored from stored tiles at every size it ever had") {
  MemoryStore memory;
  put_tree(*memory, 70'000, 997);
  memory.reopen();
  const LogStore log(*memory);
  protocol::CompactRange reference;
  std::uint64_t at = 0;
  for (const std::uint64_t size :
       {1ULL, 255ULL, 256ULL, 257ULL, 65'535ULL, 65'536ULL, 69'999ULL, 70'000ULL}) {
    for (; at < size; ++at) reference.append(protocol::leaf_hash(leaf_of(at)));
    auto restored = protocol::TileWriter::restore(size, log.tiles());
    REQUIRE(restored);
    CHECK(restored->range().root() == reference.root());
  }
}

TEST_CASE("a missing tile is damage") {
  MemoryStore memory;
  CHECK(LogStore(*memory).tile({0, 0, 1}).error().code == Code::kDataLoss);
  CHECK(LogStore(*memory).tile({0, 0, 256}).error().code == Code::kDataLoss);
  CHECK(LogStore(*memory).tile({1, 0, 1}).error().code == Code::kDataLoss);
}

TEST_CASE("a tile of level 0 that is not full is read from its leaves") {
  MemoryStore memory;
  put_tree(*memory, 260, 1);
  CHECK_FALSE(memory->get(Family::kTile, tile_key(0, 1)).value());
  const Bytes tile = LogStore(*memory).tile({0, 1, 4}).value();
  REQUIRE(tile.size() == 4 * sizeof(Hash));
  CHECK(equal(ByteView(tile).last(sizeof(Hash)), protocol::leaf_hash(leaf_of(259))));
}

TEST_CASE("every checkpoint is kept and the newest is the one with the greatest size") {
  MemoryStore memory;
  const LogStore log(*memory);
  REQUIRE_FALSE(log.newest_checkpoint().value());
  put_tree(*memory, 1000, 300);
  const auto newest = log.newest_checkpoint().value();
  REQUIRE(newest);
  CHECK(newest->size == 1000);
  CHECK(newest->note == "note 1000");
  const auto all = log.checkpoints(301, 10).value();
  REQUIRE(all.size() == 3);
  CHECK(all[0].size == 600);
}

TEST_CASE("sealed bodies and wrapped keys are found by index and class") {
  MemoryStore memory;
  Batch batch;
  v1::SealedRecord record;
  record.set_sealed_a("body");
  record.set_members(true);
  LogStore::put_sealed(batch, 4, record);
  LogStore::put_key(batch, 4, protocol::SlotClass::kAccountability, as_view("wrapped"));
  REQUIRE(memory->commit(batch));
  const LogStore log(*memory);
  CHECK(log.sealed(4).value().sealed_a() == "body");
  CHECK(log.sealed(5).error().code == Code::kOutOfRange);
  CHECK(as_text(*log.key(4, protocol::SlotClass::kAccountability).value()) == "wrapped");
  CHECK_FALSE(log.key(4, protocol::SlotClass::kPersonal).value());
}

}  // namespace
}  // namespace tocsin::storage
