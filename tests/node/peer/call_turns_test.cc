#include "node/peer/call_turns.h"

#include "tests/support/catch.h"
#include "tests/support/manual_runtime.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

struct Turns {
  Turns(std::size_t of_all, std::size_t of_one) : turns(runtime, {of_all, of_one}) {}
  void ask(std::uint8_t caller, int times = 1) {
    Hash id{};
    id[0] = caller;
    for (int i = 0; i < times; ++i) turns.run(id, [this, caller] { ran += static_cast<char>(caller); });
  }
  tests::ManualRuntime runtime;
  CallTurns turns;
  std::string ran;
};

}  // namespace

TEST_CASE("callers take turns, however much one of them asks for") {
  Turns t(1, 1);
  t.ask('a', 5);
  t.ask('b', 2);
  t.ask('c');
  CHECK(t.runtime.tasks.size() == 1);
  t.runtime.run();
  CHECK(t.ran == "abcabaaa");
  t.ask('b');
  t.runtime.run();
  CHECK(t.ran == "abcabaaab");
}

TEST_CASE("of one caller and of all together no more calls run than are allowed") {
  Turns t(3, 1);
  t.ask('a', 10);
  CHECK(t.runtime.tasks.size() == 1);
  for (const std::uint8_t other : {'b', 'c', 'd'}) t.ask(other);
  CHECK(t.runtime.tasks.size() == 3);
  t.runtime.run();
  CHECK(t.ran.size() == 13);
  Turns wide(9, 2);
  wide.ask('a', 10);
  wide.ask('b', 10);
  CHECK(wide.runtime.tasks.size() == 4);
  wide.runtime.run();
  CHECK(wide.ran.size() == 20);
}

TEST_CASE("a call that asks again while it runs waits for its turn") {
  Turns t(1, 1);
  Hash id{};
  t.turns.run(id, [&] { t.ask('z'); });
  t.ask('y');
  t.runtime.run();
  CHECK(t.ran == "yz");
}
