#pragma once
// A member that has turned: holds a real member's keys and speaks TLS and HTTP/2 by hand.
//
// Concurrency: one thread, but for stop().

#include <memory>
#include <optional>
#include <string>

#include "node/identity/keystore.h"
#include "node/peer/link_opening.h"
#include "node/runtime/asio_runtime.h"
#include "tests/e2e/company.h"

namespace tocsin::e2e {

class Attacker {
 public:
  explicit Attacker(node::TlsIdentity identity);
  // With the keys of a company whose daemon does not run.
  static std::unique_ptr<Attacker> with_keys_of(const Company& company);
  static node::Keys keys_of(const Company& company);

  // TCP alone; the socket is non-blocking.
  node::UniqueFd connect(const std::string& address);
  // TLS with our certificate under this ALPN; nothing when the handshake failed.
  std::unique_ptr<node::TlsStream> handshake(const std::string& address, std::string_view alpn);
  // A link past both verdicts. The error says what was refused, by whom.
  Result<std::unique_ptr<node::TlsStream>> link(const std::string& address);
  // Sends `opening` once, then `frames` again and again until the other side hangs up or `bytes_max` are
  // gone; what it answers is read and thrown away. The bytes that were taken.
  std::size_t flood(node::TlsStream& stream, ByteView opening, ByteView frames, std::size_t bytes_max);

  node::AsioRuntime& runtime() { return runtime_; }

 private:
  node::AsioRuntime runtime_{1};
  node::WakeFd wake_;
  std::shared_ptr<const node::TlsContext> context_;
};

// A stranger's own, valid identity.
node::TlsIdentity stranger_identity();
// The member's descriptor over the thief's key, and the member's own descriptor signed again as having
// expired.
node::TlsIdentity stolen_identity(const node::Keys& victim);
node::TlsIdentity expired_identity(const node::Keys& keys);
// Whether a TLS 1.2 client gets through the handshake.
bool tls12_reaches(const std::string& address);

}  // namespace tocsin::e2e
