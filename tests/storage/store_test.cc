#include "storage/store.h"

#include <filesystem>

#include <unistd.h>

#include "tests/storage/fault_env.h"
#include "tests/storage/memory_store.h"

namespace tocsin::storage {
namespace {

std::string value_of(const Store& store, Family family, std::string_view key) {
  auto row = store.get(family, as_view(key));
  REQUIRE(row);
  return row->value_or("(absent)");
}

struct Directory {
  std::filesystem::path above =
      std::filesystem::temp_directory_path() / ("tocsin-store-" + std::to_string(getpid()) + "-" +
                                                std::to_string(reinterpret_cast<std::uintptr_t>(this)));
  std::filesystem::path path = above / "store";
  Directory() { std::filesystem::create_directories(above); }
  ~Directory() { std::filesystem::remove_all(above); }
};

TEST_CASE("a batch is applied whole and outlives the store on disk") {
  Directory directory;
  {
    auto store = Store::open(directory.path.string());
    REQUIRE(store);
    Batch batch;
    batch.put(Family::kMeta, as_view("a"), as_view("1"));
    batch.put(Family::kSignal, as_view("a"), as_view("2"));
    batch.put(Family::kMeta, as_view("gone"), as_view("3"));
    batch.remove(Family::kMeta, as_view("gone"));
    REQUIRE((*store)->commit(batch));
  }
  auto store = Store::open(directory.path.string());
  REQUIRE(store);
  CHECK(value_of(**store, Family::kMeta, "a") == "1");
  CHECK(value_of(**store, Family::kSignal, "a") == "2");
  CHECK(value_of(**store, Family::kMeta, "gone") == "(absent)");
}

TEST_CASE("a store that another process has open answers unavailable") {
  Directory directory;
  auto first = Store::open(directory.path.string());
  REQUIRE(first);
  auto second = Store::open(directory.path.string());
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Code::kUnavailable);
  CHECK(second.error().rule == "storage/locked");
}

TEST_CASE("a store opened to spare a full disk has every row, and takes more") {
  Directory directory;
  StoreOptions spare;
  spare.spare_disk = true;
  for (const std::string name : {"a", "b", "c"}) {
    auto store = Store::open(directory.path.string(), spare);
    REQUIRE(store);
    Batch batch;
    batch.put(Family::kMeta, as_view(name), as_view("1"));
    REQUIRE((*store)->commit(batch));
  }
  auto store = Store::open(directory.path.string());
  REQUIRE(store);
  for (const std::string name : {"a", "b", "c"}) CHECK(value_of(**store, Family::kMeta, name) == "1");
}

TEST_CASE(
    "a store that was told of more than it holds takes no commit, whenever it is opened, until it is "
    "mended") {
  MemoryStore memory;
  Batch batch;
  batch.put(Family::kMeta, as_view("a"), as_view("1"));
  LogHead head{1, 5, hash_of(5), hash_of(6)};
  REQUIRE(memory->commit(batch, head, nullptr));
  REQUIRE(memory->enter_quarantine(
      Error{Code::kFailedPrecondition, "beta holds 7", "ledger/behind", "why", "fix"}));
  CHECK_FALSE(memory->commit(batch));
  memory.reopen();
  REQUIRE(memory->quarantine());
  CHECK(memory->quarantine()->message == "beta holds 7");
  CHECK(memory->quarantine()->rule == "ledger/behind");
  CHECK(memory->quarantine()->fix == "fix");
  CHECK_FALSE(memory->commit(batch));
  CHECK(memory->head()->size == 5);

  Batch mended;
  mended.put(Family::kMeta, as_view("b"), as_view("2"));
  REQUIRE(memory->mend(mended));
  memory.reopen();
  CHECK(memory->quarantine());
  head.size = 7;
  REQUIRE(memory->end_quarantine(mended, head));
  memory.reopen();
  CHECK_FALSE(memory->quarantine());
  CHECK(memory->head()->size == 7);
  CHECK(value_of(*memory, Family::kMeta, "a") == "1");
  CHECK(value_of(*memory, Family::kMeta, "b") == "2");
  REQUIRE(memory->commit(batch));
  memory.reopen();
  CHECK_FALSE(memory->quarantine());
}

TEST_CASE("the in-memory environment keeps rows across reopening") {
  MemoryStore memory;
  Batch batch;
  batch.put(Family::kPeer, as_view("p"), as_view("v"));
  REQUIRE(memory->commit(batch));
  memory.reopen();
  CHECK(value_of(*memory, Family::kPeer, "p") == "v");
}

TEST_CASE("a scan sees exactly the rows under its prefix, in order, from where it was asked to start") {
  MemoryStore memory;
  Batch batch;
  for (const std::string_view key : {"a", "b", "b1", "b2", "c"}) batch.put(Family::kMeta, as_view(key), {});
  const std::string high("\xFF\xFF", 2);
  batch.put(Family::kMeta, as_view(high), {});
  batch.put(Family::kMeta, as_view(high + "x"), {});
  REQUIRE(memory->commit(batch));
  const auto keys = [&](std::string_view prefix, std::string_view from) {
    std::string out;
    Cursor cursor = memory->scan(Family::kMeta, as_view(prefix), as_view(from));
    for (; cursor.valid(); cursor.next()) out += to_string(cursor.key()) + " ";
    REQUIRE(cursor.status());
    return out;
  };
  CHECK(keys("b", "") == "b b1 b2 ");
  CHECK(keys("b", "b1") == "b1 b2 ");
  CHECK(keys("b", "a") == "b b1 b2 ");
  CHECK(keys("d", "").empty());
  CHECK(keys(high, "") == high + " " + high + "x ");
}

TEST_CASE("the last row under a prefix is found, and its absence too") {
  MemoryStore memory;
  Batch batch;
  for (const std::string_view key : {"a1", "a9", "b", "c"})
    batch.put(Family::kPeer, as_view(key), as_view(key));
  REQUIRE(memory->commit(batch));
  auto last = memory->last(Family::kPeer, as_view("a"));
  REQUIRE((last && *last));
  CHECK((*last)->key == "a9");
  last = memory->last(Family::kPeer);
  REQUIRE((last && *last));
  CHECK((*last)->key == "c");
  last = memory->last(Family::kPeer, as_view("bb"));
  REQUIRE(last);
  CHECK_FALSE(*last);
}

TEST_CASE("batches can be appended to one another") {
  MemoryStore memory;
  Batch first;
  first.put(Family::kMeta, as_view("k"), as_view("1"));
  Batch second;
  second.put(Family::kMeta, as_view("k"), as_view("2"));
  first.append(second);
  CHECK(first.rows() == 2);
  REQUIRE(memory->commit(first));
  CHECK(value_of(*memory, Family::kMeta, "k") == "2");
}

TEST_CASE("after a failed write the store refuses every write until it is opened again, and still reads") {
  FaultEnv env;
  {
    auto store = Store::open("/node", StoreOptions{&env, 1 << 20, 4 << 20, 256 << 10});
    REQUIRE(store);
    Batch batch;
    batch.put(Family::kMeta, as_view("a"), as_view("1"));
    REQUIRE((*store)->commit(batch));
    env.break_after(1);
    REQUIRE_FALSE((*store)->commit(batch));
    auto again = (*store)->commit(batch);
    REQUIRE_FALSE(again);
    CHECK(again.error().rule == "storage/broken");
    CHECK((*store)->broken());
    CHECK(value_of(**store, Family::kMeta, "a") == "1");
  }
  env.cut_power();
  auto store = Store::open("/node", StoreOptions{&env, 1 << 20, 4 << 20, 256 << 10});
  REQUIRE(store);
  CHECK(value_of(**store, Family::kMeta, "a") == "1");
}

TEST_CASE("a power cut takes what was not answered and nothing else") {
  FaultEnv env;
  {
    auto store = Store::open("/node", StoreOptions{&env, 1 << 20, 4 << 20, 256 << 10});
    REQUIRE(store);
    Batch first;
    first.put(Family::kMeta, as_view("a"), as_view("1"));
    REQUIRE((*store)->commit(first));
    Batch second;
    second.put(Family::kMeta, as_view("b"), as_view("2"));
    env.break_after(0);
    REQUIRE_FALSE((*store)->commit(second));
  }
  env.cut_power();
  auto store = Store::open("/node", StoreOptions{&env, 1 << 20, 4 << 20, 256 << 10});
  REQUIRE(store);
  CHECK(value_of(**store, Family::kMeta, "a") == "1");
  CHECK(value_of(**store, Family::kMeta, "b") == "(absent)");
}

}  // namespace
}  // namespace tocsin::storage
