#include "tests/tamper/corpus.h"

#include <algorithm>
#include <stdexcept>

#include "protocol/verify/cross.h"
#include "tests/tamper/ledgers.h"

namespace tocsin::tamper {

using namespace protocol;

std::uint64_t Dice::roll() {
  state_ += 0x9E3779B97F4A7C15;
  std::uint64_t z = state_;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return z ^ z >> 31;
}

const std::vector<TamperClass>& tamper_classes() {
  static const std::vector<TamperClass> all = [] {
    std::vector<TamperClass> out;
    for (auto* source : {archive_classes, checkpoint_classes, record_classes, opening_classes,
                         process_classes, scope_classes, network_classes, form_classes, receipt_classes})
      for (TamperClass& one : source()) out.push_back(std::move(one));
    return out;
  }();
  return all;
}

Sample good_sample(Dice& dice) {
  if (dice.turn(4) == 0) return good_part(dice);
  if (dice.turn(4) == 1 && dice.coin()) return good_network(dice);
  MadeLedger ledger(dice);
  test::LedgerBuilder& builder = ledger.builder;
  Sample out;
  out.policy = test::policy_text(issuer());
  std::optional<std::size_t> old;
  if (dice.coin()) old = dice.between(1, ledger.size());
  if (dice.coin()) out.trusted.push_back(builder.checkpoint(dice.between(1, ledger.size())));
  if (dice.coin()) out.now_ms = builder.records().back().leaf.time_ms + dice.below(test::kDayMs);
  out.bundles.push_back(builder.pack(builder.files(old)));
  return out;
}

bool Verdict::names(const TamperClass& expected) const {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    const bool code =
        finding.code == expected.code || std::any_of(expected.or_codes.begin(), expected.or_codes.end(),
                                                     [&](auto other) { return finding.code == other; });
    return code && (expected.rule.empty() || finding.rule == expected.rule);
  });
}

Verdict judged(const Sample& sample) {
  auto policy = Policy::parse(sample.policy);
  if (!policy) throw std::runtime_error(policy.error().message);
  VerifyOptions options;
  options.policy = std::move(*policy);
  options.now_ms = sample.now_ms;
  for (const std::string& note : sample.trusted) {
    auto checkpoint = parse_trusted_checkpoint(note, options.policy);
    if (!checkpoint) throw std::runtime_error(checkpoint.error().message);
    options.trusted.push_back(std::move(*checkpoint));
  }
  std::vector<Audit> audits;
  for (const Bytes& bundle : sample.bundles) audits.push_back(verify_bundle(bundle, options));
  CHECK_INVARIANT(compare_ledgers(audits, sample.now_ms).has_value());
  Report all;
  for (Audit& audit : audits) all.merge(std::move(audit.report));
  return {all.exit_code(), all.findings()};
}

}  // namespace tocsin::tamper
