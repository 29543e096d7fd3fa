#include "node/ledger/sequencer.h"

#include "tests/node/ledger/fixture.h"
#include "tests/storage/fault_env.h"
#include "tests/support/lanes_runtime.h"

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
  tests::LanesRuntime runtime;
  std::unique_ptr<storage::Store> store;
  std::unique_ptr<Ledger> ledger;

  void start() {
    auto opened = storage::Store::open("/node", storage::StoreOptions{&env, 1 << 20, 4 << 20, 256 << 10});
    if (!opened) FAIL(opened.error().message);
    store = std::move(*opened);
    auto started = Ledger::open(*store, runtime, ledger_keys());
    if (!started) FAIL(started.error().message);
    ledger = std::move(*started);
    ledger->hand_over_from(1);
  }
  void append(Append append, std::vector<Result<Appended>>& answers) {
    ledger->append(std::move(append), [&](Result<Appended> answer) { answers.push_back(std::move(answer)); });
  }
  void lose_power() {
    ledger.reset();
    store.reset();
    env.cut_power();
    runtime.drop_all();
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

TEST_CASE("a commit is prepared on top of the one that is at the disk, and both are answered in order") {
  Machine machine;
  machine.start();
  const std::uint64_t before = machine.ledger->size();
  std::vector<Result<Appended>> answers;
  machine.append({{receipt(1)}}, answers);
  REQUIRE(machine.runtime.step(Lane::kSequencer));
  machine.append({{receipt(2)}}, answers);
  REQUIRE(machine.runtime.step(Lane::kSequencer));
  // Two are on their way: the third waits.
  machine.append({{receipt(3)}}, answers);
  while (machine.runtime.step(Lane::kSequencer)) {
  }
  CHECK(answers.empty());
  CHECK(machine.ledger->size() == before);
  REQUIRE(machine.runtime.step(Lane::kDisk));
  CHECK(machine.ledger->size() == before);  // durable, but not seen before the sequencer says so
  CHECK(answers.empty());
  REQUIRE(machine.runtime.step(Lane::kSequencer));
  REQUIRE(answers.size() == 1);
  CHECK(machine.ledger->size() == before + 1);
  machine.runtime.run();
  REQUIRE(answers.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    REQUIRE(answers[i]);
    CHECK(answers[i]->first_index == before + i);
    CHECK(number_at(*machine.ledger, before + i) == i + 1);
    const auto leaf = protocol::parse_leaf(machine.ledger->leaf(before + i).value()).value();
    CHECK(leaf.chain_seq == i);  // all in one chain: each follows on the one prepared before it
  }
  machine.lose_power();
  machine.start();
  CHECK(machine.ledger->size() == before + 3);
}

TEST_CASE("a commit that fails takes the one that was prepared on top of it with it") {
  Machine machine;
  machine.start();
  const protocol::TreeHead before = machine.ledger->head().tree;
  std::vector<Result<Appended>> answers;
  machine.append({{receipt(1)}}, answers);
  REQUIRE(machine.runtime.step(Lane::kSequencer));
  machine.append({{receipt(2)}}, answers);
  REQUIRE(machine.runtime.step(Lane::kSequencer));
  machine.env.break_after(0);
  machine.runtime.run();
  REQUIRE(answers.size() == 2);
  CHECK_FALSE(answers[0]);
  CHECK_FALSE(answers[1]);
  CHECK(machine.ledger->head().tree == before);
  machine.append({{receipt(3)}}, answers);
  machine.runtime.run();
  REQUIRE(answers.size() == 3);
  CHECK(answers[2].error().rule == "ledger/failed");
  machine.lose_power();
  machine.start();
  CHECK(machine.ledger->head().tree == before);
  machine.append({{receipt(4)}}, answers);
  machine.runtime.run();
  REQUIRE(answers[3]);
  CHECK(answers[3]->first_index == before.size);
}

TEST_CASE("a commit in front that is durable stays, when the one behind it fails") {
  Machine machine;
  machine.start();
  const std::uint64_t before = machine.ledger->size();
  std::vector<Result<Appended>> answers;
  machine.append({{receipt(1)}}, answers);
  REQUIRE(machine.runtime.step(Lane::kSequencer));
  REQUIRE(machine.runtime.step(Lane::kDisk));
  REQUIRE(machine.runtime.step(Lane::kSequencer));
  machine.append({{receipt(2)}}, answers);
  REQUIRE(machine.runtime.step(Lane::kSequencer));
  machine.env.break_after(0);
  machine.runtime.run();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0]);
  CHECK_FALSE(answers[1]);
  machine.lose_power();
  machine.start();
  CHECK(machine.ledger->size() == before + 1);
  CHECK(number_at(*machine.ledger, before) == 1);
}

TEST_CASE("a key that comes again while its first append is on its way gets the first answer") {
  Machine machine;
  machine.start();
  const std::uint64_t before = machine.ledger->size();
  const IdempotencyKey key{7};
  std::vector<Result<Appended>> answers;
  machine.append({{receipt(1)}, nullptr, key}, answers);
  REQUIRE(machine.runtime.step(Lane::kSequencer));
  machine.append({{receipt(1)}, nullptr, key}, answers);
  machine.runtime.run();
  REQUIRE(answers.size() == 2);
  REQUIRE(answers[0]);
  REQUIRE(answers[1]);
  CHECK(answers[1]->first_index == before);
  CHECK(machine.ledger->size() == before + 1);
}

TEST_CASE("effects see the store with everything in front of them, so they wait for what is on its way") {
  Machine machine;
  machine.start();
  std::vector<Result<Appended>> answers;
  std::uint64_t seen = 0;
  machine.append({{receipt(1)}}, answers);
  REQUIRE(machine.runtime.step(Lane::kSequencer));
  Append page{{receipt(2)}};
  page.effects = [&](Changes&) -> Status {
    seen = machine.ledger->log().leaf_count().value();
    return {};
  };
  machine.append(std::move(page), answers);
  while (machine.runtime.step(Lane::kSequencer)) {
  }
  CHECK(seen == 0);
  machine.runtime.run();
  REQUIRE(answers.size() == 2);
  CHECK(answers[1]);
  CHECK(seen == machine.ledger->size() - 1);
}

TEST_CASE("a refusal that rests on what is on its way is given when that has been written") {
  Machine machine;
  machine.start();
  std::vector<Result<Appended>> answers;
  machine.append({{receipt(1)}}, answers);
  REQUIRE(machine.runtime.step(Lane::kSequencer));
  Append refused{{receipt(2)}};
  refused.drafts[0].subject = Subject::of_signal(filled(3));
  refused.drafts[0].event = protocol::Event::kWithdrawn;
  refused.drafts[0].slots = {protocol::slot_text(0, "because")};
  machine.append(std::move(refused), answers);
  REQUIRE(machine.runtime.step(Lane::kSequencer));
  CHECK(answers.empty());
  machine.runtime.run();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0]);
  CHECK_FALSE(answers[1]);
}

}  // namespace
}  // namespace tocsin::node
