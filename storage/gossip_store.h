#pragma once
// GossipStore: the newest note of each log that each other node is known to have seen.
//
// A row for a log's keeper and who saw it, in the witness family. Errors: kDataLoss, rule "storage/gossip".
// Concurrency: any thread reads; puts go into the sequencer's batch. Source: SPEC §13; storage/DESIGN.md.

#include <vector>

#include "storage/store.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::storage {

class GossipStore {
 public:
  explicit GossipStore(const Store& store) : store_(store) {}

  struct Seen {
    Hash issuer{};  // root fingerprint of the log's keeper
    Hash holder{};  // of who saw it
    v1::SeenRow row;
  };
  static void put(Batch& batch, const Seen& seen);
  // By issuer, then holder, ascending.
  Result<std::vector<Seen>> list() const;

 private:
  const Store& store_;
};

}  // namespace tocsin::storage
