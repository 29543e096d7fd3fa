#pragma once
// The audit of one bundle: from bytes that nobody vouches for to findings and the facts that hold.
//
// In order: V1 the archive's strict form and limits, V2 the manifest, V3 the checkpoint and its quorum, V4
// consistency with older checkpoints, V5 tiles, entries and root, V6 leaves and time, V7 chains, V8 openings,
// V9 keys and attestations, V10 due process by the rules of protocol/process, V11 deadlines, V12 receipts.
// It needs no network, no clock and no database, trusts only what the options bring, and allocates nothing
// from a size that it has not found the bytes for. The archive is read piece by piece; what stays in memory
// is about 100 bytes a file, the options' bound for chains and cases, and beyond it 20 bytes a chain. A
// report without findings means that every step held; that is not that a human really looked, nor that
// nothing happened off the record. Concurrency: one thread, which starts others. Source: SPEC §9, §10.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/log/policy.h"
#include "protocol/verify/finding.h"
#include "protocol/verify/history.h"
#include "protocol/verify/receipts.h"
#include "protocol/verify/replay.h"

namespace tocsin::protocol {

inline constexpr std::size_t kAuditMemoryBytes = std::size_t{256} << 20;  // 2.5 million chains

struct VerifyOptions {
  Policy policy;                        // whose signatures count
  std::vector<Checkpoint> trusted;      // the auditor's own earlier ones, of any ledgers
  std::optional<std::uint64_t> now_ms;  // the auditor's clock; else the newest time the bundle proves
  bool leaves_only = false;             // stop after V7: what a public mirror can be asked for
  unsigned threads = 1;                 // 0: one a processor
  // How much of its chains and cases the audit holds in memory; the rest goes to a temporary file (spill.h).
  std::size_t memory_bytes = kAuditMemoryBytes;
};

// What the audit counted; meaningful as far as the report is clean.
struct AuditFacts {
  std::string origin;
  std::string name;  // of the node, when its genesis is open; else the origin
  std::uint64_t records = 0;
  std::uint64_t opened = 0;
  std::uint64_t signals = 0;    // submitted
  std::uint64_t published = 0;  // of these, shared
  std::uint64_t retractions = 0;
  std::uint64_t recipients = 0;        // who must answer them, over all retractions
  std::uint64_t recipients_shown = 0;  // of these, whose ledger was audited too (cross.h)
  std::uint64_t answers = 0;           // of these, who answered
  bool leaves_only = false;
  std::string scope;  // in words; empty for the whole ledger
};

struct Audit {
  Report report;
  AuditFacts facts;
  ReplayedLedger ledger;  // empty when the records were not judged
  ReceivedAnswers received;
  std::vector<Checkpoint> seen;      // elsewhere, of this ledger and others
  std::shared_ptr<History> history;  // when the tree was whole
  // It cannot be told whether the ledger goes on from a checkpoint that the auditor kept: the bundle is of a
  // part.
  bool unjoined = false;
  std::string checkpoint;           // the note, when a log of the policy signed it and the quorum cosigned
  std::optional<Error> unreadable;  // the archive could not be read to its end: no verdict
};
// `archive` lives as long as the audit.
Audit verify_bundle(std::shared_ptr<const ByteSource> archive, const VerifyOptions& options);
Audit verify_bundle(ByteView archive, const VerifyOptions& options);  // of a copy

// One sentence for a person.
std::string summary(const Audit& audit);

// The auditor's own earlier checkpoint, which a log of the policy must have signed.
Result<Checkpoint> parse_trusted_checkpoint(std::string_view note, const Policy& policy);

}  // namespace tocsin::protocol
