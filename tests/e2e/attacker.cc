#include "tests/e2e/attacker.h"

#include <array>
#include <csignal>

#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>

#include "crypto/random.h"
#include "node/peer/socket.h"

namespace tocsin::e2e {
namespace {

constexpr std::uint64_t kReachMs = 10'000;

// Any answer is read, so that neither side waits for the other's buffer.
void discard(node::TlsStream& stream) {
  std::array<std::uint8_t, 16384> buffer;
  while (stream.read_some(buffer).step == node::TlsStream::Step::kMoved) {
  }
}

v1::NodeDescriptor copy_of(const node::Keys& keys) {
  return keys.descriptor.message();
}

node::TlsIdentity identity_of(v1::NodeDescriptor descriptor, const crypto::SigningKey& root,
                              const SecretBytes& key) {
  descriptor.set_tls_spki_sha256(to_string(*node::tls_spki_sha256(key.expose())));
  const auto signed_descriptor = *protocol::sign_descriptor(descriptor, root);
  return *node::TlsIdentity::open(key.expose(), *node::make_tls_certificate(key.expose(), signed_descriptor));
}

}  // namespace

Attacker::Attacker(node::TlsIdentity identity) : context_(*node::TlsContext::make(identity)) {
  // OpenSSL writes with write(2) into sockets that the daemon has closed.
  std::signal(SIGPIPE, SIG_IGN);
}

node::Keys Attacker::keys_of(const Company& company) {
  const auto lock = node::read_keystore_lock({}, company.environment().at("CREDENTIALS_DIRECTORY"));
  return *node::open_keystore(company.folder(), *lock);
}

std::unique_ptr<Attacker> Attacker::with_keys_of(const Company& company) {
  return std::make_unique<Attacker>(keys_of(company).tls);
}

node::UniqueFd Attacker::connect(const std::string& address) {
  auto socket = node::connect_tcp(address, wake_, runtime_, runtime_.now_ms() + kReachMs);
  return socket ? std::move(*socket) : node::UniqueFd();
}

std::unique_ptr<node::TlsStream> Attacker::handshake(const std::string& address, std::string_view alpn) {
  node::UniqueFd socket = connect(address);
  if (!socket) return nullptr;
  auto stream = std::make_unique<node::TlsStream>(context_, std::move(socket), wake_, runtime_);
  if (!stream->handshake(node::TlsStream::Role::kClient, alpn, runtime_.now_ms() + kReachMs)) return nullptr;
  return stream;
}

Result<std::unique_ptr<node::TlsStream>> Attacker::link(const std::string& address) {
  auto stream = handshake(address, node::kAlpnFeed);
  if (!stream) return fail(Code::kUnavailable, "no handshake", "link/closed");
  TRY(node::exchange_verdicts(*stream, node::LinkVerdict::accept(), runtime_.now_ms() + kReachMs));
  return stream;
}

std::size_t Attacker::flood(node::TlsStream& stream, ByteView opening, ByteView frames,
                            std::size_t bytes_max) {
  const std::uint64_t deadline = runtime_.now_ms() + kReachMs;
  if (!stream.write_all(opening, deadline)) return 0;
  std::size_t sent = opening.size();
  while (sent < bytes_max && runtime_.now_ms() < deadline) {
    if (!stream.write_all(frames, runtime_.now_ms() + 1000)) return sent;
    sent += frames.size();
    discard(stream);
  }
  return sent;
}

node::TlsIdentity stranger_identity() {
  const crypto::SigningKey root = crypto::SigningKey::from_seed(crypto::random_secret<32>());
  const SecretBytes key = *node::make_tls_key(crypto::random_secret<32>());
  v1::NodeDescriptor descriptor;
  descriptor.set_name("stranger.example");
  descriptor.set_address("127.0.0.1:1");
  descriptor.set_root_key(to_string(root.public_key()));
  descriptor.set_operational_key(to_string(root.public_key()));
  descriptor.set_envelope_key(std::string(32, 'e'));
  descriptor.set_log_origin("stranger.example/tocsin");
  descriptor.set_sequence(1);
  descriptor.set_valid_from_ms(1000);
  descriptor.set_valid_until_ms(4'000'000'000'000);
  return identity_of(std::move(descriptor), root, key);
}

node::TlsIdentity expired_identity(const node::Keys& keys) {
  v1::NodeDescriptor descriptor = copy_of(keys);
  descriptor.set_sequence(descriptor.sequence() + 1);
  descriptor.set_valid_from_ms(1000);
  descriptor.set_valid_until_ms(2000);
  const SecretBytes key = *node::make_tls_key(crypto::random_secret<32>());
  return identity_of(std::move(descriptor), keys.root, key);
}

node::TlsIdentity stolen_identity(const node::Keys& victim) {
  const SecretBytes pkcs8 = *node::make_tls_key(crypto::random_secret<32>());
  const ByteView der = victim.tls.certificate_der();
  const unsigned char* at = der.data();
  const std::shared_ptr<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free);
  at = pkcs8.expose().data();
  const std::shared_ptr<EVP_PKEY> key(
      d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(pkcs8.expose().size())), EVP_PKEY_free);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), nullptr);
  Bytes out(static_cast<std::size_t>(i2d_X509(certificate.get(), nullptr)));
  unsigned char* to = out.data();
  i2d_X509(certificate.get(), &to);
  return *node::TlsIdentity::open(pkcs8.expose(), out);
}

bool tls12_reaches(const std::string& address) {
  node::AsioRuntime clock(1);
  const node::WakeFd wake;
  auto socket = node::connect_tcp(address, wake, clock, clock.now_ms() + kReachMs);
  if (!socket) return false;
  ::fcntl(socket->get(), F_SETFL, 0);
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  const std::shared_ptr<SSL> ssl(SSL_new(context.get()), SSL_free);
  SSL_set_fd(ssl.get(), socket->get());
  char byte = 0;
  return SSL_connect(ssl.get()) == 1 && SSL_read(ssl.get(), &byte, 1) == 1;
}

}  // namespace tocsin::e2e
