#include "node/peer/link.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "node/peer/socket.h"
#include "tests/node/peer/port_fixture.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

// The victim's certificate, its key replaced by the thief's: what a thief of a descriptor can make.
TlsIdentity stolen_descriptor(const NodeFixture& victim, const NodeFixture& thief) {
  const Bytes der = victim.certificate();
  const unsigned char* at = der.data();
  const std::shared_ptr<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free);
  const ByteView pkcs8 = thief.tls_key.expose();
  at = pkcs8.data();
  const std::shared_ptr<EVP_PKEY> key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(pkcs8.size())),
                                      EVP_PKEY_free);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), nullptr);
  Bytes out(static_cast<std::size_t>(i2d_X509(certificate.get(), nullptr)));
  unsigned char* to = out.data();
  i2d_X509(certificate.get(), &to);
  return *TlsIdentity::open(pkcs8, out);
}

// Both sides know the reason.
void expect_refusal(PortNode& caller, PortNode& callee, Code code, const std::string& reason) {
  const auto link = caller.connect(callee.target());
  REQUIRE_FALSE(link);
  CHECK(link.error().code == code);
  CHECK(link.error().rule == "link/refused");
  CHECK(link.error().message == "refused by the peer: " + reason);
  CHECK(callee.await_event(LinkEvent::Kind::kRefused).reason == "refused here: " + reason);
}

struct Plain {
  std::shared_ptr<SSL_CTX> context{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  // Whether the handshake and a first read succeed.
  bool reaches(const std::string& address, PortNode& node) const {
    const WakeFd wake;
    UniqueFd socket = *connect_tcp(address, wake, node.runtime, node.runtime.now_ms() + 5000);
    ::fcntl(socket.get(), F_SETFL, 0);
    const std::shared_ptr<SSL> ssl(SSL_new(context.get()), SSL_free);
    SSL_set_fd(ssl.get(), socket.get());
    char byte = 0;
    return SSL_connect(ssl.get()) == 1 && SSL_read(ssl.get(), &byte, 1) == 1;
  }
};

}  // namespace

TEST_CASE("an unpinned, suspended, outdated or expired caller is refused with the reason on both sides") {
  PortNode a(1);
  PortNode b(2);
  a.pin(b.fixture);
  expect_refusal(a, b, Code::kUnauthenticated, "this root key is not a member here");
  b.pin(a.fixture, Pin{0, true});
  expect_refusal(a, b, Code::kPermissionDenied, "this node is suspended here");
  b.pin(a.fixture, Pin{2, false});
  expect_refusal(a, b, Code::kFailedPrecondition, "a newer descriptor of this node is known");
  b.pin(a.fixture);
  NodeFixture expired(1);
  expired.descriptor.set_valid_until_ms(2000);
  REQUIRE(a.port->set_identity(expired.identity()));
  expect_refusal(a, b, Code::kUnauthenticated, "the descriptor has expired; renew it");
  CHECK(b.port->links() == 0);
}

TEST_CASE("a stolen descriptor over another key is refused") {
  PortNode a(1);
  PortNode b(2);
  introduce(a, b);
  REQUIRE(a.port->set_identity(stolen_descriptor(a.fixture, NodeFixture(9))));
  expect_refusal(a, b, Code::kUnauthenticated, "the certificate's key is not the descriptor's");
}

TEST_CASE("a caller refuses a node that it does not want, and says so") {
  PortNode a(1);
  PortNode b(2);
  PortNode c(3);
  introduce(a, b);
  introduce(a, c);
  const auto wrong = a.connect({b.address, c.fixture.fingerprint()});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message == "refused here: another node answers at " + b.address);
  CHECK(b.await_event(LinkEvent::Kind::kRefused).reason ==
        "refused by the peer: another node answers at " + b.address);
  a.pin(b.fixture, Pin{0, true});
  const auto suspended = a.connect(b.target());
  REQUIRE_FALSE(suspended);
  CHECK(suspended.error().message == "refused here: this node is suspended here");
  CHECK(b.await_event(LinkEvent::Kind::kRefused).reason ==
        "refused by the peer: this node is suspended here");
}

