#pragma once
// HeldLedger: a peer's ledger as far as we hold its leaves, asked for roots of the past (SPEC §13).
//
// Guarantee: a root is computed from stored leaves alone. Right edges are remembered, so that what is asked
// about lately costs the leaves since the last question, and only a question far back reads them all. Errors:
// kOutOfRange beyond what is held; the store's. Concurrency: any thread, one at a time.

#include <map>
#include <mutex>

#include "protocol/log/merkle.h"
#include "protocol/log/proof.h"
#include "storage/peer_store.h"

namespace tocsin::node {

inline constexpr std::size_t kEdgesMax = 32;  // right edges remembered of one ledger, 2 KiB each

class HeldLedger {
 public:
  HeldLedger(const storage::Store& store, const Hash& peer) : peers_(store), peer_(peer) {}

  Result<Hash> root_at(std::uint64_t size);
  // Reads every leaf: for a proof that is made once. Precondition: 0 < old_size <= new_size.
  Result<protocol::Proof> consistency(std::uint64_t old_size, std::uint64_t new_size) const;
  // An edge that is known already.
  void remember(const protocol::CompactRange& range);

 private:
  void remember_locked(const protocol::CompactRange& range);

  const storage::PeerStore peers_;
  const Hash peer_;
  std::mutex mu_;
  std::map<std::uint64_t, protocol::CompactRange> edges_;  // by size; guarded by mu_
};

}  // namespace tocsin::node
