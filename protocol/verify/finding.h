#pragma once
// Findings: what an audit found, how grave each is, and what the whole amounts to.
//
// Severities are kept apart because they call for different answers: tampering means that the evidence was
// altered or forged; missing, that evidence was left out or refused; breach, that the evidence is whole and
// shows that a rule of due process was not kept. A code such as "V5.tile" is stable: its number is the step
// of the audit. A report keeps the first kFindingsKept findings and counts the rest. Concurrency: values.
// Source: SPEC §9.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/result.h"

namespace tocsin::protocol {

enum class Severity : std::uint8_t { kBreach, kMissing, kTampering };  // the gravest last
std::string_view severity_name(Severity severity);

struct Finding {
  std::string code;  // "V7.fork"
  Severity severity = Severity::kTampering;
  std::optional<std::uint64_t> index;  // of the record it is about
  std::string rule;                    // "R1", for a breach of due process
  std::string text;                    // one sentence for a person
};
// One JSON object on one line, without its newline: code, severity, index, rule, text.
std::string finding_json(const Finding& finding);

inline constexpr std::size_t kFindingsKept = 1000;
inline constexpr int kExitClean = 0;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitMissing = 7;
inline constexpr int kExitTampering = 8;
inline constexpr int kExitBreach = 10;

class Report {
 public:
  void add(Finding finding);
  void tampering(std::string code, std::string text, std::optional<std::uint64_t> index = std::nullopt);
  void missing(std::string code, std::string text, std::optional<std::uint64_t> index = std::nullopt);
  void breach(std::string code, std::string rule, std::string text, std::optional<std::uint64_t> index);

  // By step, each step's findings in the order they were made.
  void sort();
  // Everything that `other` found, behind what is here.
  void merge(Report other);

  const std::vector<Finding>& findings() const { return findings_; }
  std::size_t count(Severity severity) const { return counts_[static_cast<std::size_t>(severity)]; }
  std::size_t total() const { return counts_[0] + counts_[1] + counts_[2]; }
  // 0 clean, 8 tampering, 7 missing evidence, 10 breach only: the gravest decides.
  int exit_code() const;

 private:
  std::vector<Finding> findings_;
  std::size_t counts_[3] = {};
};

}  // namespace tocsin::protocol
