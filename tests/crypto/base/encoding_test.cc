#include "crypto/base/encoding.h"

#include "tests/support/catch.h"

using namespace tocsin;

TEST_CASE("base64 follows RFC 4648 section 10 in both directions") {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (auto [plain, text] : cases) {
    CHECK(base64_encode(as_view(plain)) == text);
    CHECK(as_text(*base64_decode(text)) == plain);
  }
}

TEST_CASE("a second encoding of the same bytes is refused") {
  CHECK_FALSE(base64_decode("Zh=="));  // trailing bits not zero
  CHECK_FALSE(base64_decode("Zg"));    // padding missing
  CHECK_FALSE(base64_decode("Zg==\n"));
  CHECK_FALSE(base64_decode("===="));
  CHECK_FALSE(base32_decode("b"));   // five bits cannot be a byte
  CHECK_FALSE(base32_decode("mz"));  // trailing bits not zero
  CHECK_FALSE(hex_decode("0"));
  CHECK_FALSE(hex_decode("0g"));
}

TEST_CASE("base32 is RFC 4648 section 6 in lower case without padding") {
  CHECK(base32_encode(as_view("foobar")) == "mzxw6ytboi");
  CHECK(as_text(*base32_decode("mzxw6ytboi")) == "foobar");
}

TEST_CASE("big-endian integers survive the round trip") {
  Bytes out;
  append_be<std::uint64_t>(out, 0x0102030405060708ULL);
  append_be<std::uint16_t>(out, 0xfffe);
  CHECK(hex_encode(out) == "0102030405060708fffe");
  CHECK(get_be<std::uint64_t>(out.data()) == 0x0102030405060708ULL);
  CHECK(get_be<std::uint16_t>(out.data() + 8) == 0xfffe);
}
