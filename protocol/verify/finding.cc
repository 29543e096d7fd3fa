#include "protocol/verify/finding.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/wire/json_text.h"

namespace tocsin::protocol {

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::kBreach:
      return "breach";
    case Severity::kMissing:
      return "missing";
    case Severity::kTampering:
      return "tampering";
  }
  return "";
}

std::string finding_json(const Finding& finding) {
  std::string out = "{\"code\":" + json_string(finding.code);
  out += ",\"severity\":" + json_string(severity_name(finding.severity));
  out += ",\"index\":" + (finding.index ? std::to_string(*finding.index) : "null");
  out += ",\"rule\":" + (finding.rule.empty() ? "null" : json_string(finding.rule));
  return out + ",\"text\":" + json_string(finding.text) + "}";
}

void Report::add(Finding finding) {
  ++counts_[static_cast<std::size_t>(finding.severity)];
  if (findings_.size() < kFindingsKept) findings_.push_back(std::move(finding));
}

void Report::tampering(std::string code, std::string text, std::optional<std::uint64_t> index) {
  add({std::move(code), Severity::kTampering, index, {}, std::move(text)});
}

void Report::missing(std::string code, std::string text, std::optional<std::uint64_t> index) {
  add({std::move(code), Severity::kMissing, index, {}, std::move(text)});
}

void Report::breach(std::string code, std::string rule, std::string text,
                    std::optional<std::uint64_t> index) {
  add({std::move(code), Severity::kBreach, index, std::move(rule), std::move(text)});
}

void Report::merge(Report other) {
  for (std::size_t i = 0; i < std::size(counts_); ++i) counts_[i] += other.counts_[i];
  for (Finding& finding : other.findings_)
    if (findings_.size() < kFindingsKept) findings_.push_back(std::move(finding));
}

void Report::sort() {
  const auto step = [](const Finding& finding) {
    unsigned number = 0;
    for (std::size_t i = 1; i < finding.code.size() && finding.code[i] != '.'; ++i)
      number = number * 10 + static_cast<unsigned>(finding.code[i] - '0');
    return number;
  };
  std::stable_sort(findings_.begin(), findings_.end(),
                   [&](const Finding& a, const Finding& b) { return step(a) < step(b); });
}

int Report::exit_code() const {
  if (count(Severity::kTampering) != 0) return kExitTampering;
  if (count(Severity::kMissing) != 0) return kExitMissing;
  if (count(Severity::kBreach) != 0) return kExitBreach;
  return kExitClean;
}

}  // namespace tocsin::protocol
