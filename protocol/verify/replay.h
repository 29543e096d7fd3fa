#pragma once
// Step V10 of an audit: the ledger's records replayed through the same table of rules that its node obeyed
// (SPEC §6).
//
// 05xx records build the registry, submissions open cases, later records are judged against their cases; a
// record that breaks a rule is a finding and its case is closed to what follows, as a receiver would do. The
// verdict is sound only when every record was fed in, so the caller keeps these findings only then. Findings:
// V10.rule (a breach, with the rule), V10.identity (tampering: the genesis is not of the log that signed).
// Concurrency: belongs to one thread.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "protocol/log/note.h"
#include "protocol/process/case_state.h"
#include "protocol/process/record.h"
#include "protocol/process/registry.h"
#include "protocol/verify/finding.h"

namespace tocsin::protocol {

// A receiver's statement about another ledger, for the comparison of several (cross.h).
struct PeerClaim {
  std::uint64_t index = 0;  // of the record that makes it
  Hash origin{};            // whose ledger it is about, by fingerprint
  bool receipt = false;     // a RECEIPT, else a RETRACTION_APPLIED
  std::uint64_t place = 0;  // RECEIPT: the checkpoint's size; else the retraction's index
  Hash hash{};              // RECEIPT: the checkpoint's root; else the retraction's leaf hash
};

// What a replayed ledger says.
struct ReplayedLedger {
  Hash issuer{};  // fingerprint; zero when there is no genesis
  std::string name;
  Registry registry;
  std::map<Hash, v1::Case> cases;                      // the node's own signals, by chain
  std::map<std::pair<Hash, Hash>, v1::Case> received;  // by origin and signal
  std::vector<PeerClaim> claims;
  std::uint64_t last_ms = 0;
};

class Replay {
 public:
  // `report` outlives this object.
  explicit Replay(Report& report) : report_(report) {}
  // The next record; indices ascend.
  void take(const RecordView& record);
  // The end: `keys` are those that the policy takes for the origin's log.
  ReplayedLedger finish(const std::string& origin, std::span<const VerifierKey> keys);

 private:
  void take_node_event(const RecordView& record);
  void take_origin_event(const RecordView& record, const Covered& covers);
  void take_receiver_event(const RecordView& record, const Covered& covers);
  void note_claim(const RecordView& record);
  void breach(const RecordView& record, const Error& error);

  Report& report_;
  ReplayedLedger ledger_;
};

}  // namespace tocsin::protocol
