#pragma once
// A node's keys and certificate, made from one byte.

#include "crypto/hash.h"
#include "crypto/sign.h"
#include "node/identity/tls_identity.h"

namespace tocsin::node {

inline constexpr std::uint64_t kTestNow = 1'800'000'000'000;

inline Secret<32> seed_of(std::uint8_t byte) {
  FixedBytes<32> bytes;
  bytes.fill(byte);
  return Secret<32>(std::span<const std::uint8_t, 32>(bytes));
}

struct NodeFixture {
  explicit NodeFixture(std::uint8_t byte, std::uint64_t sequence_of = 1)
      : root(crypto::SigningKey::from_seed(seed_of(byte))),
        tls_key(*make_tls_key(seed_of(static_cast<std::uint8_t>(byte + 100 + sequence_of)))) {
    descriptor.set_name("node" + std::to_string(byte) + ".example");
    descriptor.set_address("127.0.0.1:1");
    descriptor.set_root_key(to_string(root.public_key()));
    descriptor.set_operational_key(to_string(root.public_key()));
    descriptor.set_envelope_key(std::string(32, 'e'));
    descriptor.set_tls_spki_sha256(to_string(*tls_spki_sha256(tls_key.expose())));
    descriptor.set_log_origin(descriptor.name() + "/tocsin");
    descriptor.set_sequence(sequence_of);
    descriptor.set_valid_from_ms(1000);
    descriptor.set_valid_until_ms(kTestNow * 2);
  }

  Hash fingerprint() const { return crypto::sha256(root.public_key()); }
  v1::SignedDescriptor signed_descriptor() const {
    v1::SignedDescriptor out;
    out.set_body(descriptor.SerializeAsString());
    out.set_signature(to_string(root.sign("descriptor", as_view(out.body()))));
    return out;
  }
  Bytes certificate() const { return *make_tls_certificate(tls_key.expose(), signed_descriptor()); }
  TlsIdentity identity() const { return *TlsIdentity::open(tls_key.expose(), certificate()); }

  crypto::SigningKey root;
  SecretBytes tls_key;
  v1::NodeDescriptor descriptor;
};

}  // namespace tocsin::node
