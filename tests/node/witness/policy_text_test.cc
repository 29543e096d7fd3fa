#include "node/witness/policy_text.h"

#include "tests/protocol/log/note_fixture.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;
using namespace tocsin::test;

namespace {

const protocol::VerifierKey kLog = log_vkey(1, "log.example/a");

protocol::PolicyWitness witness(std::uint8_t n, std::string url = "") {
  const std::string name = "w" + std::to_string(n);
  return {name, witness_vkey(static_cast<std::uint8_t>(100 + n), name + ".example/witness"), std::move(url)};
}

std::string policy_of(std::uint8_t count) {
  std::string text;
  for (std::uint8_t n = 1; n <= count; ++n) text = with_witness(text, kLog, witness(n), 0).value();
  return text;
}

}  // namespace

TEST_CASE("a quorum is safe: as many as let two quorums share an honest witness") {
  const std::pair<std::size_t, std::size_t> table[] = {{0, 0}, {1, 1}, {2, 2}, {3, 2},
                                                       {4, 3}, {7, 5}, {10, 7}};
  for (const auto& [witnesses, quorum] : table) CHECK(safe_quorum(witnesses) == quorum);
}

TEST_CASE("witnesses are added and removed one by one, and the policy is a tlog-policy all along") {
  std::string text = policy_of(4);
  CHECK(protocol::Policy::parse(text).value().witnesses().size() == 4);
  CHECK(text.find("group witnesses 3 w1 w2 w3 w4\nquorum witnesses\n") != std::string::npos);
  text = without_witness(text, kLog, "w2", 0).value();
  CHECK(text.find("group witnesses 2 w1 w3 w4\n") != std::string::npos);
  text = with_witness(text, kLog, witness(9, "https://w9.example/x"), 4).value();
  CHECK(text.find(" https://w9.example/x\n") != std::string::npos);
  CHECK(text.find("group witnesses 4 ") != std::string::npos);
  for (const char* name : {"w1", "w3", "w4", "w9"}) text = without_witness(text, kLog, name, 0).value();
  CHECK(text.ends_with("quorum none\n"));
  CHECK_FALSE(protocol::Policy::parse(text).value().asks_witnesses());
}

TEST_CASE("a witness stands once, has a name of one word, and a quorum has its members") {
  const std::string text = policy_of(2);
  CHECK(with_witness(text, kLog, witness(2), 0).error().code == Code::kAlreadyExists);
  CHECK(without_witness(text, kLog, "w3", 0).error().code == Code::kNotFound);
  CHECK(with_witness(text, kLog, witness(3), 4).error().rule == "witness/quorum");
  for (const char* name : {"", "two words", "#x", "none", "witnesses", "x\ny"}) {
    protocol::PolicyWitness named = witness(3);
    named.name = name;
    CHECK_FALSE(with_witness(text, kLog, named, 0));
  }
  protocol::PolicyWitness addressed = witness(3, "https://w3.example/a b");
  CHECK_FALSE(with_witness(text, kLog, addressed, 0));
}

TEST_CASE("a policy written by hand is not edited") {
  const std::string text = "# ours\n" + policy_of(2);
  CHECK(with_witness(text, kLog, witness(3), 0).error().rule == "witness/by-hand");
  CHECK(without_witness(text, kLog, "w1", 0).error().rule == "witness/by-hand");
  CHECK(with_witness(policy_of(2), log_vkey(2, "log.example/b"), witness(3), 0).error().rule ==
        "witness/by-hand");
}

TEST_CASE("a policy that no record holds is refused") {
  std::string text;
  Result<std::string> next = text;
  std::uint8_t n = 0;
  while (next) {
    text = *next;
    next = with_witness(text, kLog, witness(++n), 0);
    REQUIRE(n < 60);
  }
  CHECK(next.error().rule == "witness/size");
  CHECK(n > 20);
}
