#pragma once
// A node that keeps two histories of one log: its first two records are in both, the rest is not.

#include "crypto/hash.h"
#include "protocol/evidence/equivocation.h"
#include "protocol/log/merkle.h"

namespace tocsin::test {

struct TwoHistories {
  // Keys from small seeds; `operational`: of another operational key, with the descriptor that names it.
  explicit TwoHistories(const std::string& name, std::uint8_t seed, std::uint8_t operational = 0)
      : key(key_of(operational == 0 ? static_cast<std::uint8_t>(seed + 1) : operational)),
        descriptor(descriptor_of(name, seed, key, operational == 0 ? 1 : 2)) {}

  static crypto::SigningKey key_of(std::uint8_t seed) {
    Hash bytes;
    bytes.fill(seed);
    return crypto::SigningKey::from_seed(Secret<32>(bytes));
  }
  static protocol::ValidDescriptor descriptor_of(const std::string& name, std::uint8_t seed,
                                                 const crypto::SigningKey& operational,
                                                 std::uint64_t sequence) {
    const crypto::SigningKey root = key_of(seed);
    v1::NodeDescriptor plain;
    plain.set_name(name);
    plain.set_address(name + ":7946");
    plain.set_root_key(to_string(root.public_key()));
    plain.set_operational_key(to_string(operational.public_key()));
    plain.set_envelope_key(std::string(32, 'e'));
    plain.set_tls_spki_sha256(std::string(32, 't'));
    plain.set_log_origin(name + "/ledger");
    plain.set_sequence(sequence);
    plain.set_valid_from_ms(1'000);
    plain.set_valid_until_ms(2'000'000'000'000);
    return *protocol::parse_descriptor(*protocol::sign_descriptor(plain, root));
  }

  static Hash leaf(bool other, std::size_t index) {
    Bytes bytes(8, static_cast<std::uint8_t>(index));
    if (other && index >= 2) bytes.push_back(1);
    return protocol::leaf_hash(bytes);
  }
  static protocol::TreeHead tree(bool other, std::size_t size) {
    protocol::CompactRange range;
    for (std::size_t i = 0; i < size; ++i) range.append(leaf(other, i));
    return {size, range.root()};
  }
  static protocol::Proof consistency(bool other, std::size_t from, std::size_t to) {
    const protocol::NodeSource nodes = [other](unsigned level, std::uint64_t index) -> Result<Hash> {
      protocol::CompactRange range;
      for (std::uint64_t i = index << level; i < (index + 1) << level; ++i)
        range.append(leaf(other, static_cast<std::size_t>(i)));
      return range.root();
    };
    return *protocol::consistency_proof(from, to, nodes);
  }

  std::string note(bool other, std::size_t size) const {
    return protocol::sign_checkpoint(key, {descriptor.message().log_origin(), tree(other, size)});
  }
  protocol::SignedHead head(bool other, std::size_t size) const {
    return *protocol::read_signed_head(note(other, size), descriptor);
  }
  // The first history's head of one size against the second history's of a larger.
  protocol::EquivocationProof proof(std::size_t earlier, std::size_t later) const {
    return protocol::prove_two_sizes(head(false, earlier), head(true, later), tree(true, earlier).root,
                                     consistency(true, earlier, later));
  }

  crypto::SigningKey key;
  protocol::ValidDescriptor descriptor;
};

}  // namespace tocsin::test
