#include "node/ledger/sequencer.h"

#include "tests/node/ledger/fixture.h"
#include "tests/storage/fault_env.h"

#ifdef __SANITIZE_ADDRESS__
// RocksDB 7.8 forgets the memtable it was about to switch to when the write that goes with the switch fails,
// and failing writes are what is tested here. Nothing else may leak.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:rocksdb::ColumnFamilyData::ConstructNewMemtable\n";
}
#endif

namespace tocsin::node {
namespace {

// What was acknowledged, with the tree it was acknowledged against.
struct Acknowledged {
  std::uint64_t index = 0;
  std::uint64_t number = 0;
  protocol::TreeHead tree;
};

struct Machine {
  storage::FaultEnv env;
  tests::ManualRuntime runtime;
  std::unique_ptr<storage::Store> store;
  std::unique_ptr<Ledger> ledger;

  void start() {
    auto opened = storage::Store::open("/node", storage::StoreOptions{&env, 1 << 20, 4 << 20, 256 << 10});
    if (!opened) FAIL(opened.error().message);
    store = std::move(*opened);
    auto started = Ledger::open(*store, runtime, ledger_keys());
    if (!started) FAIL(started.error().message);
    ledger = std::move(*started);
  }
  void lose_power() {
    ledger.reset();
    store.reset();
    env.cut_power();
    runtime.tasks.clear();
  }
};

std::uint64_t number_at(const Ledger& ledger, std::uint64_t index) {
  const auto opening = ledger.opening(index).value();
  auto slots = protocol::unpack_slots(as_view(opening.slots_a())).value();
  return protocol::ValidEvent::parse(protocol::Event::kReceipt, std::move(slots)).value().number(0);
}

void check_kept(const Ledger& ledger, const std::vector<Acknowledged>& acks) {
  const protocol::TreeHead now = ledger.head().tree;
  for (const Acknowledged& ack : acks) {
    REQUIRE(ack.index < now.size);
    CHECK(number_at(ledger, ack.index) == ack.number);
    if (ack.tree.size == now.size) {
      CHECK(ack.tree == now);
      continue;
    }
    REQUIRE(ack.tree.size < now.size);
    const auto proof = ledger.consistency(ack.tree.size, now.size).value();
    CHECK(protocol::verify_consistency(ack.tree, now, proof));
  }
}

TEST_CASE("whatever was acknowledged survives a power cut at every write and sync of the store") {
  for (std::uint64_t moment = 0; moment < 40; ++moment) {
    Machine machine;
    machine.start();
    std::vector<Acknowledged> acks;
    std::uint64_t number = 0;
    std::size_t refused = 0;
    machine.env.break_after(moment);
    for (int round = 0; round < 30 && refused == 0; ++round) {
      for (std::uint64_t i = 0; i <= moment % 5; ++i) {
        const std::uint64_t mine = ++number;
        machine.ledger->append({{receipt(mine)}}, [&, mine](Result<Appended> appended) {
          if (!appended) return void(++refused);
          acks.push_back({appended->first_index, mine, machine.ledger->head().tree});
        });
      }
      machine.runtime.run();
    }
    REQUIRE(refused > 0);
    std::optional<Error> later;
    machine.ledger->append({{receipt(1)}}, [&](Result<Appended> appended) {
      if (!appended) later = appended.error();
    });
    machine.runtime.run();
    REQUIRE(later);
    CHECK(later->rule == "ledger/failed");
    machine.lose_power();
    machine.start();
    check_kept(*machine.ledger, acks);
    machine.ledger->append({{receipt(1)}}, [&](Result<Appended> appended) { CHECK(appended); });
    machine.runtime.run();
    check_kept(*machine.ledger, acks);
  }
}

}  // namespace
}  // namespace tocsin::node
