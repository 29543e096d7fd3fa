#pragma once
// The part of our own ledger that this store can prove, however it was damaged, rolled back or put back.
//
// Proven is a beginning of the ledger whose stored leaves give the root of a checkpoint that we signed. What
// stands behind it may be right and is not relied on. Errors: the store's; kDataLoss "recovery/nothing" when
// not even one checkpoint is proven. Concurrency: pure readers. Source: reliability.md facts 2-3; SPEC §14.

#include <cstdint>
#include <span>
#include <vector>

#include "protocol/log/checkpoint.h"
#include "protocol/log/merkle.h"
#include "storage/store.h"

namespace tocsin::node {

struct OwnPrefix {
  protocol::CompactRange range;  // over its leaves
  protocol::TreeHead head() const { return {range.size(), range.root()}; }
};

// The longest; `log` is our own key under our origin.
Result<OwnPrefix> proven_prefix(const storage::Store& store, const protocol::VerifierKey& log);

// The greatest size that this store says we signed, proven or not: by its checkpoints, its head, its anchor.
Result<std::uint64_t> greatest_signed(const storage::Store& store, const protocol::VerifierKey& log);

// The roots of the tree of our stored leaves at `sizes`, ascending; fewer when the leaves end before.
Result<std::vector<Hash>> roots_at(const storage::Store& store, std::span<const std::uint64_t> sizes);

}  // namespace tocsin::node
