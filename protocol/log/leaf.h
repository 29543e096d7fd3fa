#pragma once
// A ledger leaf: 128 bytes, big-endian, commitments only. It never holds personal data, not even encrypted.
//
// Guarantee: parse_leaf(encode_leaf(x)) == x for every x that parse_leaf accepts, and one byte string per
// leaf. The tree's leaf hash is leaf_hash(encode_leaf(leaf)), merkle.h. Errors: kInvalidArgument, rule
// "log/leaf". Concurrency: values and pure functions. Source: ledger.md "Leaf", SPEC.md;
// tests/vectors/leaf.json.

#include <cstdint>

#include "crypto/base/bytes.h"

namespace tocsin::protocol {

inline constexpr std::size_t kLeafBytes = 128;
using LeafBytes = FixedBytes<kLeafBytes>;
inline constexpr std::size_t kLeafChainAt = 16;  // where the chain id stands

inline constexpr std::uint16_t kLeafPersonal = 1;   // the record has class P fields
inline constexpr std::uint16_t kLeafEmergency = 2;  // published under the emergency rule
inline constexpr std::uint16_t kLeafTest = 4;       // never in production counts
inline constexpr std::uint16_t kLeafFlags = kLeafPersonal | kLeafEmergency | kLeafTest;

// previous_index of the first record of a chain.
inline constexpr std::uint64_t kNoPrevious = UINT64_MAX;

struct Leaf {
  std::uint16_t event = 0;
  std::uint16_t flags = 0;
  std::uint64_t time_ms = 0;  // UTC
  Hash chain{};
  std::uint64_t chain_seq = 0;
  Hash previous{};  // leaf hash of the previous record of the chain; zero at chain_seq 0
  Hash body_root{};
  std::uint64_t previous_index = kNoPrevious;

  friend bool operator==(const Leaf&, const Leaf&) = default;
};

// Precondition: the fields obey what parse_leaf demands; check_leaf() says whether they do.
LeafBytes encode_leaf(const Leaf& leaf);
Status check_leaf(const Leaf& leaf);
// Exactly 128 bytes with the magic, known flags only, and previous hash and index present exactly when
// chain_seq > 0.
Result<Leaf> parse_leaf(ByteView bytes);

}  // namespace tocsin::protocol
