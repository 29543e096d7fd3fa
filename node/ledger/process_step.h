#pragma once
// What one record of our own ledger does: the rules judge it, the registry and the cases change, and it is
// decided who may have it opened (SPEC §5-§6).
//
// Errors: the rule broken, as its id; kNotFound, rule "ledger/covers", for a chain or signal that is not
// held; kInvalidArgument, rule "ledger/subject", for a submission under another signal's id; the store's.
// Concurrency: the sequencer's.

#include "node/ledger/changes.h"
#include "node/ledger/draft.h"
#include "protocol/process/record.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::node {

struct OwnRecord {
  protocol::RecordView view;
  const Subject& subject;
};

Status apply_own_record(Changes& changes, const Hash& self, const OwnRecord& record,
                        v1::SealedRecord& sealed);

}  // namespace tocsin::node
