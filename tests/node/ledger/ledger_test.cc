#include "node/ledger/ledger.h"

#include "node/ledger/changes.h"
#include "storage/keys.h"
#include "tests/node/ledger/fixture.h"

namespace tocsin::node {
namespace {

using storage::Family;
using storage::hash_of;

TEST_CASE("a new ledger starts with GENESIS and a signed checkpoint over it") {
  LedgerFixture fixture;
  CHECK(fixture.ledger->size() == 1);
  const auto leaf = protocol::parse_leaf(fixture.ledger->leaf(0).value()).value();
  CHECK(leaf.event == 0x0501);
  CHECK(leaf.chain_seq == 0);
  CHECK(fixture.signed_head().size == 1);
  fixture.open();
  CHECK(fixture.ledger->size() == 1);
}

TEST_CASE("records are chained, proved and opened, before and after reopening") {
  LedgerFixture fixture;
  for (int i = 0; i < 300; ++i) {
    const auto appended = fixture.append({receipt(static_cast<std::uint64_t>(i)), receipt(1)});
    REQUIRE(appended);
    CHECK(appended->first_index == 1 + 2 * static_cast<std::uint64_t>(i));
    CHECK(appended->count == 2);
    CHECK(*appended->checkpoint == *fixture.ledger->checkpoint());
  }
  for (int round = 0; round < 2; ++round) {
    const auto head = fixture.signed_head();
    REQUIRE(head.size == 601);
    Hash previous{};
    for (std::uint64_t i = 1; i < head.size; ++i) {
      const auto bytes = fixture.ledger->leaf(i).value();
      const auto leaf = protocol::parse_leaf(bytes).value();
      CHECK(leaf.chain == fixture.ledger->chain_of(Subject::of_batch({})));
      CHECK(leaf.chain_seq == i - 1);
      CHECK(leaf.previous == previous);
      CHECK(leaf.previous_index == (i == 1 ? protocol::kNoPrevious : i - 1));
      previous = protocol::leaf_hash(bytes);
      const auto proof = fixture.ledger->inclusion(i, head.size).value();
      CHECK(protocol::verify_inclusion(previous, i, head.size, proof, head.root));
    }
    fixture.open();
  }
}

TEST_CASE("an opening leads to its leaf's body root, with the personal class closed") {
  LedgerFixture fixture;
  REQUIRE(fixture.append({receipt(77)}));
  const auto leaf = protocol::parse_leaf(fixture.ledger->leaf(1).value()).value();
  const auto opening = fixture.ledger->opening(1).value();
  const auto slots = protocol::unpack_slots(as_view(opening.slots_a())).value();
  const auto key = fixed<32>(as_view(opening.key_a()), "key").value();
  const auto root_a = protocol::class_root(protocol::SlotClass::kAccountability, key, slots).value();
  const auto root_p = fixed<32>(as_view(opening.root_p()), "root").value();
  CHECK(protocol::body_root(root_a, root_p) == leaf.body_root);
  CHECK(opening.key_p().empty());
  CHECK(protocol::ValidEvent::parse(protocol::Event::kReceipt, slots).value().number(0) == 77);
  CHECK(fixture.ledger->opening(2).error().code == Code::kOutOfRange);
}

TEST_CASE("bodies swapped in the store do not open") {
  LedgerFixture fixture;
  REQUIRE(fixture.append({receipt(3), receipt(4)}));
  storage::Batch swap;
  for (const auto& [to, from] : {std::pair{1, 2}, std::pair{2, 1}}) {
    const auto row =
        fixture.memory->get(Family::kSealed, storage::index_key(static_cast<std::uint64_t>(from)));
    swap.put(Family::kSealed, storage::index_key(static_cast<std::uint64_t>(to)), as_view(**row));
  }
  REQUIRE(fixture.memory->commit(swap));
  CHECK_FALSE(fixture.ledger->opening(1));
  CHECK_FALSE(fixture.ledger->opening(2));
}

TEST_CASE("appends that wait together share one commit and stand or fall each alone") {
  LedgerFixture fixture;
  int good = 0;
  int bad = 0;
  const auto count = [&](Result<Appended> appended) { appended ? ++good : ++bad; };
  fixture.ledger->append({{receipt(5)}}, count);
  Append failing{{receipt(6), receipt(7)}};
  failing.effects = [](Changes& changes) -> Status {
    changes.batch().put(Family::kMeta, as_view("half"), as_view("done"));
    return fail(Code::kFailedPrecondition, "no");
  };
  fixture.ledger->append(std::move(failing), count);
  Append working{{receipt(8)}};
  working.effects = [](Changes& changes) -> Status {
    changes.batch().put(Family::kMeta, as_view("whole"), as_view("done"));
    return {};
  };
  fixture.ledger->append(std::move(working), count);
  Draft malformed = receipt(9);
  malformed.slots.pop_back();
  fixture.ledger->append({{malformed}}, count);
  CHECK(bad == 1);
  CHECK(fixture.ledger->size() == 1);
  fixture.runtime.run();
  CHECK(good == 2);
  CHECK(bad == 2);
  CHECK(fixture.ledger->size() == 3);
  CHECK_FALSE(fixture.memory->get(Family::kMeta, as_view("half")).value());
  CHECK(fixture.memory->get(Family::kMeta, as_view("whole")).value());
  CHECK(storage::LogStore(*fixture.memory).checkpoints(0, 10).value().size() == 2);
}

TEST_CASE("effects without records are one commit and leave the tree alone") {
  LedgerFixture fixture;
  const auto before = fixture.ledger->checkpoint();
  std::size_t heard = 0;
  fixture.ledger->set_listener([&](const Ledger::Committed& committed) {
    ++heard;
    REQUIRE(committed.changed.size() == 1);
    CHECK(committed.from == committed.head.tree.size);
  });
  Append page;
  page.effects = [](Changes& changes) -> Status {
    v1::Case value;
    value.set_signal(to_string(hash_of(5)));
    changes.put_case(value);
    TRY_ASSIGN(const auto seen, changes.case_of(hash_of(5)));
    CHECK(seen);
    return {};
  };
  const auto appended = fixture.append(std::move(page));
  REQUIRE(appended);
  CHECK(appended->count == 0);
  CHECK(heard == 1);
  CHECK(fixture.ledger->checkpoint() == before);
  CHECK(storage::SignalStore(*fixture.memory).get(hash_of(5)).value());
}

TEST_CASE("the same idempotency key has one effect and is answered again, also after reopening") {
  LedgerFixture fixture;
  const IdempotencyKey key{1, 2, 3};
  const auto ask = [&] { return fixture.append(Append{{receipt(10)}, nullptr, key}).value().first_index; };
  std::uint64_t twice[2] = {};
  for (std::uint64_t& index : twice)
    fixture.ledger->append(Append{{receipt(11)}, nullptr, key},
                           [&](Result<Appended> appended) { index = appended.value().first_index; });
  fixture.runtime.run();
  CHECK(twice[0] == 1);
  CHECK(twice[1] == 1);
  CHECK(ask() == 1);
  fixture.open();
  CHECK(ask() == 1);
  CHECK(fixture.ledger->size() == 2);
}

TEST_CASE("time in the ledger never decreases, whatever the clock does") {
  LedgerFixture fixture;
  REQUIRE(fixture.append({receipt(12)}));
  const std::uint64_t before = fixture.ledger->head().time_ms;
  fixture.runtime.now -= 10'000;
  REQUIRE(fixture.append({receipt(13)}));
  CHECK(protocol::parse_leaf(fixture.ledger->leaf(2).value()).value().time_ms == before);
  fixture.open();
  REQUIRE(fixture.append({receipt(14)}));
  CHECK(protocol::parse_leaf(fixture.ledger->leaf(3).value()).value().time_ms == before);
}

TEST_CASE("every earlier checkpoint is a prefix of the newest") {
  LedgerFixture fixture;
  for (int i = 0; i < 40; ++i)
    REQUIRE(fixture.append(std::vector<Draft>(1 + static_cast<std::size_t>(i) % 7, receipt(15))));
  const auto head = fixture.signed_head();
  const auto kept = storage::LogStore(*fixture.memory).checkpoints(0, 1000).value();
  for (const auto& stored : kept) {
    const auto older =
        protocol::parse_checkpoint(protocol::parse_note(stored.note).value().text).value().tree;
    if (older.size == head.size) continue;
    const auto proof = fixture.ledger->consistency(older.size, head.size).value();
    CHECK(protocol::verify_consistency(older, head, proof));
  }
}

TEST_CASE("a store that is not what its checkpoint signs is refused at start-up") {
  LedgerFixture fixture;
  for (int i = 0; i < 300; ++i) REQUIRE(fixture.append({receipt(16)}));
  fixture.ledger.reset();
  storage::Batch damage;
  SECTION("a tile with a flipped bit") {
    auto tile = fixture.memory->get(Family::kTile, storage::tile_key(1, 0)).value().value();
    tile[20] = static_cast<char>(tile[20] ^ 1);
    damage.put(Family::kTile, storage::tile_key(1, 0), as_view(tile));
  }
  SECTION("a leaf with a flipped bit") {
    auto leaf = fixture.memory->get(Family::kLeaf, storage::index_key(299)).value().value();
    leaf[90] = static_cast<char>(leaf[90] ^ 1);
    damage.put(Family::kLeaf, storage::index_key(299), as_view(leaf));
  }
  SECTION("a record too few") {
    damage.remove(Family::kLeaf, storage::index_key(300));
  }
  SECTION("a head that this node did not seal") {
    const auto mine = fixture.memory->head().value();
    REQUIRE(fixture.memory->commit(damage, storage::LogHead{1, 301, mine.root, hash_of(2)}));
  }
  SECTION("a checkpoint under another key") {
    const auto other = ledger_keys(7);
    const auto note = protocol::sign_checkpoint(other.operational, {ledger_keys().origin, {301, hash_of(1)}});
    damage.put(Family::kCheckpoint, storage::index_key(301), as_view(note));
  }
  SECTION("a checkpoint of ours over another root") {
    const auto note =
        protocol::sign_checkpoint(ledger_keys().operational, {ledger_keys().origin, {301, hash_of(1)}});
    damage.put(Family::kCheckpoint, storage::index_key(301), as_view(note));
  }
  if (damage.rows() > 0) REQUIRE(fixture.memory->commit(damage));
  const Status opened = fixture.try_open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Code::kDataLoss);
  CHECK(opened.error().rule == "ledger/start");
}

TEST_CASE("a checkpoint that a power cut took is signed again, with the same bytes") {
  LedgerFixture fixture;
  std::vector<std::string> notes;
  for (int i = 0; i < 5; ++i) notes.push_back(*fixture.append({receipt(16)})->checkpoint);
  storage::Batch lost;
  for (std::uint64_t size = 4; size <= 6; ++size) lost.remove(Family::kCheckpoint, storage::index_key(size));
  REQUIRE(fixture.memory->commit(lost));
  fixture.open();
  CHECK(*fixture.ledger->checkpoint() == notes.back());
  for (std::uint64_t size = 2; size <= 6; ++size)
    CHECK(storage::LogStore(*fixture.memory).checkpoint(size).value() == notes[size - 2]);
}

TEST_CASE("a ledger whose store is in quarantine does not open, and says what to do") {
  LedgerFixture fixture;
  REQUIRE(fixture.append({receipt(16)}));
  fixture.ledger.reset();
  fixture.memory.store.reset();
  REQUIRE(fixture.memory.env->DeleteFile("/node.anchor").ok());
  const Status opened = fixture.try_open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().rule == "storage/behind");
  CHECK_FALSE(opened.error().fix.empty());
}

