#include "crypto/seal.h"

#include "crypto/base/encoding.h"
#include "crypto/random.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::crypto;

namespace {

struct Sealed {
  DataKey key = random_secret<32>();
  Bytes bytes;
};

Sealed some_sealed(std::string_view plaintext) {
  Sealed out;
  out.bytes = seal(out.key, random_bytes<24>(), as_view("record 7"), as_view(plaintext));
  return out;
}

}  // namespace

TEST_CASE("sealed bytes open under their key and associated data") {
  for (std::string_view plaintext : {"", "x", "a longer statement about a file"}) {
    const Sealed sealed = some_sealed(plaintext);
    CHECK(sealed.bytes.size() == plaintext.size() + kSealOverhead);
    CHECK(as_text(open(sealed.key, as_view("record 7"), sealed.bytes).value()) == plaintext);
    CHECK(as_text(open_secret(sealed.key, as_view("record 7"), sealed.bytes).value().expose()) == plaintext);
  }
}

TEST_CASE("the key commitment is keyed BLAKE2b-256 over a fixed context and stands in the header") {
  DataKey key;
  for (std::size_t i = 0; i < 32; ++i) key.expose_mutable()[i] = static_cast<std::uint8_t>(i);
  // Computed with Python's hashlib.
  CHECK(hex_encode(key_commitment(key)) ==
        "d9e73c4f314e9af976665ec8ab519072b3a4d438bce84c8e85e44d88e96e20e8");
  const Bytes sealed = seal(key, random_bytes<24>(), {}, as_view("x"));
  CHECK(sealed_commitment(sealed).value() == key_commitment(key));
}

TEST_CASE("another key, other associated data and altered bytes are told apart") {
  const Sealed sealed = some_sealed("statement");
  const auto other_key = open(random_secret<32>(), as_view("record 7"), sealed.bytes);
  REQUIRE_FALSE(other_key.has_value());
  CHECK(other_key.error().code == Code::kPermissionDenied);
  CHECK(other_key.error().rule == "seal/key");
  const auto moved = open(sealed.key, as_view("record 8"), sealed.bytes);
  REQUIRE_FALSE(moved.has_value());
  CHECK(moved.error().code == Code::kDataLoss);
  CHECK(moved.error().rule == "seal/damaged");
}

TEST_CASE("one string cannot be opened under two keys") {
  // Even with the commitment rewritten for the second key, the header is authenticated under the first.
  const Sealed sealed = some_sealed("statement");
  const DataKey second = random_secret<32>();
  Bytes forged = sealed.bytes;
  const Hash commitment = key_commitment(second);
  std::copy(commitment.begin(), commitment.end(), forged.begin() + 1);
  CHECK_FALSE(open(second, as_view("record 7"), forged).has_value());
  CHECK(open(sealed.key, as_view("record 7"), forged).error().rule == "seal/key");
}

TEST_CASE("sealed bytes cut or altered anywhere are refused") {
  const Sealed sealed = some_sealed("statement");
  for (std::size_t size = 0; size < sealed.bytes.size(); ++size) {
    const auto cut = open(sealed.key, as_view("record 7"), ByteView(sealed.bytes).first(size));
    REQUIRE_FALSE(cut.has_value());
    if (size < kSealOverhead) REQUIRE(cut.error().rule == "seal/format");
  }
  for (std::size_t bit = 0; bit < 8 * sealed.bytes.size(); ++bit) {
    Bytes altered = sealed.bytes;
    altered[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const auto opened = open(sealed.key, as_view("record 7"), altered);
    REQUIRE_FALSE(opened.has_value());
    REQUIRE(opened.error().rule == (bit < 8 ? "seal/format" : bit < 8 * 33 ? "seal/key" : "seal/damaged"));
  }
}

TEST_CASE("a wrapped data key unwraps only for its recipient and context") {
  const KemKey recipient = KemKey::derive(random_bytes<32>());
  const DataKey key = random_secret<32>();
  const WrappedKey wrapped =
      wrap_key(recipient.public_key(), as_view("a to b, epoch 3"), key, random_secret<32>()).value();
  const auto unwrapped = unwrap_key(recipient, as_view("a to b, epoch 3"), wrapped);
  REQUIRE(unwrapped.has_value());
  CHECK(equal_secret(unwrapped->expose(), key.expose()));
  CHECK_FALSE(unwrap_key(recipient, as_view("a to b, epoch 4"), wrapped).has_value());
  CHECK_FALSE(
      unwrap_key(KemKey::derive(random_bytes<32>()), as_view("a to b, epoch 3"), wrapped).has_value());
  for (std::size_t size = 0; size < wrapped.size(); ++size)
    REQUIRE_FALSE(
        unwrap_key(recipient, as_view("a to b, epoch 3"), ByteView(wrapped).first(size)).has_value());
  Bytes longer = to_bytes(wrapped);
  longer.push_back(0);
  CHECK_FALSE(unwrap_key(recipient, as_view("a to b, epoch 3"), longer).has_value());
}
