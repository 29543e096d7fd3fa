#pragma once
// Projection: everything in the store that follows from the ledgers, made anew: tiles and chain heads of our
// own, cases with their indices, receipts, to whom records brought back may be opened, and the rows of
// members that such records name.
//
// Guarantee: what comes out is the fold of the records held, ours and our peers', by the rules that judged
// them when they came (SPEC §6); what a lost record of ours may have said is never assumed in the signal's
// disfavour of caution: a lost review approves nothing, a lost end is an end. Errors: kDataLoss
// "recovery/record" for a record of ours that is stored and does not fit, the store's. Concurrency: the
// thread that writes to the store, which takes no commits meanwhile.

#include <map>

#include "node/ledger/changes.h"
#include "node/ledger/record_seal.h"
#include "node/runtime/runtime.h"
#include "protocol/feed/opening.h"
#include "protocol/log/tile.h"
#include "storage/log_store.h"
#include "storage/peer_store.h"

namespace tocsin::node {

class Projection {
 public:
  struct Parts {
    storage::Store& store;
    const RecordSealer& sealer;
    Runtime& runtime;
    Hash self;
  };
  explicit Projection(Parts parts) : in_(parts), log_(parts.store), peers_(parts.store) {}

  // Our ledger has `size` records now, those from `brought` on brought back.
  Status make(std::uint64_t size, std::uint64_t brought);

 private:
  struct Folding;  // one ledger, on the way through
  Status clear(std::uint64_t size);
  Status write_tiles(std::uint64_t size);
  Status fold_own(std::uint64_t size, std::uint64_t brought);
  Status fold_own_record(Folding& own, storage::LogReader& reader, std::uint64_t index);
  Status fold_peer(const Hash& peer);
  Status fold(Folding& ledger, const protocol::OpenedRecord& record);
  Status assume_the_worst(Folding& own, std::uint64_t index, const protocol::Leaf& leaf, const Hash& signal);
  Result<std::vector<Hash>> signals_of(const Folding& ledger, const protocol::OpenedRecord& record) const;
  Status flush(Folding& ledger, bool now);
  Status withdraw_approvals(std::uint64_t before);
  Status address(std::uint64_t from, std::uint64_t size);
  Result<bool> address_record(v1::SealedRecord& sealed, const protocol::OpenedRecord& record) const;
  Status restore_members(const protocol::Registry& registry, std::uint64_t since_ms);

  const Parts in_;
  const storage::LogStore log_;
  const storage::PeerStore peers_;
  std::map<Hash, std::uint64_t> held_ms_;     // by signal: this node's own clock, in no ledger
  std::optional<Hash> only_group_;            // when our ledger knows one and no other
  std::optional<std::uint64_t> lost_review_;  // the last record that may have taken an approval back
};

}  // namespace tocsin::node
