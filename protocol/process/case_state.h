#pragma once
// Case: the due-process state of one signal as a fold of records (SPEC §6, case.proto).
//
// Guarantee: an issuer's records change only what the case says of the signal and its origin; a receiver's
// only that receiver's entry. So folding each ledger in its own order gives one result, in whatever order the
// ledgers arrive. A batch record is applied to each case it covers. Concurrency: pure functions of their
// arguments.

#include <vector>

#include "protocol/process/rules.h"
#include "tocsin/v1/case.pb.h"

namespace tocsin::protocol {

// Records that a case remembers of one ledger. Beyond it the first half stays and the oldest of the rest
// goes, so that nobody can make a case grow without end.
inline constexpr int kCaseRecordsMax = 64;

// Folds a record that judge() accepted for this case. 05xx records and receipts change nothing.
void apply(v1::Case& state, const RecordView& record, const FoldContext& context);

// Folds a record that judge() refused with `error`: an issuer's record leaves the case REFUSED (a case that
// has already ended stays so) with the rule's name; a receiver's changes nothing. A refused SUBMITTED still
// says what it was about.
void refuse(v1::Case& state, const RecordView& record, const FoldContext& context, const Error& error);

// Whether the record of the issuer's ledger is among those the case remembers.
bool has_folded(const v1::OriginState& origin, std::uint64_t index);

// The entry of one receiver; null when it has said nothing.
const v1::ReceiverState* find_receiver(const v1::Case& state, const Hash& node);

// Who must answer a retraction recorded at `index`: everybody who was a member of a group the signal was
// published to while it was out, but the issuer. Ascending.
std::vector<Hash> recipients_of(const v1::Case& state, const FoldContext& context, std::uint64_t index);

struct MissingReceipts {
  std::vector<Hash> nodes;  // have not answered this retraction, ascending
  bool overdue = false;     // and the deadline has passed
};
// R13. Empty without a retraction.
MissingReceipts missing_receipts(const v1::Case& state, std::uint64_t now_ms);

// The hash of the case's labels, which an opinion must name to count.
Hash labels_of(const v1::Case& state);

}  // namespace tocsin::protocol
