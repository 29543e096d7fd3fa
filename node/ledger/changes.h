#pragma once
// Changes: what one commit is about to write, seen as if it were already written.
//
// The sequencer and the effects of a peer's page read and write cases and chain heads here, so that a record
// judged later in the same commit sees what an earlier one did, and what the commits in front of it did that
// are still on their way to the disk. Each append is staged on top of the accepted ones and then kept or
// dropped as a whole. Errors: the store's. Concurrency: owned by the sequencer; an effect may use it only
// during its call.

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/process/registry.h"
#include "storage/chain_store.h"
#include "storage/signal_store.h"

namespace tocsin::node {

class Changes {
 public:
  // `before`: commits that are finished and not in the store yet, oldest first; they stay until finish().
  Changes(const storage::Store& store, std::shared_ptr<const protocol::Registry> registry,
          std::vector<const Changes*> before = {})
      : store_(store),
        before_(std::move(before)),
        kept_registry_(std::move(registry)),
        registry_(kept_registry_) {}

  // Empty when no such case or chain exists.
  Result<std::optional<v1::Case>> case_of(const Hash& signal) const;
  void put_case(v1::Case value);
  // The case to be changed in place, empty when there is none. Valid until the end of this append's staging.
  Result<v1::Case*> edit_case(const Hash& signal);
  Result<std::optional<storage::ChainHead>> chain(const Hash& origin, const Hash& chain) const;
  void put_chain(const Hash& origin, const Hash& chain, const storage::ChainHead& head);
  // Every other row. Cases, chain heads and our own ledger's rows are not put here.
  storage::Batch& batch() { return staged_.rows; }
  const storage::Store& store() const { return store_; }

  // What our own ledger's 05xx records say so far.
  const protocol::Registry& registry() const { return *registry_; }
  // Precondition: the registry's judge() accepted the record.
  void apply_to_registry(const protocol::RecordView& record);

  // For the sequencer: the end of one append's staging.
  void keep();
  void drop();
  // Everything kept, as rows. Nothing may be staged any more.
  Result<storage::Batch> finish();
  const std::shared_ptr<const protocol::Registry>& kept_registry() const { return kept_registry_; }
  // When the rows are in the store, and nobody reads here any more.
  std::vector<v1::Case> take_changed_cases();

 private:
  using ChainId = std::pair<Hash, Hash>;
  struct Layer {
    std::map<Hash, v1::Case> cases;
    std::map<ChainId, storage::ChainHead> chains;
    storage::Batch rows;
  };

  Result<const std::optional<v1::Case>*> stored_case(const Hash& signal) const;

  const storage::Store& store_;
  std::vector<const Changes*> before_;
  mutable std::map<Hash, std::optional<v1::Case>> stored_;  // cases as before this commit, read once each
  Layer kept_;
  Layer staged_;
  std::shared_ptr<const protocol::Registry> kept_registry_;
  std::shared_ptr<const protocol::Registry> registry_;
};

}  // namespace tocsin::node
