#pragma once
// What one record of our own ledger does: the rules judge it, the registry and the cases change, and it is
// decided who may have it opened (SPEC §5-§6).
//
// Errors: the rule broken, as its id; the store's. Concurrency: the sequencer's.

#include "node/ledger/changes.h"
#include "node/ledger/draft.h"
#include "protocol/log/leaf.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::node {

struct OwnRecord {
  const protocol::ValidEvent& event;
  const Subject& subject;
  const protocol::Leaf& leaf;
  const Hash& leaf_hash;
  std::uint64_t index = 0;
};

Status apply_own_record(Changes& changes, const Hash& self, const OwnRecord& record,
                        v1::SealedRecord& sealed);

}  // namespace tocsin::node
