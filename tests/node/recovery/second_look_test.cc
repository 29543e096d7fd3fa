#include "node/recovery/second_look.h"

#include "tests/node/recovery/trio.h"

namespace tocsin::node {
namespace {

// What the members say to a node that is about to build on the earlier copy.
std::optional<Error> look(Trio& trio, const protocol::TreeHead& head) {
  trio.open_store();
  auto log = protocol::make_verifier_key(trio.alpha.ledger->origin(), protocol::KeyType::kEd25519,
                                         trio.alpha.operational.public_key());
  REQUIRE(log);
  SecondLook second({*trio.store, trio.alpha.runtime, *log, head,
                     [&](const protocol::ValidDescriptor& peer, Sync::Connected connected) {
                       trio.connect(peer, connected);
                     }});
  std::optional<std::optional<Error>> answer;
  second.start([&](std::optional<Error> why) { answer = std::move(why); });
  trio.alpha.runtime.run();
  REQUIRE(answer);
  return std::move(*answer);
}

}  // namespace

TEST_CASE("a member that has seen more of the ledger, or another one, is heard before anything is signed") {
  Trio trio;
  trio.back_up();
  const protocol::TreeHead earlier = trio.alpha.ledger->head().tree;
  CHECK_FALSE(look(trio, earlier));

  trio.publish('1');
  trio.sync();
  auto why = look(trio, earlier);
  REQUIRE(why);
  CHECK(why->rule == "ledger/behind");
  CHECK(why->message.find("holds a checkpoint of " + std::to_string(trio.alpha.ledger->size())) !=
        std::string::npos);
  trio.silent = {"beta.example", "gamma.example"};
  CHECK_FALSE(look(trio, earlier));

  trio.silent = {"beta.example"};
  const protocol::TreeHead other{earlier.size - 1, crypto::sha256(as_view("another history"))};
  storage::Batch batch;
  storage::WitnessStore::put_seen(
      batch, trio.alpha.ledger->origin(),
      protocol::sign_checkpoint(trio.alpha.operational, {trio.alpha.ledger->origin(), other}));
  REQUIRE(trio.gamma.memory->commit(batch));
  trio.bend = [](const std::string&, v1::HeldReply& reply) {
    reply.mutable_checkpoints()->SwapElements(0, 1);
    reply.mutable_checkpoints()->RemoveLast();
  };
  why = look(trio, earlier);
  REQUIRE(why);
  CHECK(why->rule == "ledger/forked");
}

TEST_CASE("a checkpoint that we did not sign says nothing about our ledger") {
  Trio trio;
  trio.back_up();
  trio.bend = [&](const std::string&, v1::HeldReply& reply) {
    reply.clear_checkpoints();
    reply.add_checkpoints(protocol::sign_checkpoint(
        trio.beta.operational,
        {trio.alpha.ledger->origin(), {1'000'000, crypto::sha256(as_view("forged"))}}));
  };
  CHECK_FALSE(look(trio, trio.alpha.ledger->head().tree));
}

}  // namespace tocsin::node
