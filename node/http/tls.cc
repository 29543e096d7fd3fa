#include "node/http/tls.h"

#include <algorithm>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "node/files/private_file.h"

namespace tocsin::node {
namespace {

constexpr std::size_t kKeyFileMax = 64 * 1024;
constexpr long kClientChainBytesMax = 64 * 1024;
constexpr unsigned char kAlpn[] = "\x08http/1.1";
constexpr std::string_view kClientRule = "tls/client-";

tl::unexpected<Error> bad_files(std::string what) {
  if (const char* reason = ERR_reason_error_string(ERR_peek_last_error())) what += std::string(": ") + reason;
  ERR_clear_error();
  return fail(Error{Code::kInvalidArgument, std::move(what), "tls/files", "",
                    "check read_certificate, read_key and read_client_ca"});
}

tl::unexpected<Error> refuse(std::string_view which, std::string why, std::string fix) {
  return fail(Error{Code::kPermissionDenied, std::move(why), std::string(kClientRule) + std::string(which),
                    "this ledger is served to known clients only", std::move(fix)});
}

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in,
                unsigned int in_length, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kAlpn, sizeof kAlpn - 1, in, in_length) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// Which certificate is wanted is decided behind the handshake, which has proved the key.
int accept_any_chain(X509_STORE_CTX*, void*) {
  return 1;
}

std::shared_ptr<X509> parse_certificate(ByteView der) {
  const unsigned char* at = not_null(der);
  return {d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free};
}

Bytes der_of(const X509* certificate) {
  const int length = i2d_X509(certificate, nullptr);
  if (length <= 0) return {};
  Bytes der(static_cast<std::size_t>(length));
  unsigned char* at = der.data();
  i2d_X509(certificate, &at);
  return der;
}

Status use_key_file(SSL_CTX* context, const std::string& path) {
  TRY_ASSIGN(const SecretBytes pem, read_private_file(path, kKeyFileMax));
  const std::shared_ptr<BIO> memory(
      BIO_new_mem_buf(pem.expose().data(), static_cast<int>(pem.expose().size())), BIO_free);
  // No passphrase is asked for: a daemon has nobody to ask.
  const auto no_passphrase = [](char*, int, int, void*) { return 0; };
  const std::shared_ptr<EVP_PKEY> key(
      memory ? PEM_read_bio_PrivateKey(memory.get(), nullptr, no_passphrase, nullptr) : nullptr,
      EVP_PKEY_free);
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1) return bad_files(path + " is no key");
  if (SSL_CTX_check_private_key(context) != 1) return bad_files(path + " is another certificate's key");
  return {};
}

Status use_identity(SSL_CTX* context, const TlsIdentity& identity) {
  const ByteView certificate = identity.certificate_der();
  const ByteView der = identity.key_pkcs8();
  const unsigned char* at = not_null(der);
  const std::shared_ptr<EVP_PKEY> key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())),
                                      EVP_PKEY_free);
  if (SSL_CTX_use_certificate_ASN1(context, static_cast<int>(certificate.size()), certificate.data()) != 1 ||
      !key || SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return bad_files("the node's TLS identity cannot be used");
  return {};
}

Result<std::shared_ptr<X509_STORE>> read_authorities(const std::string& path) {
  std::shared_ptr<X509_STORE> store(X509_STORE_new(), X509_STORE_free);
  if (!store || X509_STORE_load_file(store.get(), path.c_str()) != 1)
    return bad_files(path + " holds no certificate authorities");
  return store;
}

}  // namespace

Result<std::shared_ptr<HttpTls>> HttpTls::make(HttpTlsSettings settings, const TlsIdentity& identity) {
  if (settings.certificate.empty() != settings.key.empty())
    return fail(Error{Code::kInvalidArgument, "a certificate needs its key, and a key its certificate",
                      "tls/settings", "", "set read_certificate and read_key, or neither"});
  std::shared_ptr<HttpTls> out(new HttpTls(std::move(settings)));
  TRY(out->use_files());
  if (out->settings_.certificate.empty()) TRY(out->set_identity(identity));
  return out;
}

