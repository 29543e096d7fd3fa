#include "node/identity/tls_identity.h"

#include "tests/node/peer/node_fixture.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

TEST_CASE("a certificate carries the descriptor and the key that it names") {
  const NodeFixture node(1);
  const auto peer = read_certificate(node.certificate());
  REQUIRE(peer);
  CHECK(peer->fingerprint == node.fingerprint());
  CHECK(peer->descriptor.name() == "node1.example");
  CHECK(peer->signed_descriptor.body() == node.signed_descriptor().body());
  CHECK(equal(peer->spki_sha256, as_view(node.descriptor.tls_spki_sha256())));
}

TEST_CASE("a certificate is not made for a descriptor of another key") {
  const NodeFixture node(1);
  const NodeFixture other(2);
  const auto made = make_tls_certificate(other.tls_key.expose(), node.signed_descriptor());
  REQUIRE_FALSE(made);
  CHECK(made.error().rule == "tls/certificate");
}

TEST_CASE("a certificate whose descriptor the root key did not sign is refused") {
  const NodeFixture node(1);
  auto forged = node.signed_descriptor();
  forged.mutable_signature()->back() ^= 1;
  const auto made = make_tls_certificate(node.tls_key.expose(), forged);
  REQUIRE_FALSE(made);
  CHECK(made.error().rule == "tls/descriptor");

  Bytes certificate = node.certificate();
  const std::string signature = node.signed_descriptor().signature();
  const auto at = std::search(certificate.begin(), certificate.end(), signature.begin(), signature.end(),
                              [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
  REQUIRE(at != certificate.end());
  *at ^= 1;
  const auto read = read_certificate(certificate);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Code::kUnauthenticated);
}

TEST_CASE("an identity is a key and its own certificate") {
  const NodeFixture node(1);
  const NodeFixture other(2);
  CHECK(TlsIdentity::open(node.tls_key.expose(), node.certificate()));
  CHECK_FALSE(TlsIdentity::open(other.tls_key.expose(), node.certificate()));
  CHECK_FALSE(TlsIdentity::open(Bytes{1, 2, 3}, node.certificate()));
}

TEST_CASE("every cut and every changed byte of a certificate is survived") {
  const NodeFixture node(3);
  const Bytes whole = node.certificate();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CHECK_FALSE(read_certificate(ByteView(whole).first(i)));
    Bytes changed = whole;
    changed[i] ^= 0x41;
    if (const auto read = read_certificate(changed)) CHECK(read->fingerprint == node.fingerprint());
  }
  Bytes longer = whole;
  longer.push_back(0);
  CHECK_FALSE(read_certificate(longer));
  CHECK_FALSE(read_certificate(Bytes(kCertificateBytesMax + 1, 0x30)));
}
