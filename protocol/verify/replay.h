#pragma once
// Steps V9 to V11 of an audit: the ledger's records replayed through the same table of rules that its node
// obeyed (SPEC §6).
//
// 05xx records build the registry, submissions open cases, later records are judged against their cases; a
// record that breaks a rule is a finding and its case is closed to what follows, as a receiver would do. The
// verdict is sound only when every record in scope was fed in, so the caller keeps these findings only then.
// With a scope of chains only their cases are judged. Findings: V9.attestation (tampering), V9.key,
// V10.rule, V11.due, V11.clock (breaches), V10.identity (tampering: the genesis is not of the log that
// signed). Concurrency: one thread; const methods from any thread meanwhile nothing is taken.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "protocol/log/note.h"
#include "protocol/process/case_state.h"
#include "protocol/process/record.h"
#include "protocol/process/registry.h"
#include "protocol/verify/finding.h"
#include "protocol/verify/index_proof.h"
#include "protocol/verify/scope.h"
#include "protocol/verify/spill.h"

namespace tocsin::protocol {

// A receiver's statement about another ledger, for the comparison of several (cross.h).
struct PeerClaim {
  std::uint64_t index = 0;  // of the record that makes it
  Hash origin{};            // whose ledger it is about, by fingerprint
  bool receipt = false;     // a RECEIPT, else a RETRACTION_APPLIED
  std::uint64_t place = 0;  // RECEIPT: the checkpoint's size; else the retraction's index
  Hash hash{};              // RECEIPT: the checkpoint's root; else the retraction's leaf hash
};

// A retraction of this ledger, and a receiver's answer to one of another.
struct Retracted {
  Hash signal{};
  Hash leaf{};
  std::uint64_t index = 0;
  std::uint64_t due_ms = 0;
  std::vector<Hash> recipients;
};
struct Answer {
  Hash retraction{};
  std::uint64_t index = 0;  // of the record that gives it
  std::uint64_t time_ms = 0;
};

// What a replayed ledger says.
struct ReplayedLedger {
  Hash issuer{};  // fingerprint; zero when there is no genesis
  std::string name;
  Registry registry;
  std::deque<PeerClaim> claims;
  std::vector<Retracted> retracted;
  std::map<std::pair<Hash, Hash>, Answer> answers;  // by origin and signal
  std::uint64_t signals = 0;
  std::uint64_t published = 0;
  std::uint64_t last_ms = 0;
};

// Cases by number, as bytes that memory need not hold (spill.h).
class CaseStore {
 public:
  explicit CaseStore(std::size_t memory_bytes) : blobs_(memory_bytes) {}
  // The case of that number until the next call, empty at first; save() keeps what was changed.
  Result<v1::Case*> load(std::uint64_t number);
  Status save();
  // take(case) for every one that was saved.
  Status each(const std::function<void(const v1::Case&)>& take);

 private:
  Status parse(std::uint64_t number);
  BlobStore blobs_;
  std::uint64_t number_ = 0;
  v1::Case scratch_;
  Bytes bytes_;
};

// The number of a chain of the ledger, when it has one.
using ChainNumbers = std::function<Result<std::optional<std::uint64_t>>(const Hash& chain)>;

class Replay {
 public:
  // `report` outlives this object. At most `memory_bytes` of cases are held in memory.
  Replay(const std::optional<Scope>& scope, ChainNumbers chains, std::size_t memory_bytes, Report& report);
  // The next record; indices ascend. An error: spill.h's.
  Status take(const RecordView& record);
  const Registry& registry() const { return ledger_.registry; }
  const Hash& issuer() const { return ledger_.issuer; }
  // The end: `keys` are those that the policy takes for the origin's log. What is owed is late by `now_ms`,
  // the auditor's clock, or without it by the ledger's last record.
  Result<ReplayedLedger> finish(const std::string& origin, std::span<const VerifierKey> keys,
                                std::optional<std::uint64_t> now_ms = {});

 private:
  void take_node_event(const RecordView& record);
  Status take_origin_event(const RecordView& record, const Covered& covers);
  Status take_receiver_event(const RecordView& record, const Covered& covers);
  Status refuse_all(const RecordView& record, const Covered& covers, const Error& error);
  // The store and the number of a chain's case; null when nothing more is remembered of chains that are not.
  struct Place {
    CaseStore* store = nullptr;
    std::uint64_t number = 0;
  };
  Result<Place> place_of(const Hash& chain);
  Result<std::uint64_t> number_of(const Hash& origin, const Hash& signal);
  void note_case(const v1::Case& state);
  void note_claim(const RecordView& record);
  void judge_clocks(const v1::Case& state, std::uint64_t now_ms);
  void breach(const RecordView& record, const Error& error);
  void report_alone(const RecordView& record, const Error& error);
  bool in_scope(const Hash& chain) const;

  const std::optional<Scope> scope_;
  const ChainNumbers chains_;
  Report& report_;
  ReplayedLedger ledger_;
  CaseStore cases_;                          // the node's own signals, by the number of their chain
  std::map<Hash, std::uint64_t> strangers_;  // chains that a batch names and the ledger does not have yet
  CaseStore stranger_cases_;
  KeyedRows received_keys_;  // origin || signal
  CaseStore received_;
};

}  // namespace tocsin::protocol
