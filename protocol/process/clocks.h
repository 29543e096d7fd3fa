#pragma once
// Clocks: how long due process may take, in one table, and what of a case is owed when.
//
// The table's values hold where no charter says otherwise. A charter says so in lines of its text:
// `clock NAME COUNT UNIT` (units s, min, h, d; 1 s to 3650 d) sets a clock, `severe CATEGORY` makes a
// category need a second review; every other line is prose. Of several charters the strictest value counts,
// each in its newest version before the record that asks. Concurrency: pure functions. Source: due-process.md
// "Clocks"; SPEC §6.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/process/registry.h"
#include "tocsin/v1/case.pb.h"

namespace tocsin::protocol {

enum class Clock : std::uint8_t {
  kUserNotice,
  kDeferral,
  kComplaintWindow,
  kAppealAcked,
  kAppealDecided,
  kOutOfCourt,
  kReinstated,
  kOutcomeReported,
  kRetractionSent,
  kRetractionAnswered,
  kEmergencyReviewed,
};
inline constexpr std::size_t kClocks = 11;

struct ClockSpec {
  Clock clock;
  std::string_view name;  // as a charter writes it
  std::string_view rule;  // whose breach it is to be late
  std::uint64_t default_ms;
  bool at_least = false;  // a window that may only be longer, not a deadline
};
std::span<const ClockSpec> clock_table();

// The clocks in force for record `index` of the ledger.
class Clocks {
 public:
  static Clocks at(const Registry& registry, std::uint64_t index);
  std::uint64_t ms(Clock clock) const { return ms_[static_cast<std::size_t>(clock)]; }

 private:
  std::array<std::uint64_t, kClocks> ms_{};
};

// R3: whether a charter in force for record `index` calls the category severe.
bool is_severe(const Registry& registry, std::uint64_t index, std::string_view category);

// Something owed: late when `met_ms`, or without it the time of asking, is past `due_ms`.
struct Deadline {
  Clock clock{};
  std::uint64_t due_ms = 0;
  std::uint64_t index = 0;  // of the record that it follows from, in the debtor's ledger
  std::optional<std::uint64_t> met_ms;

  bool late(std::uint64_t now_ms) const { return met_ms.value_or(now_ms) > due_ms; }
};
std::string_view clock_name(Clock clock);
std::string_view clock_rule(Clock clock);

// What `node` owes or owed in its matters of this case; retractions' answers are case_state.h's.
std::vector<Deadline> deadlines_of(const v1::Case& state, const Hash& node);
std::vector<Deadline> deadlines_of(const v1::Case& state, const v1::Matter& matter);

}  // namespace tocsin::protocol
