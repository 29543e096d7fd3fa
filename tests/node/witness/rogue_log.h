#pragma once
// Logs that ask to be cosigned.

#include <string>
#include <vector>

#include "protocol/log/checkpoint.h"
#include "protocol/log/witness.h"
#include "tests/protocol/log/note_fixture.h"

namespace tocsin::node {

// A log of our making: any tree, also several at once.
class RogueLog {
 public:
  explicit RogueLog(std::string origin, std::uint8_t seed = 50, std::string flavour = "")
      : origin_(std::move(origin)), key_(test::made_key(seed)), flavour_(std::move(flavour)) {}

  protocol::VerifierKey vkey() const {
    return *protocol::make_verifier_key(origin_, protocol::KeyType::kEd25519, key_.public_key());
  }
  std::string note(std::uint64_t size) const {
    return protocol::sign_checkpoint(key_, {origin_, {size, protocol::tree_root(leaves(size))}});
  }
  protocol::Proof proof(std::uint64_t from, std::uint64_t to) const {
    if (from == 0 || from == to) return {};
    const auto all = leaves(to);
    return *protocol::consistency_proof(from, to, [&](unsigned level, std::uint64_t index) -> Result<Hash> {
      const std::size_t width = std::size_t{1} << level;
      return protocol::complete_root(std::span(all).subspan(index * width, width));
    });
  }
  std::string request(std::uint64_t from, std::uint64_t to) const {
    return protocol::format_add_checkpoint({from, proof(from, to), note(to)});
  }

 private:
  std::vector<Hash> leaves(std::uint64_t size) const {
    std::vector<Hash> out;
    for (std::uint64_t i = 0; i < size; ++i)
      out.push_back(protocol::leaf_hash(as_view(flavour_ + std::to_string(i))));
    return out;
  }

  const std::string origin_;
  const crypto::SigningKey key_;
  const std::string flavour_;  // logs of different flavours never agree
};

inline crypto::SigningKey cosigner_key(std::uint8_t seed = 80) {
  return test::made_key(seed);
}

}  // namespace tocsin::node
