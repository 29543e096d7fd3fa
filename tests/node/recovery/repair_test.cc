#include "node/recovery/repair.h"

#include "protocol/process/effective.h"
#include "storage/keys.h"
#include "tests/node/recovery/trio.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::node {
namespace {

// Cases as they were and as they are now, but for what no ledger says.
std::vector<std::string> cases_of(const storage::Store& store) {
  std::vector<std::string> out;
  const auto cases = storage::SignalStore(store).list({}, nullptr, 1000);
  REQUIRE(cases);
  for (v1::Case value : *cases) {
    value.clear_held_ms();
    value.clear_receivers();  // the members' own records come again with their feeds
    out.push_back(value.ShortDebugString());
  }
  return out;
}

std::string body_of(const Ledger& ledger, std::uint64_t index) {
  const auto opening = ledger.opening(index);
  return opening ? opening->key_a() + opening->slots_a() : opening.error().rule;
}

}  // namespace

TEST_CASE("records lost with the newest disk are got back from peers, proved, and built upon") {
  Trio trio;
  trio.publish('1');
  trio.sync();
  trio.back_up();
  const std::uint64_t had = trio.alpha.ledger->size();
  const std::string second = trio.publish('2');
  REQUIRE(trio.alpha.commit(trio.alpha.retracted(second)));
  trio.publish('3');
  trio.sync();
  trio.open_store();
  REQUIRE(trio.store->quarantine());
  trio.begin_repair();
  INFO(trio.repair->report().waiting_for);
  REQUIRE(trio.done);
  CHECK(trio.repair->report().base == had);
  CHECK(trio.repair->report().lost == 0);

  const auto ledger = trio.open_ledger();
  CHECK(ledger->head().tree == trio.alpha.ledger->head().tree);
  CHECK(*ledger->checkpoint() == *trio.alpha.ledger->checkpoint());
  for (std::uint64_t i = 0; i < ledger->size(); ++i) {
    INFO("record " << i);
    CHECK(body_of(*ledger, i) == body_of(*trio.alpha.ledger, i));
    const auto before = trio.alpha.ledger->sealed(i).value(), after = ledger->sealed(i).value();
    CHECK(before.members() == after.members());
    CHECK(std::vector<std::string>(before.audience().begin(), before.audience().end()) ==
          std::vector<std::string>(after.audience().begin(), after.audience().end()));
    CHECK(std::vector<std::uint64_t>(before.attached().begin(), before.attached().end()) ==
          std::vector<std::uint64_t>(after.attached().begin(), after.attached().end()));
  }
  CHECK(cases_of(*trio.store) == cases_of(*trio.alpha.memory));
}

TEST_CASE("the node waits for every member, and leaves one out only by its operator's decision") {
  Trio trio;
  trio.back_up();
  trio.publish('1');
  trio.sync();
  trio.silent = {"gamma.example"};
  trio.open_store();
  trio.begin_repair();
  CHECK_FALSE(trio.done);
  Repair::Report report = trio.repair->report();
  CHECK(report.waiting_for == "waiting for gamma.example");
  CHECK(report.proven == trio.alpha.ledger->size());
  CHECK(report.fix.find("--without") != std::string::npos);

  const Status unknown = trio.repair->decide({{"delta.example"}});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().rule == "recovery/member");
  REQUIRE(trio.repair->decide({{"gamma.example"}}));
  trio.alpha.runtime.run();
  CHECK(trio.done);
  CHECK(trio.open_ledger()->size() == trio.alpha.ledger->size());
}

TEST_CASE("a peer's records count only when they lead to a checkpoint that we signed") {
  Trio trio;
  trio.back_up();
  trio.publish('1');
  trio.sync();
  std::string liar;  // whoever is asked first
  trio.bend = [&](const std::string& who, v1::HeldReply& reply) {
    if (reply.leaves().empty() || (!liar.empty() && liar != who)) return;
    liar = who;
    (*reply.mutable_leaves())[100] ^= 1;
  };
  trio.open_store();
  trio.begin_repair();
  INFO(trio.repair->report().waiting_for);
  REQUIRE(trio.done);  // the other's do
  CHECK_FALSE(liar.empty());
  CHECK(trio.open_ledger()->head().tree == trio.alpha.ledger->head().tree);
}

