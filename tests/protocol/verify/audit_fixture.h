#pragma once
// The correct ledger and its audit, for the tests that break it.

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "protocol/verify/verifier.h"
#include "tests/support/catch.h"
#include "tests/support/ledger_records.h"

namespace tocsin::test {

struct Parties {
  TestNode issuer{"video.example", 10};
  TestNode photos{"photos.example", 30};
  TestNode chat{"chat.example", 50};
};
inline const Parties& parties() {
  static const Parties made;
  return made;
}
inline CorrectLedger correct_ledger() {
  return CorrectLedger(parties().issuer, parties().photos, parties().chat);
}

inline protocol::VerifyOptions audit_options() {
  protocol::VerifyOptions options;
  options.policy = *protocol::Policy::parse(policy_text(parties().issuer));
  return options;
}

inline std::string printed(const protocol::Audit& audit) {
  std::string out = protocol::summary(audit) + "\n";
  for (const protocol::Finding& finding : audit.report.findings())
    out += protocol::finding_json(finding) + "\n";
  return out;
}

inline bool found(const protocol::Audit& audit, std::string_view code) {
  const auto& all = audit.report.findings();
  return std::any_of(all.begin(), all.end(), [&](const auto& finding) { return finding.code == code; });
}

// One way to break a bundle and what the audit must say to it.
struct Tamper {
  const char* name;
  int exit;
  const char* code;
  std::function<Bytes()> make;
};
inline void check_tamper(const Tamper& tamper, const protocol::VerifyOptions& options) {
  const protocol::Audit audit = protocol::verify_bundle(tamper.make(), options);
  INFO(tamper.name << "\n" << printed(audit));
  CHECK(audit.report.exit_code() == tamper.exit);
  CHECK(found(audit, tamper.code));
}

}  // namespace tocsin::test
