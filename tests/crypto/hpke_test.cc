#include "crypto/hpke.h"

#include <boost/json.hpp>

#include "crypto/base/encoding.h"
#include "crypto/random.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace tocsin;
using namespace tocsin::crypto;
using tocsin::test::hex_bytes;
using tocsin::test::unhex;

namespace {

Secret<32> secret(const Bytes& bytes) {
  return Secret<32>(fixed<32>(bytes, "secret").value());
}

void check_schedule(const HpkeKeys& keys, const boost::json::value& v) {
  CHECK(equal(keys.key.expose(), hex_bytes(v.at("key"))));
  CHECK(equal(keys.base_nonce, hex_bytes(v.at("base_nonce"))));
  CHECK(equal(keys.exporter.expose(), hex_bytes(v.at("exporter_secret"))));
  for (const boost::json::value& e : v.at("exports").as_array()) {
    const SecretBytes exported =
        keys.export_secret(hex_bytes(e.at("exporter_context")), e.at("L").to_number<std::size_t>());
    CHECK(equal(exported.expose(), hex_bytes(e.at("exported_value"))));
  }
}

// One base-mode vector, both sides; returns how many encryptions it held.
std::size_t check_vector(const boost::json::value& v) {
  const KemKey recipient = KemKey::derive(hex_bytes(v.at("ikmR")));
  CHECK(equal(recipient.private_key().expose(), hex_bytes(v.at("skRm"))));
  CHECK(equal(recipient.public_key(), hex_bytes(v.at("pkRm"))));
  CHECK(KemKey::from_private(secret(hex_bytes(v.at("skRm")))).public_key() == recipient.public_key());

  const Bytes info = hex_bytes(v.at("info"));
  HpkeSender sender = HpkeSender::to(recipient.public_key(), info, secret(hex_bytes(v.at("ikmE")))).value();
  CHECK(equal(sender.encapsulated(), hex_bytes(v.at("enc"))));
  check_schedule(sender.keys(), v);
  HpkeReceiver receiver = HpkeReceiver::from(sender.encapsulated(), info, recipient).value();
  check_schedule(receiver.keys(), v);

  const boost::json::array& encryptions = v.at("encryptions").as_array();
  for (const boost::json::value& e : encryptions) {
    const Bytes sealed = sender.seal(hex_bytes(e.at("aad")), hex_bytes(e.at("pt"))).value();
    CHECK(sealed == hex_bytes(e.at("ct")));
    CHECK(equal(receiver.open(hex_bytes(e.at("aad")), sealed).value().expose(), hex_bytes(e.at("pt"))));
  }
  const boost::json::value& first = encryptions.front();
  const Bytes single = hpke_seal(recipient.public_key(), info, hex_bytes(first.at("aad")),
                                 hex_bytes(first.at("pt")), secret(hex_bytes(v.at("ikmE"))))
                           .value();
  Bytes expected = hex_bytes(v.at("enc"));
  append(expected, hex_bytes(first.at("ct")));
  CHECK(single == expected);
  return encryptions.size();
}

}  // namespace

TEST_CASE("HPKE base mode gives RFC 9180's keys, twelve encryptions and exports on both sides") {
  const auto file = tocsin::test::shared_vectors("hpke/rfc9180_x25519_hkdfsha256_chacha20poly1305.json");
  if (!file) return;
  std::size_t encryptions = 0;
  for (const boost::json::value& v : file->as_array())
    if (v.at("mode").to_number<int>() == 0) encryptions += check_vector(v);
  CHECK(encryptions == 12);
}

TEST_CASE("HPKE derives the RFC 9180 A.2.1 keys without the vector file") {
  const KemKey recipient =
      KemKey::derive(unhex("1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df"));
  CHECK(hex_encode(recipient.public_key()) ==
        "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
  const HpkeSender sender =
      HpkeSender::to(recipient.public_key(), unhex("4f6465206f6e2061204772656369616e2055726e"),
                     secret(unhex("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b")))
          .value();
  CHECK(hex_encode(sender.encapsulated()) ==
        "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
  CHECK(hex_encode(sender.keys().key.expose()) ==
        "ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91");
}

TEST_CASE("a message opens only for its recipient, info and associated data") {
  const KemKey recipient = KemKey::derive(random_bytes<32>());
  const Bytes sealed =
      hpke_seal(recipient.public_key(), as_view("info"), as_view("ad"), as_view("plain"), random_secret<32>())
          .value();
  CHECK(sealed.size() == 5 + kHpkeOverhead);
  CHECK(as_text(hpke_open(recipient, as_view("info"), as_view("ad"), sealed).value().expose()) == "plain");
  const auto refused = hpke_open(recipient, as_view("other"), as_view("ad"), sealed);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().rule == "hpke/open");
  CHECK_FALSE(hpke_open(recipient, as_view("info"), as_view("other"), sealed).has_value());
  CHECK_FALSE(
      hpke_open(KemKey::derive(random_bytes<32>()), as_view("info"), as_view("ad"), sealed).has_value());
}

TEST_CASE("an HPKE message cut or altered anywhere is refused") {
  const KemKey recipient = KemKey::derive(random_bytes<32>());
  const Bytes sealed =
      hpke_seal(recipient.public_key(), as_view("i"), as_view("a"), as_view("plain"), random_secret<32>())
          .value();
  for (std::size_t size = 0; size < sealed.size(); ++size)
    REQUIRE_FALSE(hpke_open(recipient, as_view("i"), as_view("a"), ByteView(sealed).first(size)).has_value());
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    Bytes altered = sealed;
    altered[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    REQUIRE_FALSE(hpke_open(recipient, as_view("i"), as_view("a"), altered).has_value());
  }
}

TEST_CASE("a refused message leaves the receiver's order as it was") {
  const KemKey recipient = KemKey::derive(random_bytes<32>());
  HpkeSender sender = HpkeSender::to(recipient.public_key(), {}, random_secret<32>()).value();
  HpkeReceiver receiver = HpkeReceiver::from(sender.encapsulated(), {}, recipient).value();
  const Bytes first = sender.seal({}, as_view("first")).value();
  const Bytes second = sender.seal({}, as_view("second")).value();
  CHECK_FALSE(receiver.open({}, second).has_value());
  CHECK(as_text(receiver.open({}, first).value().expose()) == "first");
  CHECK(as_text(receiver.open({}, second).value().expose()) == "second");
  CHECK_FALSE(receiver.open({}, second).has_value());
}

TEST_CASE("an X25519 key that gives an all-zero shared secret is refused on both sides") {
  const KemKey own = KemKey::derive(random_bytes<32>());
  for (std::string_view hex : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
       }) {
    INFO(hex);
    const KemPublicKey bad = fixed<32>(unhex(hex), "point").value();
    const auto sent = HpkeSender::to(bad, {}, random_secret<32>());
    REQUIRE_FALSE(sent.has_value());
    CHECK(sent.error().rule == "hpke/key");
    CHECK_FALSE(HpkeReceiver::from(bad, {}, own).has_value());
  }
}