TEST_CASE("TLS 1.2, a missing certificate and a foreign protocol do not get past the handshake") {
  PortNode node(1);
  const Plain old;
  SSL_CTX_set_max_proto_version(old.context.get(), TLS1_2_VERSION);
  CHECK_FALSE(old.reaches(node.address, node));
  CHECK(node.await_event(LinkEvent::Kind::kFailed).reason.find("protocol") != std::string::npos);
  const Plain anonymous;
  constexpr unsigned char kAlpn[] = "\x08tocsin/1";
  SSL_CTX_set_alpn_protos(anonymous.context.get(), kAlpn, sizeof kAlpn - 1);
  CHECK_FALSE(anonymous.reaches(node.address, node));
  CHECK(node.await_event(LinkEvent::Kind::kFailed).reason.find("certificate") != std::string::npos);
  const Plain web;
  constexpr unsigned char kWeb[] = "\x02h2";
  SSL_CTX_set_alpn_protos(web.context.get(), kWeb, sizeof kWeb - 1);
  CHECK_FALSE(web.reaches(node.address, node));
  CHECK(node.await_event(LinkEvent::Kind::kFailed).inbound);
}

TEST_CASE("a rotated certificate serves the next handshake without a restart, the old one is refused then") {
  PortNode a(1);
  PortNode b(2);
  introduce(a, b);
  const auto old_link = a.connect(b.target());
  REQUIRE(old_link);
  const NodeFixture rotated(2, 2);
  REQUIRE(b.port->set_identity(rotated.identity()));
  CHECK(say_hello(**old_link));
  a.pin(b.fixture, Pin{2, false});
  const auto new_link = a.connect(b.target());
  REQUIRE(new_link);
  CHECK(say_hello(**new_link));
  CHECK(say_hello(**old_link));
  REQUIRE(b.port->set_identity(b.fixture.identity()));
  const auto back = a.connect(b.target());
  REQUIRE_FALSE(back);
  CHECK(back.error().message == "refused here: a newer descriptor of this node is known");
}

TEST_CASE("a third link of one peer takes the place of its oldest") {
  PortNode a(1);
  PortNode b(2);
  introduce(a, b);
  const auto first = a.connect(b.target());
  const auto second = a.connect(b.target());
  REQUIRE(second);
  const auto third = a.connect(b.target());
  REQUIRE(third);
  b.await_event(LinkEvent::Kind::kClosed);
  CHECK_FALSE(say_hello(**first));
  CHECK(say_hello(**second));
  CHECK(say_hello(**third));
}

TEST_CASE("a candidate joins by one request, bound to its connection") {
  Mailbox<Hash> exporters;
  Mailbox<std::string> names;
  PortNode inviter(1, [&](const PeerCertificate& peer, const v1::JoinRequest& request, const Hash& exporter) {
    names.put(peer.descriptor.name());
    exporters.put(exporter);
    v1::JoinReply reply;
    if (request.proof() == "wrong")
      return Result<v1::JoinReply>(fail(Code::kPermissionDenied, "wrong proof"));
    reply.set_state(v1::JoinReply::WAITING);
    return Result<v1::JoinReply>(std::move(reply));
  });
  PortNode candidate(2);
  const auto join = [&](const DialTarget& target, const std::string& proof) {
    Awaited<Result<v1::JoinReply>> reply;
    candidate.port->join(
        target,
        [&](const PeerCertificate& peer, const Hash& exporter) {
          CHECK(peer.fingerprint == target.fingerprint);
          v1::JoinRequest request;
          request.set_proof(proof.empty() ? to_string(exporter) : proof);
          return request;
        },
        reply.setter());
    return reply.get();
  };
  const auto reply = join(inviter.target(), "");
  REQUIRE(reply);
  CHECK(reply->state() == v1::JoinReply::WAITING);
  CHECK(names.next() == "node2.example");
  const auto wrong = join(inviter.target(), "wrong");
  REQUIRE(wrong);
  CHECK(wrong->state() == v1::JoinReply::REFUSED);
  CHECK(wrong->reason() == "wrong proof");
  CHECK(exporters.next() != exporters.next());
  CHECK(join({inviter.address, candidate.fixture.fingerprint()}, "").error().rule == "link/refused");
  CHECK(join(inviter.target(), std::string(kJoinBytesMax + 1, 'x')).error().rule == "link/join");
  CHECK_FALSE(join(candidate.target(), "wrong"));
}

TEST_CASE("nobody at the address, a bad address and a port in use are plain errors") {
  PortNode a(1);
  CHECK(a.connect({"127.0.0.1:1", Hash{}}).error().code == Code::kUnavailable);
  CHECK(a.connect({"no port", Hash{}}).error().rule == "link/address");
  CHECK(a.port->listen("127.0.0.1:0").error().rule == "link/listen");
  CHECK_FALSE(listen_tcp(a.address));
}