TEST_CASE("what nobody was given is lost and said to be; approvals from before it are void") {
  Trio trio;
  const std::string approved = trio.alpha.submit('1');
  REQUIRE(trio.alpha.commit(trio.alpha.reviewed(approved)));
  trio.back_up();
  const std::string draft = trio.alpha.submit('2');
  REQUIRE(trio.alpha.commit(trio.alpha.reviewed(draft)));
  trio.publish('3');
  trio.sync();
  trio.open_store();
  trio.begin_repair();
  REQUIRE(trio.done);
  CHECK(trio.repair->report().lost == 2);
  const auto ledger = trio.open_ledger();
  CHECK(ledger->head().tree == trio.alpha.ledger->head().tree);
  std::size_t lost = 0;
  for (std::uint64_t i = 0; i < ledger->size(); ++i) lost += body_of(*ledger, i) == kLostRule ? 1 : 0;
  CHECK(lost == 2);
  const auto cases = storage::SignalStore(*trio.store).list({}, nullptr, 10);
  REQUIRE(cases);
  REQUIRE(cases->size() == 2);
  for (const v1::Case& value : *cases) {
    if (value.origin().published_ms() != 0) continue;
    CHECK(value.origin().phase() == v1::DRAFT);
    CHECK(value.origin().review_index() == 0);
  }
}

TEST_CASE("a checkpoint beyond all records that can be had keeps the node from signing") {
  Trio trio;
  trio.back_up();
  trio.publish('1');
  // Gamma cosigned it as a witness, and the disk was gone before anybody had pulled the records.
  storage::Batch batch;
  storage::WitnessStore::put_seen(batch, trio.alpha.ledger->origin(), *trio.alpha.ledger->checkpoint());
  REQUIRE(trio.gamma.memory->commit(batch));
  trio.open_store();
  trio.begin_repair();
  CHECK_FALSE(trio.done);
  CHECK(trio.repair->report().waiting_for.find("gamma.example has seen this node sign") != std::string::npos);
  REQUIRE(trio.repair->decide({{}, true, true}));
  trio.alpha.runtime.run();
  CHECK_FALSE(trio.done);
  // Gamma's checkpoint is no obstacle to whoever decides against gamma, knowingly.
  REQUIRE(trio.repair->decide({{"gamma.example"}}));
  trio.alpha.runtime.run();
  CHECK(trio.done);
}

TEST_CASE("a checkpoint of another history that we signed keeps the node from signing") {
  Trio trio;
  trio.back_up();
  trio.publish('1');
  trio.sync();
  const protocol::TreeHead other{trio.alpha.ledger->size() - 1, crypto::sha256(as_view("another history"))};
  storage::Batch batch;
  storage::WitnessStore::put_seen(
      batch, trio.alpha.ledger->origin(),
      protocol::sign_checkpoint(trio.alpha.operational, {trio.alpha.ledger->origin(), other}));
  REQUIRE(trio.gamma.memory->commit(batch));
  trio.open_store();
  trio.begin_repair();
  CHECK_FALSE(trio.done);
  CHECK(trio.repair->report().waiting_for.find("not of this history") != std::string::npos);
  trio.open_store();
  CHECK(trio.store->quarantine());
}

TEST_CASE("a node without members to ask is its operator's to decide about") {
  tests::Company alone("alone.example");
  Trio trio;
  trio.back_up();
  trio.open_store();
  storage::Batch rows;
  for (const tests::Company* member : {&trio.beta, &trio.gamma}) {
    auto row = storage::PeerStore(*trio.store).get(trio.id_of(*member)).value().value();
    row.set_standing(v1::PEER_REMOVED);
    storage::PeerStore::put(rows, row);
  }
  REQUIRE(trio.store->mend(rows));
  trio.begin_repair();
  CHECK_FALSE(trio.done);
  CHECK(trio.repair->report().waiting_for == "there is no member to ask");
  REQUIRE(trio.repair->decide({{}, true}));
  trio.alpha.runtime.run();
  CHECK(trio.done);
}

TEST_CASE("a damaged record in the middle is got back without losing what stands behind it") {
  Trio trio;
  trio.publish('1');
  const std::string id = trio.publish('2');
  trio.sync();
  trio.back_up();
  trio.open_store();
  const std::uint64_t broken = trio.alpha.ledger->size() / 2;
  auto leaf = trio.store->get(storage::Family::kLeaf, storage::index_key(broken)).value().value();
  leaf[90] ^= 1;
  storage::Batch damage;
  damage.put(storage::Family::kLeaf, storage::index_key(broken), as_view(leaf));
  REQUIRE(trio.store->mend(damage));
  trio.begin_repair();
  REQUIRE(trio.done);
  CHECK(trio.repair->report().base <= broken);
  CHECK(trio.repair->report().lost == 0);
  const auto ledger = trio.open_ledger();
  CHECK(ledger->head().tree == trio.alpha.ledger->head().tree);
  CHECK(cases_of(*trio.store) == cases_of(*trio.alpha.memory));
}

}  // namespace tocsin::node
