#pragma once
// MatchIndex: which signals an indicator touches. Exact types by key, PDQ by distance, behind one interface.
//
// Holds the signals that may be reported at all; who may be alerted is the case's state, judged at the moment
// of the answer. A signal is inserted once and removed once; removal takes effect for the next search.
// Rebuilt from the projections when a node opens; never the source of truth. Concurrency: one writer (insert,
// remove); open() and searches from any thread.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "protocol/signal/indicator.h"
#include "storage/index/pdq_index.h"

namespace tocsin::storage {

struct IndexHit {
  Hash signal{};
  unsigned distance = 0;  // 0 for exact types
};

class MatchIndex {
 public:
  class Snapshot {
   public:
    // Every signal that `query` touches; PDQ within `radius`, nearest first.
    std::vector<IndexHit> search(const protocol::Indicator& query, unsigned radius) const;
    std::vector<std::vector<IndexHit>> search_many(std::span<const protocol::Indicator> queries,
                                                   unsigned radius) const;

   private:
    friend class MatchIndex;
    const MatchIndex* index_ = nullptr;  // outlives the snapshot
    PdqIndex::Snapshot pdq_;
  };

  void insert(const Hash& signal, const protocol::Indicator& indicator);
  // Unknown signals are ignored: a retraction may arrive for what never matched.
  void remove(const Hash& signal);
  Snapshot open() const;
  std::size_t size() const;

 private:
  struct Place {
    Bytes exact_key;  // empty: a PDQ entry
    std::uint32_t pdq_entry = 0;
  };
  std::vector<IndexHit> exact_hits(const protocol::Indicator& query) const;

  mutable std::shared_mutex mu_;
  // Ordered: peers choose the keys, and a tree has no bucket to flood.
  std::map<Bytes, std::vector<Hash>> exact_;            // guarded by mu_
  std::vector<Hash> pdq_signals_;                       // by entry; guarded by mu_
  std::unordered_map<Hash, Place, HashOfHash> places_;  // keys are our own digests; guarded by mu_
  PdqIndex pdq_;
};

}  // namespace tocsin::storage
