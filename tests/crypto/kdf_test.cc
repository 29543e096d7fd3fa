#include "crypto/kdf.h"

#include "crypto/base/encoding.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace tocsin;
using namespace tocsin::crypto;
using tocsin::test::unhex;

namespace {

Bytes run(std::uint8_t first, std::size_t count) {
  Bytes out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::uint8_t>(first + i);
  return out;
}

struct Rfc5869 {
  Bytes material, salt, info;
  std::string_view prk, okm;
};

}  // namespace

TEST_CASE("HKDF-SHA256 gives the keys of RFC 5869's test cases 1 to 3") {
  const Rfc5869 cases[] = {
      {Bytes(22, 0x0b), run(0x00, 13), run(0xf0, 10),
       "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
       "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
      {run(0x00, 80), run(0x60, 80), run(0xb0, 80),
       "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
       "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
       "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
      {Bytes(22, 0x0b),
       {},
       {},
       "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
       "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
  };
  for (const Rfc5869& c : cases) {
    const Secret<32> prk = hkdf_extract(c.salt, {c.material});
    CHECK(hex_encode(prk.expose()) == c.prk);
    Bytes okm(c.okm.size() / 2);
    hkdf_expand(prk, {c.info}, okm);
    CHECK(hex_encode(okm) == c.okm);
  }
}

TEST_CASE("HKDF takes its inputs in parts") {
  const Bytes whole = run(0, 60);
  const ByteView view(whole);
  const Secret<32> prk = hkdf_extract(run(9, 7), {view.first(11), {}, view.subspan(11)});
  CHECK(equal_secret(prk.expose(), hkdf_extract(run(9, 7), {whole}).expose()));
  Bytes parts(100);
  Bytes once(100);
  hkdf_expand(prk, {view.first(30), view.subspan(30)}, parts);
  hkdf_expand(prk, {whole}, once);
  CHECK(parts == once);
}

TEST_CASE("HKDF fills its longest output") {
  Bytes out(kHkdfOutputMax);
  hkdf_expand(hkdf_extract({}, {}), {}, out);
  Bytes shorter(64);
  hkdf_expand(hkdf_extract({}, {}), {}, shorter);
  CHECK(equal(ByteView(out).first(64), shorter));
}

TEST_CASE("HMAC-SHA256 gives the codes of RFC 4231, long keys included") {
  CHECK(hex_encode(hmac_sha256(Bytes(20, 0x0b), as_view("Hi There"))) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hex_encode(hmac_sha256(as_view("Jefe"), as_view("what do ya want for nothing?"))) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hex_encode(hmac_sha256(Bytes(131, 0xaa),
                               as_view("Test Using Larger Than Block-Size Key - Hash Key First"))) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}
