#pragma once
// HttpTls: HTTPS on an address of the HTTP server: its certificate, and which clients' certificates it takes.
//
// TLS 1.3 only, no tickets, no resumption, ALPN http/1.1. The server shows PEM files of its operator's or the
// node's own TLS identity; either can be replaced, from the next handshake on. When clients are restricted
// each is asked for a certificate; the handshake proves its key, and judge() decides whether it is wanted,
// so that a refusal can say why in words instead of an alert. A client is taken when an authority of the
// given file has issued its certificate for client use, in its dates, or when it is a member's. Errors:
// kInvalidArgument "tls/files", "tls/settings"; of judge kPermissionDenied with rule "tls/client-absent",
// "-expired", "-unknown", "-purpose", "-member". Concurrency: any thread. Source: RFC 8446; node/DESIGN.md.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "node/identity/tls_identity.h"

struct ssl_ctx_st;
struct ssl_st;
struct x509_store_st;

namespace tocsin::node {

struct HttpTlsSettings {
  std::string certificate;  // PEM file, the server's own certificate first; empty: `identity`
  std::string key;          // PEM file with its key, closed to other users
  std::string client_ca;    // PEM file of authorities; empty: none
  // Whether a certificate is one of ours to let in; none: members are not asked for.
  std::function<Status(ByteView der)> member = nullptr;
};

class HttpTls {
 public:
  // `identity` is used when no certificate is named.
  static Result<std::shared_ptr<HttpTls>> make(HttpTlsSettings settings, const TlsIdentity& identity);

  // A renewed identity of the node; nothing when PEM files are used.
  Status set_identity(const TlsIdentity& identity);
  // Reads the files again when one of them has changed; true when it did. What was there stays on an error.
  Result<bool> reload();

  // For one handshake in the server's role; null when there is no memory. The caller owns it.
  ssl_st* new_connection() const;
  bool asks_clients() const { return !settings_.client_ca.empty() || settings_.member != nullptr; }
  // DER of what the client showed, its own first; empty when it showed none.
  static std::vector<Bytes> client_chain(ssl_st* connection);
  Status judge(const std::vector<Bytes>& chain, std::uint64_t now_ms) const;

  // "absent", "expired" … as the metric names a refusal.
  static std::string_view reason_of(const Error& refusal);
  // Whether a failed handshake was an HTTP request in clear.
  static bool is_plain_http(unsigned long library_error);

 private:
  explicit HttpTls(HttpTlsSettings settings) : settings_(std::move(settings)) {}
  using ContextPtr = std::shared_ptr<ssl_ctx_st>;
  using AuthoritiesPtr = std::shared_ptr<x509_store_st>;
  Result<ContextPtr> make_context() const;
  Status use_files();
  Status judge_by_authorities(const std::vector<Bytes>& chain, std::uint64_t now_ms) const;
  std::string stamps() const;

  const HttpTlsSettings settings_;
  mutable std::mutex mu_;
  // Guarded by mu_.
  ContextPtr context_;
  AuthoritiesPtr authorities_;
  std::string stamps_;  // when the files were changed last
};

}  // namespace tocsin::node
