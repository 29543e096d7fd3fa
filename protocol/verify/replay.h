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
  std::vector<PeerClaim> claims;
  std::vector<Retracted> retracted;
  std::map<std::pair<Hash, Hash>, Answer> answers;  // by origin and signal
  std::uint64_t signals = 0;
  std::uint64_t published = 0;
  std::uint64_t last_ms = 0;
};

// Cases as compact bytes: a ledger may have more of them than memory for whole messages.
template <typename Key>
class CaseStore {
 public:
  // The case of `key`, until the next call; save() keeps what was changed.
  v1::Case& load(const Key& key) {
    at_ = cases_.try_emplace(key).first;
    scratch_.Clear();
    CHECK_INVARIANT(scratch_.ParseFromString(at_->second));
    return scratch_;
  }
  void save() {
    // What the rules never ask for.
    scratch_.clear_indicator();
    scratch_.clear_labels();
    scratch_.clear_category();
    scratch_.clear_taxonomy();
    scratch_.clear_jurisdiction();
    scratch_.SerializeToString(&bytes_);
    at_->second.assign(bytes_);
  }
  template <typename Take>
  void each(Take take) {
    for (const auto& [key, bytes] : cases_) {
      scratch_.Clear();
      CHECK_INVARIANT(scratch_.ParseFromString(bytes));
      take(key, std::as_const(scratch_));
    }
  }

 private:
  std::map<Key, std::string> cases_;
  typename std::map<Key, std::string>::iterator at_;
  v1::Case scratch_;
  std::string bytes_;
};

class Replay {
 public:
  // `report` outlives this object.
  explicit Replay(const std::optional<Scope>& scope, Report& report) : scope_(scope), report_(report) {}
  // The next record; indices ascend.
  void take(const RecordView& record);
  const Registry& registry() const { return ledger_.registry; }
  const Hash& issuer() const { return ledger_.issuer; }
  // The end: `keys` are those that the policy takes for the origin's log. What is owed is late by `now_ms`,
  // the auditor's clock, or without it by the ledger's last record.
  ReplayedLedger finish(const std::string& origin, std::span<const VerifierKey> keys,
                        std::optional<std::uint64_t> now_ms = {});

 private:
  void take_node_event(const RecordView& record);
  void take_origin_event(const RecordView& record, const Covered& covers);
  void take_receiver_event(const RecordView& record, const Covered& covers);
  void note_claim(const RecordView& record);
  void judge_clocks(const v1::Case& state, std::uint64_t now_ms);
  void breach(const RecordView& record, const Error& error);
  void report_alone(const RecordView& record, const Error& error);
  bool in_scope(const Hash& chain) const;

  const std::optional<Scope> scope_;
  Report& report_;
  ReplayedLedger ledger_;
  CaseStore<Hash> cases_;                      // the node's own signals, by chain
  CaseStore<std::pair<Hash, Hash>> received_;  // by origin and signal
};

}  // namespace tocsin::protocol
