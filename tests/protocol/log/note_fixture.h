#pragma once
// Keys and signed notes that are the same in every run.

#include <string>
#include <string_view>

#include "crypto/sign.h"
#include "protocol/log/checkpoint.h"
#include "protocol/log/note.h"

namespace tocsin::test {

inline crypto::SigningKey made_key(std::uint8_t seed) {
  FixedBytes<32> bytes;
  bytes.fill(seed);
  return crypto::SigningKey::from_seed(Secret<32>(bytes));
}

inline protocol::VerifierKey made_vkey(std::uint8_t seed, std::string_view name, protocol::KeyType type) {
  return *protocol::make_verifier_key(name, type, made_key(seed).public_key());
}
inline protocol::VerifierKey log_vkey(std::uint8_t seed, std::string_view name) {
  return made_vkey(seed, name, protocol::KeyType::kEd25519);
}
inline protocol::VerifierKey witness_vkey(std::uint8_t seed, std::string_view name) {
  return made_vkey(seed, name, protocol::KeyType::kCosignatureV1);
}

inline protocol::Checkpoint made_checkpoint(std::string_view origin, std::uint64_t size = 7) {
  protocol::Checkpoint out;
  out.origin = origin;
  out.tree.size = size;
  out.tree.root = size == 0 ? protocol::empty_root() : protocol::leaf_hash(as_view(origin));
  return out;
}

}  // namespace tocsin::test
