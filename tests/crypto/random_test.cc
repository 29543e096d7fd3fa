#include "crypto/random.h"

#include <set>

#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::crypto;

TEST_CASE("the installed libsodium refuses mixed-order and small-order Ed25519 points") {
  const Status ready = init();
  INFO((ready ? std::string() : ready.error().message));
  CHECK(ready.has_value());
  CHECK(init().has_value());
}

TEST_CASE("random bytes do not repeat and fill any length") {
  std::set<FixedBytes<16>> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_bytes<16>());
  CHECK(seen.size() == 1000);
  Bytes long_run(100000);
  random_fill(long_run);
  std::size_t zeros = 0;
  for (std::uint8_t byte : long_run) zeros += byte == 0 ? 1 : 0;
  CHECK(zeros > 200);
  CHECK(zeros < 600);
  random_fill({});
}

TEST_CASE("two random secrets differ") {
  CHECK_FALSE(equal_secret(random_secret<32>().expose(), random_secret<32>().expose()));
}
