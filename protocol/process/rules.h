#pragma once
// The due-process rules: one table of what may follow what and what each record must satisfy, run when a
// record is appended, when a peer's record arrives, and when an auditor replays a ledger (SPEC §6).
//
// An issuer's records are judged by the issuer's ledger alone, a receiver's by that receiver's ledger alone;
// so the verdict does not depend on the order in which ledgers arrive. Errors: kFailedPrecondition, rule
// "due-process/R1" and so on, or "due-process/order" for a record that cannot stand where it stands; message,
// why and fix are for a person. Concurrency: pure functions. Source: due-process.md "Rules"; the rules' texts
// are in rules.cc.

#include <functional>
#include <string_view>
#include <vector>

#include "protocol/process/record.h"
#include "protocol/process/registry.h"
#include "tocsin/v1/case.pb.h"

namespace tocsin::protocol {

// The longest life of a content signal, days (R19: 36 months).
inline constexpr std::uint64_t kContentValidityDaysMax = 1096;

struct FoldContext {
  Hash issuer{};               // whose ledger the record stands in
  const Registry& registry;    // that ledger's, before this record
  bool record_judged = false;  // judge_record() accepted it: a batch is judged once, not once a case
  // Every record of the ledger is open to the judge (its own node, or an auditor shown everything), so that
  // what is known of groups and publications is the whole of it.
  bool complete = false;
  // Which records of the ledger were opened to the judge; null: all that matter. What rests on one that was
  // not is not judged.
  const std::function<bool(std::uint64_t index)>* shown = nullptr;
};

// What a record must satisfy by itself: attestation, keys, groups, dates. 05xx records and receipts have only
// this.
Status judge_record(const RecordView& record, const FoldContext& context);
// Whether the record may change this case: judge_record() unless done, then phase and history. Receiver
// records need the case's signal and issuer to be set.
Status judge(const v1::Case& state, const RecordView& record, const FoldContext& context);

// R17, for each record of a ledger after the one before.
Status judge_time(std::uint64_t previous_ms, const Leaf& leaf);
// R6: a receiver takes only what lies below a checkpoint it has verified.
Status judge_proved(std::uint64_t index, std::uint64_t verified_size);

// The phase that follows, or …_UNSPECIFIED when the record may not stand there.
v1::Phase origin_after(v1::Phase phase, const ValidEvent& event);
v1::ReceiverPhase receiver_after(v1::ReceiverPhase phase, const ValidEvent& event);
v1::MatterPhase matter_after(v1::MatterPhase phase, const ValidEvent& event);

// One row of the table, as SPEC §6 prints it.
enum class Stage : std::uint8_t { kNone, kOrigin, kReceiver, kMatter };
struct TransitionRow {
  Event event;
  unsigned decision;  // of the slot that decides, 0: whatever it says
  Stage stage;
  unsigned from;  // a bit a phase
  int to;         // -1: the same
  std::vector<std::string_view> rules;
};
std::vector<TransitionRow> transition_table();

// "R1" or "due-process/R1" to the rule's text; empty for a rule that is not in force.
std::string_view rule_text(std::string_view rule);

}  // namespace tocsin::protocol
