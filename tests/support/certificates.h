#pragma once
// X.509 certificates for tests: an authority of ECDSA P-256, and what it issues.

#include <ctime>
#include <memory>
#include <string>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace tocsin::tests {

// A key and its certificate.
struct Certified {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> certificate;

  std::string key_pem() const {
    return pem([&](BIO* out) {
      return PEM_write_bio_PKCS8PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  std::string certificate_pem() const {
    return pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); });
  }

 private:
  template <typename Write>
  static std::string pem(const Write& write) {
    const std::shared_ptr<BIO> memory(BIO_new(BIO_s_mem()), BIO_free);
    if (write(memory.get()) != 1) std::abort();
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
  }
};

struct Issue {
  std::string name;
  std::time_t from_s = std::time(nullptr) - 3600;
  std::time_t until_s = std::time(nullptr) + 24 * 3600;
  bool client = true;  // else for servers only
};

class Authority {
 public:
  explicit Authority(const std::string& name) {
    own_ = begin({name}, nullptr);
    extend(NID_basic_constraints, "critical,CA:TRUE");
    extend(NID_key_usage, "critical,keyCertSign");
    sign();
  }
  const Certified& own() const { return own_; }

  Certified issue(const Issue& what) const {
    Authority leaf;
    leaf.own_ = begin(what, own_.certificate.get());
    leaf.extend(NID_ext_key_usage, what.client ? "clientAuth" : "serverAuth");
    leaf.extend(NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    if (X509_sign(leaf.own_.certificate.get(), own_.key.get(), EVP_sha256()) <= 0) std::abort();
    return leaf.own_;
  }

 private:
  Authority() = default;
  static Certified begin(const Issue& what, X509* issuer) {
    Certified out{{EVP_EC_gen("P-256"), EVP_PKEY_free}, {X509_new(), X509_free}};
    X509* const certificate = out.certificate.get();
    static long serial = 0;
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    ASN1_TIME_set(X509_getm_notBefore(certificate), what.from_s);
    ASN1_TIME_set(X509_getm_notAfter(certificate), what.until_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(what.name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer == nullptr ? certificate : issuer));
    X509_set_pubkey(certificate, out.key.get());
    return out;
  }
  void extend(int nid, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    if (extension == nullptr || X509_add_ext(own_.certificate.get(), extension, -1) != 1) std::abort();
    X509_EXTENSION_free(extension);
  }
  void sign() {
    if (X509_sign(own_.certificate.get(), own_.key.get(), EVP_sha256()) <= 0) std::abort();
  }

  Certified own_;
};

}  // namespace tocsin::tests
