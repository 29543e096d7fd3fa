#pragma once
// Step V12 within one bundle: records of peers' ledgers about this one, which its node collected, and
// checkpoints that were seen elsewhere.
//
// A receipt is a record with its inclusion proof under a peer's checkpoint and its opening. The auditor's
// policy says which keys are peers'; where this ledger has the peer among its members, the checkpoint must be
// of that member's log. Findings: V12.proof, V12.receipt, V12.retraction. Concurrency: one thread.

#include <map>
#include <utility>
#include <vector>

#include "protocol/log/policy.h"
#include "protocol/verify/file_sums.h"
#include "protocol/verify/finding.h"
#include "protocol/verify/history.h"
#include "protocol/verify/replay.h"

namespace tocsin::protocol {

// Answers to this ledger's retractions, by the recipient's fingerprint and the signal.
using ReceivedAnswers = std::map<std::pair<Hash, Hash>, Answer>;

struct ReceiptsTask {
  const Bundle& bundle;
  const Policy& policy;
  const ReplayedLedger& ledger;  // empty when it was not judged: then less is compared
  History& history;
};
Result<ReceivedAnswers> judge_receipts(const ReceiptsTask& task, FileSums& sums, Report& report);

// The checkpoints of peers/ and gossip/ that a log of the policy signed; others say nothing.
Result<std::vector<Checkpoint>> seen_checkpoints(const Bundle& bundle, const Policy& policy, FileSums& sums);

}  // namespace tocsin::protocol
