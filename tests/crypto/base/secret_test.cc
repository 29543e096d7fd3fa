#include "crypto/base/secret.h"

#include "tests/support/catch.h"

namespace tocsin {
namespace {

FixedBytes<32> filled(std::uint8_t byte) {
  FixedBytes<32> out;
  out.fill(byte);
  return out;
}

TEST_CASE("a secret moves with its memory and leaves nothing behind") {
  Secret<32> first(filled(7));
  const std::uint8_t* const place = first.expose().data();
  Secret<32> second = std::move(first);
  CHECK(second.expose().data() == place);
  CHECK(equal(second.expose(), filled(7)));
  const std::size_t taken = locked_memory().slots_taken;
  Secret<32> third(filled(8));
  third = std::move(second);
  CHECK(equal(third.expose(), filled(7)));
  CHECK(locked_memory().slots_taken <= taken);
}

TEST_CASE("a copy is asked for by name and has memory of its own") {
  const Secret<32> one(filled(7));
  const Secret<32> two = one.copy();
  CHECK(equal(one.expose(), two.expose()));
  CHECK(one.expose().data() != two.expose().data());
}

TEST_CASE("every length of secret holds its bytes, none included") {
  for (const std::size_t size : {0, 1, 63, 64, 65, 4095, 4096, 4097, 70'000}) {
    const Bytes bytes(size, 0x5A);
    const SecretBytes secret(bytes);
    CHECK(secret.size() == size);
    CHECK(equal(secret.expose(), bytes));
    CHECK(equal_secret(secret.expose(), bytes));
    SecretBytes blank(size);
    CHECK((size == 0 || !equal_secret(blank.expose(), bytes)));
    std::copy(bytes.begin(), bytes.end(), blank.expose_mutable().begin());
    CHECK(equal_secret(blank.expose(), bytes));
  }
}

TEST_CASE("secrets of different lengths are not equal") {
  CHECK_FALSE(equal_secret(Bytes(3, 1), Bytes(4, 1)));
  CHECK(equal_secret({}, {}));
}

TEST_CASE("wiped bytes are zero") {
  Bytes bytes(9, 1);
  wipe(bytes);
  CHECK(bytes == Bytes(9, 0));
}

}  // namespace
}  // namespace tocsin
