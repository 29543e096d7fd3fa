#pragma once
// A well-formed node for tests: keys from small seeds, a signed descriptor.

#include "protocol/identity/descriptor.h"

namespace tocsin::protocol::test {

inline crypto::SigningKey key_from(std::uint8_t seed) {
  Hash bytes;
  bytes.fill(seed);
  return crypto::SigningKey::from_seed(Secret<32>(bytes));
}

inline v1::NodeDescriptor sample_descriptor(const std::string& name, std::uint8_t seed) {
  v1::NodeDescriptor out;
  out.set_name(name);
  out.set_address(name + ":7946");
  out.set_root_key(to_string(key_from(seed).public_key()));
  out.set_operational_key(to_string(key_from(static_cast<std::uint8_t>(seed + 1)).public_key()));
  out.set_envelope_key(std::string(32, 'e'));
  out.set_tls_spki_sha256(std::string(32, 't'));
  out.set_log_origin(name + "/ledger");
  out.set_sequence(1);
  out.set_valid_from_ms(1'000);
  out.set_valid_until_ms(2'000'000'000'000);
  return out;
}

inline v1::SignedDescriptor sample_signed(const std::string& name, std::uint8_t seed) {
  return *sign_descriptor(sample_descriptor(name, seed), key_from(seed));
}

}  // namespace tocsin::protocol::test
