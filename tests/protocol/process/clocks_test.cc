#include "protocol/process/clocks.h"

#include "tests/protocol/process/sample_ledger.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

using namespace test;

RecordView charter(SampleLedger& ledger, std::uint8_t network, std::uint64_t version, std::string_view text) {
  return ledger.node(Event::kCharterVersion, [&](auto& s) {
    put(s, slot_bytes(0, SlotType::kHash, filled(network)));
    put(s, slot_number(2, SlotType::kUint, version));
    put(s, slot_text(3, text));
  });
}

std::uint64_t hours(const SampleLedger& ledger, Clock clock, std::uint64_t index = UINT64_MAX) {
  return Clocks::at(ledger.registry(), index).ms(clock) / kHour;
}

TEST_CASE("the clocks are the table's until a charter says otherwise") {
  SampleLedger ledger("video.example", 1);
  for (const ClockSpec& spec : clock_table()) {
    CHECK(Clocks::at(ledger.registry(), UINT64_MAX).ms(spec.clock) == spec.default_ms);
    CHECK(clock_name(spec.clock) == spec.name);
    CHECK(clock_rule(spec.clock) == spec.rule);
  }
  charter(ledger, 1, 1, "We answer soon.\nclock appeal-acked 2 h\nclock appeal-decided 20 d\n");
  CHECK(hours(ledger, Clock::kAppealAcked) == 2);
  CHECK(hours(ledger, Clock::kAppealDecided) == 20 * 24);
  CHECK(hours(ledger, Clock::kReinstated) == 24);
}

TEST_CASE("a line that is no clock is prose") {
  SampleLedger ledger("video.example", 1);
  charter(
      ledger, 1, 1,
      "clock appeal-acked 2\nclock appeal-acked 2 weeks\nclock appeal-acked x h\nclock appeal-acked 0 h\n"
      "clock appeal-acked 2 h sharp\n clock appeal-acked 2 h\nclock nothing 2 h\nclock appeal-acked 4000 d\n"
      "Clock appeal-acked 2 h\nclock  appeal-acked 2 h\nclock appeal-acked -2 h");
  CHECK(hours(ledger, Clock::kAppealAcked) == 24);
}

TEST_CASE("of several charters the strictest holds, each in its newest version before the record") {
  SampleLedger ledger("video.example", 1);
  charter(ledger, 1, 1, "clock appeal-acked 10 h");
  charter(ledger, 2, 1, "clock appeal-acked 5 h\nclock complaint-window 300 d");
  const RecordView last = charter(ledger, 2, 2, "clock appeal-acked 50 h\nclock complaint-window 10 d");
  CHECK(hours(ledger, Clock::kAppealAcked) == 10);
  CHECK(hours(ledger, Clock::kAppealAcked, last.index) == 5);
  CHECK(hours(ledger, Clock::kComplaintWindow) == 183 * 24);
  CHECK(hours(ledger, Clock::kComplaintWindow, last.index) == 300 * 24);
}

TEST_CASE("a charter names the categories that are severe") {
  SampleLedger ledger("video.example", 1);
  CHECK_FALSE(is_severe(ledger.registry(), UINT64_MAX, "terrorist-content"));
  const RecordView set = charter(ledger, 1, 1, "severe terrorist-content\nsevere\nnot severe gore");
  CHECK(is_severe(ledger.registry(), UINT64_MAX, "terrorist-content"));
  CHECK_FALSE(is_severe(ledger.registry(), set.index, "terrorist-content"));
  CHECK_FALSE(is_severe(ledger.registry(), UINT64_MAX, "gore"));
}

}  // namespace
}  // namespace tocsin::protocol
