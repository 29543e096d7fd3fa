#pragma once
// Steps V3 and V4 of an audit: is the bundle's checkpoint believable, and does the tree go on from older
// ones.
//
// Trust comes from the auditor's policy alone. What fails is reported and the audit goes on with what the
// text says, so that one finding does not hide the next; nothing is ever clean after a finding. Findings:
// V3.checkpoint, V3.signature, V3.quorum (missing evidence: too few cosigned), V3.origin; V4.old, V4.proof,
// V4.rollback, V4.equivocation, V4.inconsistent; V12.split. Concurrency: pure.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/log/checkpoint.h"
#include "protocol/log/policy.h"
#include "protocol/process/registry.h"
#include "protocol/verify/finding.h"

namespace tocsin::protocol {

struct JudgedCheckpoint {
  Checkpoint checkpoint;
  // Of the earliest cosignature: every record of the tree existed then.
  std::optional<std::uint64_t> witnessed_s;
};

// Nothing when not even the text is a checkpoint.
std::optional<JudgedCheckpoint> judge_checkpoint(std::string_view note, const Policy& policy, Report& report);

// The bundle's own checkpoint.old and its consistency proof, as far as they are there; nothing when there is
// none or it is no good.
std::optional<JudgedCheckpoint> judge_old_checkpoint(const std::optional<std::string>& note,
                                                     const std::optional<std::string>& proof,
                                                     const Checkpoint& newest, const Policy& policy,
                                                     Report& report);

// An older tree against the newest. `root` is that of the newest's first records, as many as the older has,
// where the bundle can tell. `whose` begins the sentence of a finding.
void judge_consistency(const Checkpoint& older, const Checkpoint& newest, const std::optional<Hash>& root,
                       std::string_view whose, Report& report);

// Two histories of another log than `own` among the checkpoints seen, which the ledger knew and says nothing
// of.
void judge_split_views(std::span<const Checkpoint> seen, std::string_view own, const Registry& registry,
                       Report& report);

}  // namespace tocsin::protocol
