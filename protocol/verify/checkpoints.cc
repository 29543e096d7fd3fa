#include "protocol/verify/checkpoints.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "protocol/verify/bundle.h"

namespace tocsin::protocol {
namespace {

std::vector<VerifierKey> log_keys(const Policy& policy) {
  std::vector<VerifierKey> keys;
  for (const PolicyLog& log : policy.logs()) keys.push_back(log.key);
  return keys;
}

void note_time(JudgedCheckpoint& judged, std::uint64_t time_s) {
  judged.witnessed_s = std::min(judged.witnessed_s.value_or(time_s), time_s);
}

void report_refusal(const Error& error, Report& report) {
  if (error.code == Code::kFailedPrecondition)
    report.missing("V3.quorum",
                   "The checkpoint lacks cosignatures that the policy asks for: " + error.message + ".");
  else if (error.code == Code::kUnauthenticated)
    report.tampering("V3.signature", "The checkpoint's signatures do not hold: " + error.message + ".");
  else
    report.tampering("V3.checkpoint", "The checkpoint is malformed: " + error.message + ".");
}

Result<Checkpoint> read_unsigned(std::string_view note) {
  TRY_ASSIGN(const Note parsed, parse_note(note));
  return parse_checkpoint(parsed.text);
}

}  // namespace

std::optional<JudgedCheckpoint> judge_checkpoint(std::string_view note, const Policy& policy,
                                                 Report& report) {
  JudgedCheckpoint judged;
  const auto accepted = policy.evaluate(note);
  if (accepted) {
    judged.checkpoint = accepted->checkpoint;
    for (const Policy::Cosigned& cosigned : accepted->cosigned) note_time(judged, cosigned.time_s);
    return judged;
  }
  report_refusal(accepted.error(), report);
  auto text = read_unsigned(note);
  if (!text) return std::nullopt;
  judged.checkpoint = std::move(*text);
  return judged;
}

std::optional<JudgedCheckpoint> judge_old_checkpoint(const std::optional<std::string>& note,
                                                     const std::optional<std::string>& proof_file,
                                                     const Checkpoint& newest, const Policy& policy,
                                                     Report& report) {
  if (!note && !proof_file) return std::nullopt;
  if (!note || !proof_file) {
    report.missing("V4.proof", "An older checkpoint and its consistency proof come together or not at all.");
    return std::nullopt;
  }
  const auto opened = open_checkpoint(*note, log_keys(policy));
  if (!opened) {
    report.tampering("V4.old", "The older checkpoint does not hold: " + opened.error().message + ".");
    return std::nullopt;
  }
  JudgedCheckpoint judged{opened->checkpoint, std::nullopt};
  // Its cosignatures date its records; a witness the policy does not know dates nothing.
  if (const auto accepted = policy.evaluate(*note))
    for (const Policy::Cosigned& cosigned : accepted->cosigned) note_time(judged, cosigned.time_s);
  const TreeHead& older = judged.checkpoint.tree;
  if (older.size > newest.tree.size) return judged;  // a rollback, which judge_consistency reports
  const auto proof = parse_consistency(*proof_file);
  if (!proof) {
    report.tampering("V4.proof", "The consistency proof is malformed: " + proof.error().message + ".");
  } else if (older.size == 0) {
    if (!proof->empty())
      report.tampering("V4.proof", "A consistency proof from an empty tree has no hashes.");
  } else if (const auto verified = verify_consistency(older, newest.tree, *proof); !verified) {
    report.tampering("V4.proof", "The consistency proof fails: " + verified.error().message + ".");
  }
  return judged;
}

void judge_consistency(const Checkpoint& older, const Checkpoint& newest, const std::optional<Hash>& root,
                       std::string_view whose, Report& report) {
  const std::string begin(whose);
  const std::string size = std::to_string(older.tree.size);
  if (older.origin != newest.origin) {
    report.tampering("V3.origin", begin + " is of another ledger, " + older.origin + ".");
  } else if (older.tree.size > newest.tree.size) {
    report.tampering("V4.rollback", begin + " has " + size + " records and the bundle's only " +
                                        std::to_string(newest.tree.size) +
                                        ": records that were promised are gone.");
  } else if (older.tree.size == newest.tree.size && older.tree.root != newest.tree.root) {
    report.tampering("V4.equivocation",
                     begin + " has the same size and another root: the ledger showed two histories.");
  } else if (root && *root != older.tree.root) {
    report.tampering("V4.inconsistent", begin + " does not describe the first " + size +
                                            " records of this bundle: history was rewritten.");
  }
}

void judge_split_views(std::span<const Checkpoint> seen, std::string_view own, const Registry& registry,
                       Report& report) {
  std::map<std::pair<std::string, std::uint64_t>, Hash> roots;
  std::set<std::string> split;
  for (const Checkpoint& one : seen) {
    if (one.origin == own) continue;  // V4's business
    const auto [at, fresh] = roots.emplace(std::pair(one.origin, one.tree.size), one.tree.root);
    if (fresh || at->second == one.tree.root || !split.insert(one.origin).second) continue;
    const auto& proven = registry.equivocations();
    if (std::any_of(proven.begin(), proven.end(), [&](const auto& e) { return e.what.origin == one.origin; }))
      continue;
    report.tampering("V12.split", one.origin + " was seen with two roots of " +
                                      std::to_string(one.tree.size) +
                                      " records, and the ledger has no record that says so.");
  }
}

}  // namespace tocsin::protocol
