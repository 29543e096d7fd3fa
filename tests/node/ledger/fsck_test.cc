#include "node/ledger/fsck.h"

#include "storage/keys.h"
#include "tests/node/ledger/fixture.h"

namespace tocsin::node {
namespace {

using storage::Family;

// 701 records in commits of seven: two full tiles and a partial one, and a hundred checkpoints.
struct FsckFixture : LedgerFixture {
  FsckFixture() {
    for (std::uint64_t i = 0; i < 100; ++i) REQUIRE(append(std::vector<Draft>(7, receipt(i))));
  }
  FsckReport check(std::uint64_t at_once = 1'000'000) {
    const LedgerKeys keys = ledger_keys();
    Fsck::Input input{*memory,
                      keys.origin,
                      {*protocol::make_verifier_key(keys.origin, protocol::KeyType::kEd25519,
                                                    keys.operational.public_key())},
                      ledger->size(),
                      [this](std::uint64_t index) -> Status {
                        TRY_ASSIGN(const auto opening, ledger->opening(index));
                        (void)opening;
                        return {};
                      }};
    Fsck fsck(std::move(input));
    while (!fsck.done()) REQUIRE(fsck.step(at_once));
    return fsck.report();
  }
  void flip(Family family, ByteView key, std::size_t at) {
    auto row = memory->get(family, key).value().value();
    row[at] = static_cast<char>(row[at] ^ 4);
    storage::Batch batch;
    batch.put(family, key, as_view(row));
    REQUIRE(memory->commit(batch));
  }
  void remove(Family family, ByteView key) {
    storage::Batch batch;
    batch.remove(family, key);
    REQUIRE(memory->commit(batch));
  }
};

TEST_CASE("a ledger that was left alone has no findings, whatever the size of a step") {
  FsckFixture fixture;
  for (const std::uint64_t at_once : {1'000'000u, 100u, 1u}) {
    const FsckReport report = fixture.check(at_once);
    CHECK(report.problems == 0);
    CHECK(report.records == 701);
    CHECK(report.bodies == 701);
    CHECK(report.checkpoints == 101);
    CHECK(report.tiles == 4);
  }
}

TEST_CASE("every damaged row is found and named") {
  FsckFixture fixture;
  std::string named;
  SECTION("a leaf") {
    fixture.flip(Family::kLeaf, storage::index_key(300), 90);
    named = "record 300 is not the one in the tree";
  }
  SECTION("a leaf that is gone") {
    fixture.remove(Family::kLeaf, storage::index_key(300));
    named = "cannot be read";
  }
  SECTION("a full tile") {
    fixture.flip(Family::kTile, storage::tile_key(0, 1), 32 * 10);
    named = "record 266 is not the one in the tree";
  }
  SECTION("a tile of the level above") {
    fixture.flip(Family::kTile, storage::tile_key(1, 0), 33);
    named = "tile 1/0 does not hold the hashes below it";
  }
  SECTION("an old checkpoint") {
    fixture.flip(Family::kCheckpoint, storage::index_key(71), 40);
    named = "the checkpoint at 71";
  }
  SECTION("an old checkpoint in another's place") {
    const auto row = fixture.memory->get(Family::kCheckpoint, storage::index_key(71)).value().value();
    storage::Batch batch;
    batch.put(Family::kCheckpoint, storage::index_key(78), as_view(row));
    REQUIRE(fixture.memory->commit(batch));
    named = "the checkpoint at 78 is of another log or size";
  }
  SECTION("a body") {
    fixture.flip(Family::kSealed, storage::index_key(5), 60);
    named = "the body of record 5 does not open";
  }
  SECTION("a body in another's place") {
    const auto row = fixture.memory->get(Family::kSealed, storage::index_key(5)).value().value();
    storage::Batch batch;
    batch.put(Family::kSealed, storage::index_key(6), as_view(row));
    REQUIRE(fixture.memory->commit(batch));
    named = "the body of record 6 does not open";
  }
  SECTION("a record's key") {
    fixture.remove(Family::kKey, storage::record_key_key(9, protocol::SlotClass::kAccountability));
    named = "the body of record 9 does not open";
  }
  const FsckReport report = fixture.check();
  CHECK(report.problems >= 1);
  REQUIRE_FALSE(report.findings.empty());
  bool found = false;
  for (const std::string& finding : report.findings) found |= finding.find(named) != std::string::npos;
  INFO(report.findings.front());
  CHECK(found);
}

TEST_CASE("more findings than are kept are still counted") {
  FsckFixture fixture;
  for (std::uint64_t i = 1; i < 200; ++i) fixture.flip(Family::kSealed, storage::index_key(i), 60);
  const FsckReport report = fixture.check();
  CHECK(report.problems == 199);
  CHECK(report.findings.size() == kFsckFindingsMax);
}

}  // namespace
}  // namespace tocsin::node
