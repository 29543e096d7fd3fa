#include "crypto/password.h"

#include "crypto/base/encoding.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::crypto;

namespace {

PasswordSalt counting_salt() {
  PasswordSalt salt;
  for (std::size_t i = 0; i < salt.size(); ++i) salt[i] = static_cast<std::uint8_t>(i);
  return salt;
}

}  // namespace

TEST_CASE("passphrase keys are those of the Argon2 reference implementation") {
  // Computed with phc-winner-argon2 through argon2-cffi: one lane, Argon2id, version 1.3. RFC 9106's own
  // vector has four lanes and a secret, which libsodium does not offer.
  const ByteView passphrase = as_view("correct horse battery staple");
  CHECK(hex_encode(derive_key(passphrase, counting_salt(), kArgon2Least).value().expose()) ==
        "d17ea6341ca93da6079ea2f64dc4aa31dd1aaf9caa67fb42ac4afd0714706f26");
  CHECK(hex_encode(derive_key(passphrase, counting_salt(), {3, 1024}).value().expose()) ==
        "590d7ddd37a1ed86417a3614be47c9f782828a38902390018d39bb6556fee029");
}

TEST_CASE("the shipped cost is three passes over 256 MiB") {
  CHECK(kArgon2Moderate.passes == 3);
  CHECK(kArgon2Moderate.memory_kib == 262144);
}

TEST_CASE("an empty passphrase derives a key like any other") {
  CHECK(derive_key({}, counting_salt(), kArgon2Least).has_value());
}

TEST_CASE("Argon2 costs outside the bounds are refused before any memory is taken") {
  for (const Argon2Cost& cost : {Argon2Cost{0, 8}, Argon2Cost{1, 7}, Argon2Cost{17, 8},
                                 Argon2Cost{1, 1024 * 1024 + 1}, Argon2Cost{0xffffffff, 0xffffffff}}) {
    const auto key = derive_key(as_view("x"), counting_salt(), cost);
    REQUIRE_FALSE(key.has_value());
    CHECK(key.error().rule == "password/parameters");
  }
}
