#pragma once
// Step V12 of an audit: several ledgers of one network held against one another.
//
// What a receiver's ledger claims of an issuer's is looked up there: the checkpoint that a RECEIPT saw must
// be of the history that the issuer shows now, and the retraction that a RETRACTION_APPLIED answers must
// stand where it says. The other way, each recipient of a retraction whose ledger is at hand must have
// answered it by the deadline (R13), as far as that ledger, or the auditor's clock, reaches. Findings:
// V12.receipt (tampering), V12.retraction (tampering), V10.rule with R13. A recipient whose ledger is not at
// hand is counted and not judged. Concurrency: pure.

#include <cstdint>
#include <optional>
#include <span>

#include "protocol/verify/verifier.h"

namespace tocsin::protocol {

void compare_ledgers(std::span<Audit> audits, std::optional<std::uint64_t> now_ms);

}  // namespace tocsin::protocol
