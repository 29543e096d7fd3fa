#include "node/gossip/held_ledger.h"

#include <algorithm>

#include "crypto/hash.h"

namespace tocsin::node {
namespace {

constexpr std::uint64_t kLeavesAtOnce = 4096;

// The leaf hashes [from, to), as many at once as fit.
Status each_run(const storage::PeerStore& peers, const Hash& peer, std::uint64_t from, std::uint64_t to,
                const std::function<void(std::span<const Hash>)>& take) {
  std::vector<Hash> hashes;
  while (from < to) {
    TRY_ASSIGN(const Bytes leaves, peers.leaves(peer, from, std::min(kLeavesAtOnce, to - from)));
    if (leaves.empty())
      return fail(Code::kOutOfRange, "so many of the peer's records are not held", "gossip/held");
    hashes.resize(leaves.size() / protocol::kLeafBytes);
    crypto::leaf_hashes(leaves, protocol::kLeafBytes, hashes);
    take(hashes);
    from += hashes.size();
  }
  return {};
}

}  // namespace

void HeldLedger::remember_locked(const protocol::CompactRange& range) {
  edges_.insert_or_assign(range.size(), range);
  // The one in the middle goes: the oldest and the newest are where the next question may begin.
  if (edges_.size() > kEdgesMax) edges_.erase(std::next(edges_.begin(), kEdgesMax / 2));
}

void HeldLedger::remember(const protocol::CompactRange& range) {
  const std::lock_guard lock(mu_);
  remember_locked(range);
}

Result<Hash> HeldLedger::root_at(std::uint64_t size) {
  const std::lock_guard lock(mu_);
  protocol::CompactRange range;
  if (auto after = edges_.upper_bound(size); after != edges_.begin()) range = std::prev(after)->second;
  if (range.size() == size) return range.root();
  TRY(each_run(peers_, peer_, range.size(), size, [&](std::span<const Hash> run) { range.append(run); }));
  remember_locked(range);
  return range.root();
}

Result<protocol::Proof> HeldLedger::consistency(std::uint64_t old_size, std::uint64_t new_size) const {
  std::vector<Hash> hashes;
  TRY(each_run(peers_, peer_, 0, new_size,
               [&](std::span<const Hash> run) { hashes.insert(hashes.end(), run.begin(), run.end()); }));
  return protocol::consistency_proof(
      old_size, new_size, [&](unsigned level, std::uint64_t index) -> Result<Hash> {
        return protocol::complete_root(
            std::span(hashes).subspan(static_cast<std::size_t>(index << level), std::size_t{1} << level));
      });
}

}  // namespace tocsin::node
