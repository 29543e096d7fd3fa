#pragma once
// The ledger's Merkle tree: RFC 6962 hashing, and the right edge that is all a writer needs to grow one.
//
// A leaf hashes as SHA-256(0x00 || data), a node as SHA-256(0x01 || left || right), the empty tree as
// SHA-256(""). Node (level, index) is the complete subtree over leaves [index * 2^level, (index + 1) *
// 2^level). CompactRange keeps one hash per set bit of the size, largest subtree first, so appending costs
// one node hash amortised and a root at most 63. Two ranges of equal size and equal hashes describe the same
// leaves. Errors: kInvalidArgument, rule "log/range". Concurrency: values and pure functions. Source: RFC
// 6962 §2.1 (RFC 9162 §2.1.1), ledger.md "Hashing".

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "crypto/base/bytes.h"
#include "crypto/hash.h"

namespace tocsin::protocol {

// SHA-256 of nothing: the root of a tree without leaves.
const Hash& empty_root();
using crypto::leaf_hash;
using crypto::node_hash;
// Root of a complete subtree; the number of hashes is a power of two, at least one.
Hash complete_root(std::span<const Hash> hashes);
// Root of the tree over these leaf hashes, in order.
Hash tree_root(std::span<const Hash> leaf_hashes);

class CompactRange {
 public:
  // Told of each node that becomes complete at level 8, 16, …: the hashes that tiles of level 1, 2, … hold.
  using TileRootSink = std::function<void(unsigned level, std::uint64_t index, const Hash& hash)>;

  CompactRange() = default;
  // From the complete subtrees of a tree of `size` leaves, largest first: exactly one per set bit of `size`.
  static Result<CompactRange> restore(std::uint64_t size, std::span<const Hash> right_edge);
  // The inverse of encode().
  static Result<CompactRange> parse(ByteView bytes);

  void append(const Hash& leaf);
  void append(std::span<const Hash> leaves, const TileRootSink& sink = nullptr);
  // A complete subtree of 2^level leaves; the size must be a multiple of that, and may not pass 2^64 - 1.
  Status append_subtree(unsigned level, const Hash& root);

  std::uint64_t size() const { return size_; }
  // empty_root() when nothing was appended.
  Hash root() const;
  std::span<const Hash> right_edge() const { return edge_; }
  // u64be size || right edge; at most 8 + 64 * 32 bytes.
  Bytes encode() const;

  friend bool operator==(const CompactRange&, const CompactRange&) = default;

 private:
  void push(unsigned level, const Hash& hash, const TileRootSink* sink);

  std::uint64_t size_ = 0;
  std::vector<Hash> edge_;
};

}  // namespace tocsin::protocol
