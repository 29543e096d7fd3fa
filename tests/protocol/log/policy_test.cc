#include "protocol/log/policy.h"

#include "tests/protocol/log/note_fixture.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

using test::log_vkey;
using test::made_checkpoint;
using test::made_key;
using test::witness_vkey;

constexpr const char* kOrigin = "video.example/ledger";

std::string log_line() {
  return "log " + format_vkey(log_vkey(1, kOrigin)) + "\n";
}

std::string witness_name(unsigned n) {
  return "w" + std::to_string(n) + ".example";
}

// "witness W<n> <vkey>", whose key has seed 10 + n.
std::string witness_line(unsigned n) {
  const auto key = witness_vkey(static_cast<std::uint8_t>(10 + n), witness_name(n));
  return "witness W" + std::to_string(n) + " " + format_vkey(key) + "\n";
}

std::string witness_lines(unsigned count) {
  std::string out;
  for (unsigned n = 0; n < count; ++n) out += witness_line(n);
  return out;
}

std::string cosigned(const std::vector<unsigned>& witnesses) {
  Note note;
  note.text = format_checkpoint(made_checkpoint(kOrigin));
  note.signatures.push_back(sign_note(made_key(1), kOrigin, note.text));
  for (unsigned n : witnesses)
    note.signatures.push_back(
        cosign_note(made_key(static_cast<std::uint8_t>(10 + n)), witness_name(n), 1000 + n, note.text));
  return format_note(note);
}

bool accepts(const Policy& policy, const std::vector<unsigned>& witnesses) {
  return policy.evaluate(cosigned(witnesses)).has_value();
}

TEST_CASE("a policy without witnesses accepts what a known log signed") {
  const auto policy = Policy::parse(log_line() + "quorum none\n");
  REQUIRE(policy);
  const auto accepted = policy->evaluate(cosigned({}));
  REQUIRE(accepted);
  CHECK(accepted->checkpoint == made_checkpoint(kOrigin));
  CHECK(accepted->log == 0);
  CHECK(accepted->cosigned.empty());
  const auto stranger = policy->evaluate(sign_checkpoint(made_key(9), made_checkpoint(kOrigin)));
  REQUIRE_FALSE(stranger);
  CHECK(stranger.error().code == Code::kUnauthenticated);
}

TEST_CASE("a quorum of one witness needs that witness") {
  const auto policy = Policy::parse(log_line() + witness_lines(2) + "quorum W1\n");
  REQUIRE(policy);
  CHECK(accepts(*policy, {1}));
  CHECK(accepts(*policy, {0, 1}));
  CHECK_FALSE(accepts(*policy, {0}));
  const auto refused = policy->evaluate(cosigned({}));
  CHECK(refused.error().code == Code::kFailedPrecondition);
  CHECK(refused.error().rule == "log/quorum");
  const auto accepted = policy->evaluate(cosigned({0, 1}));
  REQUIRE(accepted->cosigned.size() == 2);
  CHECK(accepted->cosigned[1].witness == 1);
  CHECK(accepted->cosigned[1].time_s == 1001);
}

TEST_CASE("groups of groups count as the specification's example says") {
  const auto policy = Policy::parse(log_line() + witness_lines(6) +
                                    "# two of X and any of Y\n"
                                    "group X-witnesses 2 W0 W1 W2\n"
                                    "group Y-witnesses any W3 W4 W5\n"
                                    "\n \t\n  # together\n"
                                    "group X-and-Y all\tX-witnesses  Y-witnesses \n"
                                    "quorum X-and-Y\n");
  REQUIRE(policy);
  CHECK(accepts(*policy, {0, 2, 4}));
  CHECK(accepts(*policy, {0, 1, 2, 3, 4, 5}));
  CHECK_FALSE(accepts(*policy, {0, 1, 2}));
  CHECK_FALSE(accepts(*policy, {0, 4, 5}));
  CHECK_FALSE(accepts(*policy, {3, 4, 5}));
}

TEST_CASE("one organisation's two keys, and one key's two signatures, are one vote") {
  const auto policy =
      Policy::parse(log_line() + witness_lines(4) + "group org any W0 W1\ngroup q 2 org W2 W3\nquorum q\n");
  REQUIRE(policy);
  CHECK_FALSE(accepts(*policy, {0, 1}));
  CHECK_FALSE(accepts(*policy, {2, 2}));
  CHECK(accepts(*policy, {1, 3}));
}

