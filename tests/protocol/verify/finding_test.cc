#include "protocol/verify/finding.h"

#include "tests/support/catch.h"

namespace tocsin::protocol {

TEST_CASE("the gravest finding decides the exit") {
  Report report;
  CHECK(report.exit_code() == 0);
  report.breach("V10.rule", "R1", "published without a review", 7);
  CHECK(report.exit_code() == 10);
  report.missing("V5.missing", "a tile is not in the bundle");
  CHECK(report.exit_code() == 7);
  report.tampering("V5.root", "the root is another");
  CHECK(report.exit_code() == 8);
  CHECK(report.total() == 3);
}

TEST_CASE("a finding is one line of JSON") {
  CHECK(finding_json({"V10.rule", Severity::kBreach, 7, "R1", "say \"no\"\n"}) ==
        R"({"code":"V10.rule","severity":"breach","index":7,"rule":"R1","text":"say \"no\"\n"})");
  CHECK(finding_json({"V1.tar", Severity::kTampering, {}, "", "x"}) ==
        R"({"code":"V1.tar","severity":"tampering","index":null,"rule":null,"text":"x"})");
}

TEST_CASE("a report counts what it does not keep") {
  Report report;
  for (std::size_t i = 0; i < kFindingsKept + 5; ++i) report.missing("V8.withheld", "closed", i);
  CHECK(report.findings().size() == kFindingsKept);
  CHECK(report.count(Severity::kMissing) == kFindingsKept + 5);
}

}  // namespace tocsin::protocol
