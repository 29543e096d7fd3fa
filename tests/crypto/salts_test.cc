#include "crypto/salts.h"

#include "crypto/base/encoding.h"
#include "crypto/random.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::crypto;

TEST_CASE("salts are the ChaCha20 keystream of RFC 8439's test vectors") {
  std::array<Salt, 4> salts;
  fill_salts(FixedBytes<32>{}, 0, salts);
  // RFC 8439 A.1, test vectors 1 and 2: all-zero key and nonce, blocks 0 and 1.
  CHECK(hex_encode(salts[0]) == "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7");
  CHECK(hex_encode(salts[1]) == "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586");
  CHECK(hex_encode(salts[2]) == "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed");
  CHECK(hex_encode(salts[3]) == "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f");
  // Test vector 4: key 00 ff 00 …, block 2.
  Secret<32> key;
  key.expose_mutable()[1] = 0xff;
  fill_salts(key.expose(), 4, std::span(salts).first(2));
  CHECK(hex_encode(salts[0]) == "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca");
  CHECK(hex_encode(salts[1]) == "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096");
}

TEST_CASE("any run of salts is a piece of the whole") {
  const Secret<32> key = random_secret<32>();
  std::array<Salt, 40> whole;
  fill_salts(key.expose(), 0, whole);
  for (std::uint32_t first = 0; first < 40; ++first) {
    for (std::size_t count = 0; first + count <= 40; ++count) {
      std::vector<Salt> piece(count);
      fill_salts(key.expose(), first, piece);
      REQUIRE(std::equal(piece.begin(), piece.end(), whole.begin() + first));
    }
  }
}
