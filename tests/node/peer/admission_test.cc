#include "node/peer/admission.h"

#include "tests/node/peer/node_fixture.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {
PeerCertificate peer_of(const NodeFixture& node) {
  return *read_certificate(node.certificate());
}
}  // namespace

TEST_CASE("a pinned peer with a valid descriptor is admitted") {
  CHECK_FALSE(admit(peer_of(NodeFixture(1)), Pin{1, false}, kTestNow).refused);
}

TEST_CASE("an unknown, suspended, outdated, early or expired peer is refused with its reason") {
  const PeerCertificate peer = peer_of(NodeFixture(1));
  const auto refused = [&](const std::optional<Pin>& pin, std::uint64_t now) {
    return admit(peer, pin, now);
  };
  CHECK(refused(std::nullopt, kTestNow).refused == Code::kUnauthenticated);
  CHECK(refused(Pin{1, true}, kTestNow).refused == Code::kPermissionDenied);
  CHECK(refused(Pin{2, false}, kTestNow).refused == Code::kFailedPrecondition);
  CHECK(refused(Pin{}, peer.descriptor.valid_from_ms() - 1).refused == Code::kUnauthenticated);
  CHECK(refused(Pin{}, peer.descriptor.valid_until_ms()).refused == Code::kUnauthenticated);
  CHECK_FALSE(refused(Pin{}, peer.descriptor.valid_until_ms() - 1).refused);
  CHECK_FALSE(refused(std::nullopt, kTestNow).reason.empty());
}

TEST_CASE("a certificate with a key that the descriptor does not name is refused") {
  PeerCertificate peer = peer_of(NodeFixture(1));
  peer.spki_sha256[0] ^= 1;
  CHECK(admit(peer, Pin{}, kTestNow).refused == Code::kUnauthenticated);
}