Result<HttpTls::ContextPtr> HttpTls::make_context() const {
  ContextPtr context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX* raw = context.get();
  if (raw == nullptr || SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(raw, TLS1_3_VERSION) != 1)
    return bad_files("TLS 1.3 cannot be had");
  SSL_CTX_set_verify(raw, asks_clients() ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_cert_verify_callback(raw, accept_any_chain, nullptr);
  // Some clients show nothing unless they are told whose certificates are wanted. Members' have no issuer.
  if (!settings_.client_ca.empty() && settings_.member == nullptr)
    SSL_CTX_set_client_CA_list(raw, SSL_load_client_CA_file(settings_.client_ca.c_str()));
  SSL_CTX_set_alpn_select_cb(raw, choose_alpn, nullptr);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_options(raw, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_max_cert_list(raw, kClientChainBytesMax);
  return context;
}

Status HttpTls::use_files() {
  const std::string stamps = this->stamps();
  AuthoritiesPtr authorities;
  if (!settings_.client_ca.empty()) {
    TRY_ASSIGN(authorities, read_authorities(settings_.client_ca));
  }
  ContextPtr context;
  if (!settings_.certificate.empty()) {
    TRY_ASSIGN(context, make_context());
    if (SSL_CTX_use_certificate_chain_file(context.get(), settings_.certificate.c_str()) != 1)
      return bad_files(settings_.certificate + " is no certificate");
    TRY(use_key_file(context.get(), settings_.key));
  }
  const std::lock_guard lock(mu_);
  authorities_ = std::move(authorities);
  if (context) context_ = std::move(context);
  stamps_ = stamps;
  return {};
}

Status HttpTls::set_identity(const TlsIdentity& identity) {
  if (!settings_.certificate.empty()) return {};
  TRY_ASSIGN(ContextPtr context, make_context());
  TRY(use_identity(context.get(), identity));
  const std::lock_guard lock(mu_);
  context_ = std::move(context);
  return {};
}

std::string HttpTls::stamps() const {
  std::string out;
  for (const std::string* path : {&settings_.certificate, &settings_.key, &settings_.client_ca}) {
    struct stat info {};
    if (path->empty() || ::stat(path->c_str(), &info) != 0) continue;
    out += std::to_string(info.st_ino) + " " + std::to_string(info.st_size) + " " +
           std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec) + "\n";
  }
  return out;
}

Result<bool> HttpTls::reload() {
  {
    const std::lock_guard lock(mu_);
    if (stamps() == stamps_) return false;
  }
  TRY(use_files());
  return true;
}

ssl_st* HttpTls::new_connection() const {
  const std::lock_guard lock(mu_);
  return SSL_new(context_.get());
}

std::vector<Bytes> HttpTls::client_chain(ssl_st* connection) {
  std::vector<Bytes> out;
  const X509* own = SSL_get0_peer_certificate(connection);
  if (own == nullptr) return out;
  out.push_back(der_of(own));
  const STACK_OF(X509)* others =
      SSL_get_peer_cert_chain(connection);  // a server's leaves the client's own out
  for (int i = 0; others != nullptr && i < sk_X509_num(others); ++i)
    out.push_back(der_of(sk_X509_value(others, i)));
  return out;
}

Status HttpTls::judge(const std::vector<Bytes>& chain, std::uint64_t now_ms) const {
  if (!asks_clients()) return {};
  if (chain.empty())
    return refuse("absent", "the client showed no certificate", "connect with a client certificate");
  Status member = refuse("unknown", "members' certificates are not asked for", "");
  if (settings_.member != nullptr) {
    member = settings_.member(chain.front());
    if (member) return {};
  }
  if (settings_.client_ca.empty())
    return refuse("member", "the client's certificate is no member's: " + member.error().message,
                  "use the certificate of an active member's node");
  return judge_by_authorities(chain, now_ms);
}

Status HttpTls::judge_by_authorities(const std::vector<Bytes>& chain, std::uint64_t now_ms) const {
  AuthoritiesPtr authorities;
  {
    const std::lock_guard lock(mu_);
    authorities = authorities_;
  }
  const auto own = parse_certificate(chain.front());
  const std::shared_ptr<STACK_OF(X509)> others(sk_X509_new_null(),
                                               [](STACK_OF(X509) * s) { sk_X509_pop_free(s, X509_free); });
  for (std::size_t i = 1; i < chain.size(); ++i)
    if (const auto other = parse_certificate(chain[i]); other && X509_up_ref(other.get()) == 1)
      sk_X509_push(others.get(), other.get());
  const std::shared_ptr<X509_STORE_CTX> walk(X509_STORE_CTX_new(), X509_STORE_CTX_free);
  if (!own || !walk || X509_STORE_CTX_init(walk.get(), authorities.get(), own.get(), others.get()) != 1)
    return refuse("unknown", "the client's certificate does not parse", "use another certificate");
  X509_STORE_CTX_set_default(walk.get(), "ssl_client");
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(walk.get()), static_cast<time_t>(now_ms / 1000));
  const bool holds = X509_verify_cert(walk.get()) == 1;
  const int error = X509_STORE_CTX_get_error(walk.get());
  ERR_clear_error();
  if (holds) return {};
  const std::string why =
      std::string("the client's certificate is refused: ") + X509_verify_cert_error_string(error);
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return refuse("expired", why, "renew it, and compare clocks");
    case X509_V_ERR_INVALID_PURPOSE:
      return refuse("purpose", why, "have it issued for client authentication");
    default:
      return refuse("unknown", why, "use one that an authority of this node's operator has issued");
  }
}

std::string_view HttpTls::reason_of(const Error& refusal) {
  const std::string_view rule = refusal.rule;
  return rule.starts_with(kClientRule) ? rule.substr(kClientRule.size()) : rule;
}

bool HttpTls::is_plain_http(unsigned long library_error) {
  return ERR_GET_REASON(library_error) == SSL_R_HTTP_REQUEST;
}

}  // namespace tocsin::node
