#pragma once
// The certificate a node shows on the peer port, and reading the one a peer shows.
//
// A certificate is self-signed by an Ed25519 TLS key and carries the serialised SignedDescriptor, which names
// the certificate's key by its hash: so key first, then descriptor, then certificate. Nothing in the
// certificate but the descriptor and the key is believed (SPEC §7). Errors: kInvalidArgument "tls/key",
// "tls/certificate"; kUnauthenticated "tls/descriptor". Concurrency: functions are pure; a TlsIdentity is a
// value.

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"
#include "tocsin/v1/identity.pb.h"

namespace tocsin::node {

inline constexpr std::string_view kDescriptorOid = "1.3.6.1.4.1.58888.1.1";
// A descriptor is about 400 bytes, a certificate about 800.
inline constexpr std::size_t kCertificateBytesMax = 8 * 1024;
inline constexpr std::size_t kDescriptorBytesMax = 4 * 1024;

// PKCS #8 DER of the Ed25519 key with this seed (32 uniformly random bytes).
Result<SecretBytes> make_tls_key(const Secret<32>& seed);

// SHA-256 of the SubjectPublicKeyInfo that belongs to a PKCS #8 key: a descriptor's tls_spki_sha256.
Result<Hash> tls_spki_sha256(ByteView key_pkcs8);

// DER; valid for the descriptor's time. Fails with kInvalidArgument when the descriptor names another key.
Result<Bytes> make_tls_certificate(ByteView key_pkcs8, const v1::SignedDescriptor& signed_descriptor);

// What a node needs to shake hands; the key and the certificate belong together (checked by open).
class TlsIdentity {
 public:
  static Result<TlsIdentity> open(ByteView key_pkcs8, ByteView certificate_der);
  ByteView key_pkcs8() const { return key_.expose(); }
  ByteView certificate_der() const { return certificate_; }

 private:
  TlsIdentity(SecretBytes key, Bytes certificate)
      : key_(std::move(key)), certificate_(std::move(certificate)) {}
  SecretBytes key_;
  Bytes certificate_;
};

// A peer's certificate, read. The descriptor's signature has been verified; whether the peer is wanted is
// admission's.
struct PeerCertificate {
  v1::SignedDescriptor signed_descriptor;
  v1::NodeDescriptor descriptor;
  Hash fingerprint;  // SHA-256 of the root key
  Hash spki_sha256;  // of the key the certificate really has
};
Result<PeerCertificate> read_certificate(ByteView certificate_der);

}  // namespace tocsin::node
