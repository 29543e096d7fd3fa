#pragma once
// ChainStore: where each chain of each ledger ends, ours and our peers', so that the next record's sequence,
// previous hash and previous index can be given (ours) or checked (theirs).
//
// Errors: kDataLoss, rule "storage/chain". Concurrency: any thread reads; puts go into the sequencer's batch.

#include <cstdint>
#include <optional>

#include "storage/store.h"

namespace tocsin::storage {

struct ChainHead {
  std::uint64_t seq = 0;    // of the last record
  std::uint64_t index = 0;  // of the last record in its ledger
  Hash leaf{};              // leaf hash of the last record
  Hash signal{};            // what the chain is about; zero when unknown or not one signal

  friend bool operator==(const ChainHead&, const ChainHead&) = default;
};

class ChainStore {
 public:
  explicit ChainStore(const Store& store) : store_(store) {}

  // `origin`: the root fingerprint of the node whose ledger it is.
  static void put(Batch& batch, const Hash& origin, const Hash& chain, const ChainHead& head);
  Result<std::optional<ChainHead>> get(const Hash& origin, const Hash& chain) const;

 private:
  const Store& store_;
};

}  // namespace tocsin::storage
