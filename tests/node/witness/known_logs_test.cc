#include "node/witness/known_logs.h"

#include "tests/node/ledger/fixture.h"
#include "tests/protocol/log/note_fixture.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

v1::PeerRow row_of(std::uint8_t seed, const std::string& origin, std::uint64_t since, bool cosigns = true) {
  const auto root = root_key(seed);
  v1::NodeDescriptor body;
  body.set_name("node" + std::to_string(seed) + ".example");
  body.set_address("localhost:7000");
  body.set_root_key(to_string(root.public_key()));
  body.set_operational_key(to_string(test::made_key(seed).public_key()));
  body.set_envelope_key(std::string(32, 'e'));
  body.set_tls_spki_sha256(std::string(32, 't'));
  body.set_log_origin(origin);
  body.set_sequence(1);
  body.set_valid_until_ms(4'000'000'000'000);
  if (cosigns)
    body.set_cosigner_key(to_string(test::made_key(static_cast<std::uint8_t>(seed + 1)).public_key()));
  v1::PeerRow row;
  row.set_node(to_string(protocol::fingerprint(root.public_key())));
  *row.mutable_signed_descriptor() = protocol::sign_descriptor(body, root).value();
  row.set_standing(v1::PEER_ACTIVE);
  row.set_since_ms(since);
  return row;
}

struct Network : LedgerFixture {
  Members members{*memory, *ledger, runtime};
  KnownLogs logs{members, runtime};

  void put(const v1::PeerRow& row) {
    storage::Batch batch;
    storage::PeerStore::put(batch, row);
    REQUIRE(memory->commit(batch));
    runtime.now += kKnownForMs;
  }
};

}  // namespace

TEST_CASE("active members' logs are known, and those with a cosigner key are asked") {
  Network network;
  CHECK(network.logs.keys("node2.example/log").empty());
  network.put(row_of(2, "node2.example/log", 1));
  network.put(row_of(4, "node4.example/log", 2, false));
  const auto keys = network.logs.keys("node2.example/log");
  REQUIRE(keys.size() == 1);
  CHECK(keys[0] == test::log_vkey(2, "node2.example/log"));
  CHECK(network.logs.keys("node4.example/log").size() == 1);
  CHECK(network.logs.keys("node9.example/log").empty());
  const auto cosign = network.logs.members_that_cosign();
  REQUIRE(cosign.size() == 1);
  CHECK(cosign[0].name == "node2.example");
  CHECK(cosign[0].key == test::witness_vkey(3, "node2.example/witness"));
  CHECK(cosign[0].is_peer());

  v1::PeerRow suspended = row_of(2, "node2.example/log", 3);
  suspended.set_standing(v1::PEER_SUSPENDED);
  network.put(suspended);
  CHECK(network.logs.keys("node2.example/log").empty());
  CHECK(network.logs.members_that_cosign().empty());
}

TEST_CASE("an origin belongs to the member that has been one the longest") {
  Network network;
  network.put(row_of(6, "node2.example/log", 9));
  network.put(row_of(2, "node2.example/log", 5));
  network.put(row_of(8, "node2.example/log", 7));
  const auto keys = network.logs.keys("node2.example/log");
  REQUIRE(keys.size() == 1);
  CHECK(keys[0].key == test::made_key(2).public_key());
}

TEST_CASE("a replaced key is believed no longer once the change was announced") {
  Network network;
  network.put(row_of(2, "node2.example/log", 1));
  REQUIRE(network.logs.keys("node2.example/log").size() == 1);
  storage::Batch batch;
  v1::PeerRow suspended = row_of(2, "node2.example/log", 1);
  suspended.set_standing(v1::PEER_SUSPENDED);
  storage::PeerStore::put(batch, suspended);
  REQUIRE(network.memory->commit(batch));
  CHECK(network.logs.keys("node2.example/log").size() == 1);
  network.logs.rows_changed();
  CHECK(network.logs.keys("node2.example/log").empty());
}
