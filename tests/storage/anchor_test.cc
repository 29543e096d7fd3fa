#include "storage/anchor.h"

#include <rocksdb/env.h>

#include "storage/store.h"
#include "tests/storage/fault_env.h"
#include "tests/storage/memory_store.h"

namespace tocsin::storage {
namespace {

constexpr std::size_t kHalf = 64 << 10;
constexpr std::size_t kPage = 4096;

AnchorEntry entry_of(std::uint64_t number, std::size_t rows = 100) {
  AnchorEntry out;
  out.number = number;
  out.head = {1, number * 10, hash_of(static_cast<std::uint8_t>(number)), hash_of(7)};
  out.carried = true;
  out.rows.assign(rows, static_cast<std::uint8_t>(number));
  return out;
}

struct AnchorFile {
  std::unique_ptr<rocksdb::Env> env{rocksdb::NewMemEnv(rocksdb::Env::Default())};
  Anchor::Place place{env.get(), "/anchor", kHalf};

  std::unique_ptr<Anchor> open(const Anchor::Found& found = {}) {
    auto anchor = Anchor::open(place, found);
    if (!anchor) FAIL(anchor.error().message);
    return std::move(*anchor);
  }
  Anchor::Found read() const { return Anchor::read(place).value(); }
  void flip(std::size_t at) {
    std::string content;
    REQUIRE(rocksdb::ReadFileToString(env.get(), place.path, &content).ok());
    content[at] = static_cast<char>(content[at] ^ 4);
    REQUIRE(rocksdb::WriteStringToFile(env.get(), content, place.path, true).ok());
  }
};

void write(Anchor& anchor, const AnchorEntry& entry) {
  if (!anchor.has_room(entry)) anchor.turn();
  REQUIRE(anchor.write(entry).value() == entry.rows);
  REQUIRE(anchor.flush());
}

TEST_CASE("the anchor gives back the newest run of entries, across halves and reopening") {
  AnchorFile file;
  CHECK_FALSE(file.read().exists);
  Anchor::Found found;
  std::uint64_t number = 0;
  for (int round = 0; round < 4; ++round) {
    const auto anchor = file.open(found);
    for (int i = 0; i < 30; ++i) {
      ++number;
      write(*anchor, entry_of(number, number % 5 == 0 ? kCarriedBytesMax : 90));
    }
    found = file.read();
    REQUIRE_FALSE(found.damaged);
    REQUIRE_FALSE(found.entries.empty());
    CHECK(found.entries.back().number == number);
    CHECK(found.entries.back().head == entry_of(number).head);
    for (const AnchorEntry& entry : found.entries)
      CHECK(entry.rows == entry_of(entry.number, entry.number % 5 == 0 ? kCarriedBytesMax : 90).rows);
  }
}

TEST_CASE("one damaged copy of an entry loses nothing, wherever the bit is") {
  for (const std::size_t entry : {0U, 1U, 2U})
    for (const std::size_t copy : {0U, 1U})
      for (const std::size_t byte : {0U, 9U, 30U, 100U, 101U, 110U, 140U}) {
        AnchorFile file;
        const auto anchor = file.open();
        for (std::uint64_t number = 1; number <= 3; ++number) write(*anchor, entry_of(number));
        file.flip((2 * entry + copy) * kPage + byte);
        const auto found = file.read();
        CHECK_FALSE(found.damaged);
        CHECK(found.entries.size() == 3);
      }
}

TEST_CASE("an entry is found by its second copy where the first did not reach the disk") {
  AnchorFile file;
  Anchor::Found found;
  std::string before;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    const auto anchor = file.open(found);
    REQUIRE(rocksdb::ReadFileToString(file.env.get(), file.place.path, &before).ok());
    write(*anchor, entry_of(number));
    found = file.read();
  }
  // Number 3 was written over number 1.
  std::string content;
  REQUIRE(rocksdb::ReadFileToString(file.env.get(), file.place.path, &content).ok());
  content.replace(0, kPage, before, 0, kPage);
  REQUIRE(rocksdb::WriteStringToFile(file.env.get(), content, file.place.path, true).ok());
  found = file.read();
  CHECK_FALSE(found.damaged);
  REQUIRE_FALSE(found.entries.empty());
  CHECK(found.entries.back().number == 3);
}

TEST_CASE("an entry with both copies damaged is noticed unless it is the newest") {
  for (const std::size_t entry : {0U, 1U, 2U}) {
    AnchorFile file;
    const auto anchor = file.open();
    for (std::uint64_t number = 1; number <= 3; ++number) write(*anchor, entry_of(number));
    file.flip(2 * entry * kPage + 20);
    file.flip((2 * entry + 1) * kPage + 20);
    CHECK(file.read().damaged == (entry < 2));
  }
}

TEST_CASE("a store whose own log lost commits is completed from the anchor") {
  FaultEnv env;
  const StoreOptions options{&env, 1 << 20, 4 << 20, 256 << 10};
  {
    auto store = Store::open("/node", options);
    REQUIRE(store);
    for (std::uint8_t i = 1; i <= 20; ++i) {
      Batch batch;
      batch.put(Family::kMeta, as_view("last"), hash_of(i));
      batch.put(Family::kLeaf, hash_of(i), {});
      REQUIRE((*store)->commit(batch, {1, i, hash_of(i), {}}));
    }
    env.break_after(0);
  }
  env.cut_power();
  auto store = Store::open("/node", options);
  REQUIRE(store);
  REQUIRE_FALSE((*store)->quarantine());
  CHECK((*store)->head() == LogHead{1, 20, hash_of(20), {}});
  CHECK((*store)->anchored_heads().back() == LogHead{1, 20, hash_of(20), {}});
  for (std::uint8_t i = 1; i <= 20; ++i) CHECK((*store)->get(Family::kLeaf, hash_of(i)).value());
}

TEST_CASE("a store that was put back to an earlier state is in quarantine: it reads and writes nothing") {
  MemoryStore memory;
  std::string earlier;
  Batch batch;
  batch.put(Family::kMeta, as_view("a"), as_view("1"));
  REQUIRE(memory->commit(batch, {1, 1, hash_of(1), {}}));
  const auto whole = [&] {
    memory.reopen();
    return !memory->quarantine();
  };
  REQUIRE(whole());
  SECTION("the anchor comes from a later time") {
    REQUIRE(rocksdb::ReadFileToString(memory.env.get(), "/node.anchor", &earlier).ok());
    std::unique_ptr<rocksdb::Env> other(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    REQUIRE(rocksdb::WriteStringToFile(other.get(), earlier, "/node.anchor", true).ok());
    // 130 commits more turn the anchor to its other half, so that it no longer carries all of them.
    for (std::uint8_t i = 2; i < 132; ++i) REQUIRE(memory->commit(batch, {1, i, hash_of(i), {}}));
    REQUIRE(rocksdb::ReadFileToString(memory.env.get(), "/node.anchor", &earlier).ok());
    REQUIRE(rocksdb::WriteStringToFile(other.get(), earlier, "/node.anchor", true).ok());
    memory.store.reset();
    memory.env = std::move(other);
    auto opened = Store::open("/node", StoreOptions{memory.env.get(), 1 << 20, 4 << 20, 256 << 10});
    REQUIRE(opened);
    memory.store = std::move(*opened);
  }
  SECTION("the anchor is gone") {
    memory.store.reset();
    REQUIRE(memory.env->DeleteFile("/node.anchor").ok());
    REQUIRE_FALSE(whole());
    CHECK(memory->get(Family::kMeta, as_view("a")).value() == "1");
  }
  REQUIRE(memory->quarantine());
  CHECK(memory->quarantine()->rule == "storage/behind");
  CHECK_FALSE(memory->quarantine()->fix.empty());
  const auto refused = memory->commit(batch);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().rule == "storage/behind");
}

}  // namespace
}  // namespace tocsin::storage
