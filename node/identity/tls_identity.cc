#include "node/identity/tls_identity.h"

#include <ctime>
#include <memory>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/hash.h"
#include "protocol/identity/descriptor.h"
#include "protocol/wire/prescan.h"

namespace tocsin::node {
namespace {

template <auto kFree>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using PkeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Pkcs8Ptr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Freed<PKCS8_PRIV_KEY_INFO_free>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;
using ObjectPtr = std::unique_ptr<ASN1_OBJECT, Freed<ASN1_OBJECT_free>>;
using StringPtr = std::unique_ptr<ASN1_OCTET_STRING, Freed<ASN1_OCTET_STRING_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, Freed<BN_free>>;

tl::unexpected<Error> bad_key() {
  return fail(Code::kInvalidArgument, "the TLS key does not parse", "tls/key");
}
tl::unexpected<Error> bad_certificate(std::string what) {
  return fail(Code::kInvalidArgument, std::move(what), "tls/certificate");
}

Result<PkeyPtr> parse_key(ByteView der) {
  const unsigned char* at = not_null(der);
  const Pkcs8Ptr info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  if (!info || at != der.data() + der.size()) return bad_key();
  PkeyPtr key(EVP_PKCS82PKEY(info.get()));
  if (!key) return bad_key();
  return key;
}

Hash spki_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key, &der);
  CHECK_INVARIANT(length > 0);
  const Hash hash = crypto::sha256({der, static_cast<std::size_t>(length)});
  OPENSSL_free(der);
  return hash;
}

Result<X509Ptr> parse_certificate(ByteView der) {
  if (der.size() > kCertificateBytesMax) return bad_certificate("the certificate is too large");
  const unsigned char* at = not_null(der);
  X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!certificate || at != der.data() + der.size()) return bad_certificate("the certificate does not parse");
  return certificate;
}

ObjectPtr descriptor_oid() {
  return ObjectPtr(OBJ_txt2obj(std::string(kDescriptorOid).c_str(), 1));
}

// The descriptor that a SignedDescriptor carries, once its signature and its form have been verified.
Result<v1::NodeDescriptor> verify_descriptor(const v1::SignedDescriptor& signed_descriptor) {
  auto valid = protocol::parse_descriptor(signed_descriptor);
  if (!valid)
    return fail(Code::kUnauthenticated, "node descriptor: " + valid.error().message, "tls/descriptor");
  return valid->message();
}

bool set_descriptor(X509* certificate, const std::string& bytes) {
  const ObjectPtr oid = descriptor_oid();
  const StringPtr value(ASN1_OCTET_STRING_new());
  if (!oid || !value ||
      ASN1_OCTET_STRING_set(value.get(), as_view(bytes).data(), static_cast<int>(bytes.size())) != 1)
    return false;
  const ExtensionPtr extension(X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), 0, value.get()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// The serial number follows the descriptor, so that two certificates of one node never share one by accident.
bool set_serial(X509* certificate, const std::string& body) {
  Hash digest = crypto::sha256(as_view(body));
  digest[0] = static_cast<std::uint8_t>((digest[0] & 0x3fU) | 0x40U);
  const BignumPtr number(BN_bin2bn(digest.data(), 16, nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_name(X509* certificate, const std::string& name) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  // X.520 allows 64 characters; nobody reads it, the descriptor has the whole name.
  const std::string common_name = name.substr(0, 64);
  return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, as_view(common_name).data(),
                                    static_cast<int>(common_name.size()), -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1;
}

}  // namespace

Result<SecretBytes> make_tls_key(const Secret<32>& seed) {
  const PkeyPtr key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.expose().data(), 32));
  if (!key) return bad_key();
  const Pkcs8Ptr info(EVP_PKEY2PKCS8(key.get()));
  if (!info) return bad_key();
  const int length = i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr);
  if (length <= 0) return bad_key();
  SecretBytes out(static_cast<std::size_t>(length));
  unsigned char* at = out.expose_mutable().data();
  if (i2d_PKCS8_PRIV_KEY_INFO(info.get(), &at) != length) return bad_key();
  return out;
}

Result<Hash> tls_spki_sha256(ByteView key_pkcs8) {
  TRY_ASSIGN(const PkeyPtr key, parse_key(key_pkcs8));
  return spki_of(key.get());
}

Result<Bytes> make_tls_certificate(ByteView key_pkcs8, const v1::SignedDescriptor& signed_descriptor) {
  TRY_ASSIGN(const PkeyPtr key, parse_key(key_pkcs8));
  TRY_ASSIGN(const v1::NodeDescriptor descriptor, verify_descriptor(signed_descriptor));
  if (!equal(spki_of(key.get()), as_view(descriptor.tls_spki_sha256())))
    return bad_certificate("the descriptor names another TLS key");
  const X509Ptr certificate(X509_new());
  const auto from = static_cast<std::time_t>(descriptor.valid_from_ms() / 1000);
  const auto until = static_cast<std::time_t>(descriptor.valid_until_ms() / 1000);
  if (!certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      !set_serial(certificate.get(), signed_descriptor.body()) ||
      !set_name(certificate.get(), descriptor.name()) ||
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), from) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), until) == nullptr ||
      X509_set_pubkey(certificate.get(), key.get()) != 1 ||
      !set_descriptor(certificate.get(), signed_descriptor.SerializeAsString()) ||
      X509_sign(certificate.get(), key.get(), nullptr) <= 0)
    return bad_certificate("the certificate cannot be made");
  Bytes der(static_cast<std::size_t>(i2d_X509(certificate.get(), nullptr)));
  unsigned char* at = der.data();
  i2d_X509(certificate.get(), &at);
  return der;
}

Result<TlsIdentity> TlsIdentity::open(ByteView key_pkcs8, ByteView certificate_der) {
  TRY_ASSIGN(const PkeyPtr key, parse_key(key_pkcs8));
  TRY_ASSIGN(const X509Ptr certificate, parse_certificate(certificate_der));
  if (X509_check_private_key(certificate.get(), key.get()) != 1)
    return bad_certificate("the certificate has another key");
  return TlsIdentity(SecretBytes(key_pkcs8), to_bytes(certificate_der));
}

Result<PeerCertificate> read_certificate(ByteView certificate_der) {
  TRY_ASSIGN(const X509Ptr certificate, parse_certificate(certificate_der));
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr) return bad_certificate("the certificate's key does not parse");
  const ObjectPtr oid = descriptor_oid();
  const int at = X509_get_ext_by_OBJ(certificate.get(), oid.get(), -1);
  if (at < 0) return bad_certificate("the certificate carries no node descriptor");
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(certificate.get(), at));
  const ByteView bytes{ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value))};
  PeerCertificate peer;
  if (!protocol::parse_untrusted(bytes, peer.signed_descriptor, {kDescriptorBytesMax}))
    return bad_certificate("the certificate's node descriptor does not parse");
  TRY_ASSIGN(peer.descriptor, verify_descriptor(peer.signed_descriptor));
  peer.fingerprint = crypto::sha256(as_view(peer.descriptor.root_key()));
  peer.spki_sha256 = spki_of(key);
  return peer;
}

}  // namespace tocsin::node