TEST_CASE("an append of too many records, or to a ledger with too many waiting, is refused") {
  LedgerFixture fixture;
  CHECK(fixture.append(std::vector<Draft>(kDraftsPerAppendMax + 1, receipt(17))).error().rule ==
        "ledger/drafts");
  std::size_t refused = 0;
  for (std::size_t i = 0; i < kPendingAppendsMax + 3; ++i)
    fixture.ledger->append(Append{}, [&](Result<Appended> appended) {
      if (!appended && appended.error().code == Code::kResourceExhausted) ++refused;
    });
  CHECK(refused == 3);
  fixture.runtime.run();
  CHECK(refused == 3);
}

TEST_CASE("a task that outlives its ledger does nothing") {
  LedgerFixture fixture;
  bool answered = false;
  fixture.ledger->append({{receipt(18)}}, [&](Result<Appended>) { answered = true; });
  fixture.ledger.reset();
  fixture.runtime.run();
  CHECK_FALSE(answered);
}

TEST_CASE("a ledger that was told to stop signs nothing more and says why, until it is opened again") {
  LedgerFixture fixture;
  REQUIRE(fixture.append({receipt(1)}));
  const std::string before = *fixture.ledger->checkpoint();
  fixture.ledger->halt({Code::kFailedPrecondition, "another history", "ledger/forked", {}, {}});
  fixture.ledger->halt({Code::kFailedPrecondition, "a later word", "ledger/other", {}, {}});
  CHECK(fixture.append({receipt(2)}).error().rule == "ledger/forked");
  CHECK(*fixture.ledger->checkpoint() == before);
  fixture.open();
  CHECK(fixture.append({receipt(2)}));
}

}  // namespace
}  // namespace tocsin::node
