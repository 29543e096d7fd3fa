#include "node/ledger/answers.h"

#include "tests/node/ledger/fixture.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

std::uint64_t asked(LedgerFixture& fixture, std::uint8_t key, std::uint8_t about) {
  return fixture.append(Append{{receipt(about)}, nullptr, IdempotencyKey{key}}).value().first_index;
}

}  // namespace

TEST_CASE("an answer is kept for a week and no longer, also after reopening") {
  LedgerFixture fixture;
  CHECK(asked(fixture, 1, 10) == 1);
  fixture.runtime.now += kAnswersKeptMs - 1;
  CHECK(asked(fixture, 2, 11) == 2);
  CHECK_FALSE(forget_answers(*fixture.memory, fixture.runtime.now).value());
  CHECK(asked(fixture, 1, 10) == 1);
  fixture.runtime.now += 1;
  auto old = forget_answers(*fixture.memory, fixture.runtime.now).value();
  REQUIRE(old);
  REQUIRE(fixture.append(std::move(*old)));
  CHECK_FALSE(forget_answers(*fixture.memory, fixture.runtime.now).value());
  fixture.open();
  CHECK(asked(fixture, 2, 11) == 2);
  CHECK(asked(fixture, 1, 12) == 3);
  CHECK(fixture.ledger->size() == 4);
}

TEST_CASE("a stored answer of a wrong length is damage, not an answer") {
  CHECK(parse_answer(encode_answer({1, 2, 3})).value().time_ms == 3);
  CHECK(parse_answer(Bytes(23, 0)).error().rule == "ledger/answer");
}
