#pragma once
// Steps V11 and V12 of an audit: several ledgers of one network held against one another, and what a bundle
// brings of its peers.
//
// What a receiver's ledger claims of an issuer's is looked up there: the checkpoint that a RECEIPT saw must
// be of the history that the issuer shows now, and the retraction that a RETRACTION_APPLIED answers must
// stand where it says; so must the checkpoints that one bundle has of another's ledger. The other way, each
// recipient of a retraction whose ledger or receipt is at hand must have answered it by the deadline (R13),
// as far as that ledger, or the auditor's clock, reaches. Findings: V12.receipt, V12.retraction, V12.peer
// (tampering); V11.unanswered, V11.late (R13). A recipient of whom nothing is at hand is counted and not
// judged. Errors: an archive that cannot be read. Concurrency: one thread.

#include <cstdint>
#include <optional>
#include <span>

#include "protocol/verify/verifier.h"

namespace tocsin::protocol {

Status compare_ledgers(std::span<Audit> audits, std::optional<std::uint64_t> now_ms);

}  // namespace tocsin::protocol
