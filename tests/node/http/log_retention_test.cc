#include "node/http/log_retention.h"

#include "protocol/log/leaf.h"
#include "tests/storage/memory_store.h"
#include "tests/support/catch.h"
#include "tests/support/manual_runtime.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

constexpr std::uint64_t kDayMs = 24ULL * 3600 * 1000;
constexpr std::uint64_t kKeepMs = 1280 * kDayMs;

// A log with a record a day, the last of them now.
struct OldLog {
  explicit OldLog(std::uint64_t records) : size(records) {
    storage::Batch batch;
    for (std::uint64_t i = 0; i < size; ++i) {
      protocol::Leaf leaf;
      leaf.event = 0x0202;
      leaf.time_ms = time_of(i);
      leaf.previous_index = protocol::kNoPrevious;
      storage::LogStore::put_leaf(batch, i, protocol::encode_leaf(leaf));
    }
    REQUIRE(memory->commit(batch));
  }
  std::uint64_t time_of(std::uint64_t index) const { return runtime.now - (size - 1 - index) * kDayMs; }

  tests::ManualRuntime runtime;
  std::uint64_t size;
  storage::MemoryStore memory;
  const storage::LogStore log{*memory};
  LogRetention retention{log, runtime, [this] { return Published{{size, {}}, nullptr}; }, kKeepMs};
};

}  // namespace

TEST_CASE("a young log is served whole, an old one from a whole bundle on whose first record is itself old") {
  CHECK(OldLog(1).retention.minimum_index() == 0);
  CHECK(OldLog(1281).retention.minimum_index() == 0);
  for (const std::uint64_t size : {1281 + 255, 1281 + 256, 1281 + 257, 1281 + 700}) {
    OldLog log(size);
    const std::uint64_t minimum = log.retention.minimum_index();
    CHECK(minimum % 256 == 0);
    const std::uint64_t cutoff = log.runtime.now - kKeepMs;
    CHECK((minimum == 0 || log.time_of(minimum) < cutoff));
    // No bundle that could have been closed is open.
    CHECK((minimum + 256 >= size || log.time_of(minimum + 256) >= cutoff));
  }
}

TEST_CASE("the minimum index follows the clock and never goes back") {
  OldLog log(2000);
  const std::uint64_t before = log.retention.minimum_index();
  log.runtime.now += 300 * kDayMs;
  const std::uint64_t after = log.retention.minimum_index();
  CHECK(after >= before + 256);
  log.runtime.now -= 300 * kDayMs;
  CHECK(log.retention.minimum_index() == after);
}

TEST_CASE("an empty log prunes nothing") {
  CHECK(OldLog(0).retention.minimum_index() == 0);
}
