#pragma once
// Matter: an action that a node took against somebody's content and all that followed it, or another node's
// appeal at the signal's origin, folded from one chain of that node's ledger (SPEC §6, case.proto).
//
// A matter lives in its node's entry of the case and is known by its chain. Concurrency: pure functions of
// their arguments. Source: due-process.md "States", "One appeal for the whole network".

#include "protocol/process/rules.h"
#include "tocsin/v1/case.pb.h"

namespace tocsin::protocol {

// Matters that one node may have with one signal: what a case may grow to.
inline constexpr int kMattersMax = 1024;

// Null when there is none of that chain; `entry` may be null.
const v1::Matter* find_matter(const v1::ReceiverState* entry, const Hash& chain);

// Whether the record goes on with a chain whose beginning was never opened to the judge.
bool begins_unseen(const RecordView& record, const FoldContext& context);

// What was done under an emergency has its confirming review.
void confirm_emergencies(v1::ReceiverState& entry, std::uint64_t time_ms);
// Folds an accepted event of a matter.
void apply_matter(v1::ReceiverState& entry, const RecordView& record, const FoldContext& context);

// Before nobody's decision yet: the person waits, and nobody should act on the signal by machine.
bool is_open_appeal(const v1::Matter& matter);

}  // namespace tocsin::protocol
