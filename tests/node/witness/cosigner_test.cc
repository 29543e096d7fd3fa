#include "node/witness/cosigner.h"

#include "tests/node/witness/witness_fixture.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

TEST_CASE("a log that grows is cosigned at each step, and the cosignature says when") {
  CosignerFixture node;
  const RogueLog log("log.example/a");
  node.know(log);
  std::uint64_t held = 0;
  for (const std::uint64_t size : {1, 2, 7, 8, 9, 100}) {
    const CosignAnswer answer = node.ask(log.request(held, size));
    REQUIRE(answer.status == 200);
    CHECK(node.time_of(answer.body, log.note(size)) == node.runtime.now / 1000);
    held = size;
  }
  CHECK(node.cosigner->cosigned() == 6);
}

TEST_CASE("the same checkpoint is cosigned again with a newer time and without another write") {
  CosignerFixture node;
  const RogueLog log("log.example/a");
  node.know(log);
  REQUIRE(node.ask(log.request(0, 5)).status == 200);
  node.runtime.now += 60'000;
  const CosignAnswer again = node.ask(log.request(5, 5));
  REQUIRE(again.status == 200);
  CHECK(node.time_of(again.body, log.note(5)) == node.runtime.now / 1000);
}

TEST_CASE("an empty log is cosigned, and then grows") {
  CosignerFixture node;
  const RogueLog log("log.example/a");
  node.know(log);
  CHECK(node.ask(log.request(0, 0)).status == 200);
  CHECK(node.ask(log.request(0, 3)).status == 200);
}

TEST_CASE("each refusal has the status that C2SP tlog-witness gives it") {
  CosignerFixture node;
  const RogueLog log("log.example/a");
  node.know(log);
  REQUIRE(node.ask(log.request(0, 8)).status == 200);

  CHECK(node.ask("").status == 400);
  CHECK(node.ask("old 8\n\n").status == 400);
  CHECK(node.ask("old 8\n\nlog.example/a\n9\n").status == 400);
  CHECK(node.ask(protocol::format_add_checkpoint({9, {}, log.note(8)})).status == 400);
  CHECK(node.ask(RogueLog("log.example/b").request(0, 3)).status == 404);
  CHECK(node.ask(RogueLog("log.example/a", 51).request(8, 9)).status == 403);
  std::string tampered = log.request(8, 9);
  tampered[tampered.size() - 10] = tampered[tampered.size() - 10] == 'A' ? 'B' : 'A';
  CHECK(node.ask(tampered).status == 403);

  const CosignAnswer conflict = node.ask(log.request(3, 9));
  CHECK(conflict.status == 409);
  CHECK(conflict.body == "8\n");
  CHECK(conflict.held == log.note(8));
  CHECK(node.ask(log.request(0, 9)).status == 409);
  CHECK(node.ask(log.request(3, 5)).status == 409);

  protocol::Proof wrong = log.proof(8, 12);
  wrong[0][0] ^= 1;
  CHECK(node.ask(protocol::format_add_checkpoint({8, wrong, log.note(12)})).status == 422);
  CHECK(node.ask(protocol::format_add_checkpoint({8, {}, log.note(12)})).status == 422);
  CHECK(node.ask(protocol::format_add_checkpoint({8, log.proof(8, 12), log.note(8)})).status == 422);
  CHECK(node.cosigner->cosigned() == 1);
  CHECK(node.ask(log.request(8, 12)).status == 200);  // nothing of all that changed what is held
}

TEST_CASE("a first checkpoint comes without a proof") {
  CosignerFixture node;
  const RogueLog log("log.example/a");
  node.know(log);
  CHECK(node.ask(protocol::format_add_checkpoint({0, log.proof(2, 8), log.note(8)})).status == 422);
  CHECK(node.ask(log.request(0, 8)).status == 200);
}

TEST_CASE("a log with two heads gets one of them cosigned, never both") {
  CosignerFixture node;
  const RogueLog one("log.example/a", 50, "x");
  const RogueLog other("log.example/a", 50, "y");
  node.know(one);
  REQUIRE(node.ask(one.request(0, 10)).status == 200);
  const CosignAnswer same_size = node.ask(other.request(10, 10));
  CHECK(same_size.status == 409);
  CHECK(same_size.held == one.note(10));
  CHECK(node.conflicts == 1);
  CHECK(node.ask(other.request(0, 10)).status == 409);
  const CosignAnswer elsewhere = node.ask(other.request(10, 20));
  CHECK(elsewhere.status == 422);
  CHECK(elsewhere.held == one.note(10));
  CHECK(node.ask(other.request(10, 11)).status == 422);
  CHECK(node.ask(one.request(10, 20)).status == 200);
}

TEST_CASE("of two requests at once one is cosigned and the other is told the size") {
  CosignerFixture node;
  const RogueLog log("log.example/a");
  node.know(log);
  REQUIRE(node.ask(log.request(0, 4)).status == 200);
  std::vector<CosignAnswer> answers;
  for (const std::uint64_t size : {6, 5})
    node.cosigner->add_checkpoint(log.request(4, size),
                                  [&](CosignAnswer answer) { answers.push_back(std::move(answer)); });
  CHECK(answers.empty());  // nothing is answered before the commit
  node.runtime.run();
  REQUIRE(answers.size() == 2);
  const bool first_refused = answers[0].status == 409;
  const CosignAnswer& refused = answers[first_refused ? 0 : 1];
  const CosignAnswer& cosigned = answers[first_refused ? 1 : 0];
  CHECK(cosigned.status == 200);
  CHECK(refused.status == 409);
  CHECK(refused.body == "6\n");
}

TEST_CASE("what was cosigned is remembered by the store, log by log") {
  CosignerFixture node;
  const RogueLog a("log.example/a");
  const RogueLog b("log.example/b", 60);
  node.know(a);
  node.know(b);
  REQUIRE(node.ask(a.request(0, 9)).status == 200);
  REQUIRE(node.ask(b.request(0, 3)).status == 200);
  node.reopen();
  CHECK(node.ask(a.request(0, 9)).body == "9\n");
  CHECK(node.ask(b.request(0, 9)).body == "3\n");
  CHECK(node.ask(a.request(9, 11)).status == 200);
}

TEST_CASE("signatures of others on the note are neither asked nor kept") {
  CosignerFixture node;
  const RogueLog log("log.example/a");
  node.know(log);
  auto note = protocol::parse_note(log.note(3)).value();
  note.signatures.insert(note.signatures.begin(),
                         protocol::cosign_note(test::made_key(9), "w.example/x", 5, note.text));
  REQUIRE(node.ask(protocol::format_add_checkpoint({0, {}, protocol::format_note(note)})).status == 200);
  CHECK(node.ask(log.request(0, 9)).held == log.note(3));
}

TEST_CASE("a node whose ledger takes nothing cosigns nothing") {
  CosignerFixture node;
  const RogueLog log("log.example/a");
  node.know(log);
  std::vector<CosignAnswer> answers;
  for (std::size_t i = 0; i <= kPendingAppendsMax; ++i)
    node.cosigner->add_checkpoint(log.request(0, 1),
                                  [&](CosignAnswer a) { answers.push_back(std::move(a)); });
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].status == 503);
  node.runtime.run();
}
