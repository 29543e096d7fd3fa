#pragma once
// Inclusion and consistency proofs of the ledger's tree: made from stored nodes, checked from nothing but
// hashes.
//
// A verifier trusts no number it was handed: the proof's length must be exactly what index and sizes imply
// before the first hash is taken, sizes are 64-bit, and nothing is allocated from them. A consistency proof
// from the empty tree proves nothing and is refused; who holds nothing yet has nothing to be consistent with.
// Errors: kInvalidArgument for an index, size or length that cannot be; kDataLoss when the hashes do not lead
// to the root; rule "log/proof"; making a proof passes on the node source's errors. Concurrency: pure
// functions. Source: RFC 9162 §2.1.3.2 and §2.1.4.2 (the same trees as RFC 6962 §2.1.1 and §2.1.2).

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "crypto/base/bytes.h"
#include "protocol/log/merkle.h"

namespace tocsin::protocol {

// Hash of the complete subtree over leaves [index * 2^level, (index + 1) * 2^level).
using NodeSource = std::function<Result<Hash>(unsigned level, std::uint64_t index)>;
using Proof = std::vector<Hash>;

struct SubtreeId {
  unsigned level = 0;
  std::uint64_t index = 0;
  friend bool operator==(const SubtreeId&, const SubtreeId&) = default;
};

// Precondition: index < size.
std::size_t inclusion_proof_length(std::uint64_t index, std::uint64_t size);
// Precondition: 0 < old_size <= new_size.
std::size_t consistency_proof_length(std::uint64_t old_size, std::uint64_t new_size);

Result<Proof> inclusion_proof(std::uint64_t index, std::uint64_t size, const NodeSource& nodes);
Result<Proof> consistency_proof(std::uint64_t old_size, std::uint64_t new_size, const NodeSource& nodes);

// The root that the proof leads to, for a caller who compares it with several.
Result<Hash> root_from_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size,
                                 std::span<const Hash> proof);
Status verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size,
                        std::span<const Hash> proof, const Hash& root);

struct TreeHead {
  std::uint64_t size = 0;
  Hash root{};
  friend bool operator==(const TreeHead&, const TreeHead&) = default;
};
Status verify_consistency(const TreeHead& older, const TreeHead& newer, std::span<const Hash> proof);

// The fewest complete subtrees that cover leaves [begin, end), left to right: at most 126. They are what a
// feed sends in place of leaves the reader may not see, and what CompactRange::append_subtree takes in this
// order.
std::vector<SubtreeId> covering_subtrees(std::uint64_t begin, std::uint64_t end);
// The right edge of a stored tree of `size` leaves.
Result<CompactRange> restore_range(std::uint64_t size, const NodeSource& nodes);

}  // namespace tocsin::protocol