TEST_CASE("a known witness's bad signature refuses the checkpoint even when the quorum stands without it") {
  const auto policy = Policy::parse(log_line() + witness_lines(2) + "group q any W0 W1\nquorum q\n");
  REQUIRE(policy);
  Note note = *parse_note(cosigned({0, 1}));
  note.signatures[2].signature[20] ^= 1;
  CHECK(policy->evaluate(format_note(note)).error().code == Code::kUnauthenticated);
}

TEST_CASE("urls are kept and comments and blanks ignored") {
  std::string log = log_line();
  log.insert(log.size() - 1, " https://video.example/log/");
  const auto policy = Policy::parse("#\n\n" + log + "quorum none\n");
  REQUIRE(policy);
  CHECK(policy->logs()[0].url == "https://video.example/log/");
}

TEST_CASE("a malformed policy is refused with its line") {
  const std::string w = witness_lines(3);
  for (const std::string& bad :
       {std::string(),
        log_line(),                                 // no quorum
        "quorum none\nquorum none\n" + log_line(),  // two
        std::string("quorum\n"),
        std::string("quorum none none\n"),  //
        std::string("quorum W0\n"),
        "quorum W0\n" + w,                                                 // undefined, or defined later
        log_line() + log_line() + "quorum none\n",                         // a log twice
        witness_line(0) + witness_line(0) + "quorum none\n",               // a witness twice
        "log " + format_vkey(witness_vkey(1, "w")) + "\nquorum none\n",    // a witness key as a log
        "witness W " + format_vkey(log_vkey(1, "w")) + "\nquorum none\n",  // a log key as a witness
        "witness none " + format_vkey(witness_vkey(1, "w")) + "\nquorum none\n",
        w + "group g 2 W0 none\nquorum g\n",
        w + "group g 0 W0 W1\nquorum g\n",
        w + "group g 3 W0 W1\nquorum g\n",
        w + "group g 01 W0 W1\nquorum g\n",
        w + "group g most W0 W1\nquorum g\n",
        w + "group g any\nquorum g\n",
        w + "group g any g\nquorum g\n",
        w + "group W0 any W1\nquorum W0\n",                // a name twice
        w + "group g 2 W0 W0\nquorum g\n",                 // a member twice
        w + "group g any W0\ngroup h any W0\nquorum g\n",  // a member of two groups
        std::string("log\nquorum none\n"),
        std::string("log nonsense\nquorum none\n"),
        std::string("mirror x\nquorum none\n"),
        std::string("Quorum none\n"),
        std::string("quorum none"),
        std::string("quorum none\r\n"),
        std::string("quorum none\n\x7F\n"),
        std::string("quorum\vnone\n"),
        std::string(kPolicyBytesMax, '\n') + "quorum none\n"})
    CHECK_FALSE(Policy::parse(bad));
  CHECK_FALSE(Policy::parse(std::string("quorum none\0\n", 13)));
  const auto error = Policy::parse(w + "group g most W0\nquorum g\n");
  CHECK(error.error().message.starts_with("policy line 4: "));
}

TEST_CASE("as many witnesses as the limit are taken, and one more refused") {
  std::string text;
  std::string members;
  for (unsigned n = 0; n + 1 < kPolicyEntriesMax; ++n) {
    FixedBytes<32> seed{};
    seed[0] = static_cast<std::uint8_t>(n);
    seed[1] = 1;
    const auto key = crypto::SigningKey::from_seed(Secret<32>(seed));
    const auto vkey = make_verifier_key("w", KeyType::kCosignatureV1, key.public_key());
    text += "witness n" + std::to_string(n) + " " + format_vkey(*vkey) + "\n";
    members += " n" + std::to_string(n);
  }
  text += "group g all" + members + "\n";
  CHECK(Policy::parse(text + "quorum g\n"));
  CHECK_FALSE(Policy::parse(text + "group h any g\nquorum h\n"));
}

}  // namespace
}  // namespace tocsin::protocol
