#include "protocol/process/clocks.h"

#include <algorithm>
#include <charconv>

#include "protocol/process/case_state.h"

namespace tocsin::protocol {
namespace {

constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;
constexpr std::uint64_t kDay = 24 * kHour;
constexpr std::uint64_t kLongest = 3650 * kDay;

constexpr ClockSpec kTable[] = {
    {Clock::kUserNotice, "user-notice", "R8", kHour},
    {Clock::kDeferral, "deferral", "R8", 42 * kDay},
    {Clock::kComplaintWindow, "complaint-window", "R9", 183 * kDay, true},
    {Clock::kAppealAcked, "appeal-acked", "R20", 24 * kHour},
    {Clock::kAppealDecided, "appeal-decided", "R20", 14 * kDay},
    {Clock::kOutOfCourt, "out-of-court", "R20", 180 * kDay},
    {Clock::kReinstated, "reinstated", "R11", 24 * kHour},
    {Clock::kOutcomeReported, "outcome-reported", "R11", 24 * kHour},
    {Clock::kRetractionSent, "retraction-sent", "R12", 15 * kMinute},
    {Clock::kRetractionAnswered, "retraction-answered", "R13", 24 * kHour},
    {Clock::kEmergencyReviewed, "emergency-reviewed", "R7", 24 * kHour},
};
static_assert(std::size(kTable) == kClocks);

std::string_view next_word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

template <typename Take>
void each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::uint64_t unit_ms(std::string_view unit) {
  if (unit == "s") return kSecond;
  if (unit == "min") return kMinute;
  if (unit == "h") return kHour;
  return unit == "d" ? kDay : 0;
}

struct ClockLine {
  const ClockSpec* spec;
  std::uint64_t ms;
};

std::optional<ClockLine> clock_line(std::string_view line) {
  if (next_word(line) != "clock") return std::nullopt;
  const std::string_view name = next_word(line);
  const auto spec =
      std::find_if(std::begin(kTable), std::end(kTable), [&](const auto& s) { return s.name == name; });
  const std::string_view count = next_word(line);
  const std::uint64_t unit = unit_ms(next_word(line));
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), number);
  const bool legal = error == std::errc() && end == count.data() + count.size() && line.empty() &&
                     unit != 0 && number != 0 && number <= kLongest / unit;
  if (spec == std::end(kTable) || !legal) return std::nullopt;
  return ClockLine{&*spec, number * unit};
}

std::optional<std::uint64_t> said(std::uint64_t ms) {
  return ms == 0 ? std::nullopt : std::optional(ms);
}

std::optional<std::uint64_t> first_of(std::initializer_list<std::uint64_t> times) {
  std::optional<std::uint64_t> out;
  for (const std::uint64_t ms : times)
    if (ms != 0 && (!out || ms < *out)) out = ms;
  return out;
}

void add_action(const v1::Matter& matter, std::vector<Deadline>& out) {
  if (matter.taken_ms() == 0) return;
  const std::uint64_t index = matter.taken_index();
  out.push_back({Clock::kUserNotice, matter.notice_due_ms(), index,
                 first_of({matter.notice_ms(), matter.deferred_ms(), matter.waived_ms()})});
  if (matter.deferrals() != 0)
    out.push_back({Clock::kDeferral, matter.deferred_until_ms(), index,
                   first_of({matter.notice_ms(), matter.waived_ms(), matter.reinstated_ms()})});
  if (matter.emergency())
    out.push_back({Clock::kEmergencyReviewed, matter.confirm_due_ms(), index,
                   first_of({matter.confirmed_ms(), matter.reinstated_ms()})});
}

void add_appeal(const v1::Matter& matter, std::vector<Deadline>& out) {
  if (matter.appeal_ms() == 0) return;
  const std::uint64_t index = matter.appeal_index();
  // A court or an out-of-court body may end an appeal before the node does.
  const auto over = first_of({matter.decided_ms(), matter.dispute_ms(), matter.reinstated_ms()});
  out.push_back(
      {Clock::kAppealAcked, matter.ack_due_ms(), index, first_of({matter.acked_ms(), over.value_or(0)})});
  out.push_back({Clock::kAppealDecided, matter.appeal_due_ms(), index, over});
  if (matter.dispute_due_ms() != 0)
    out.push_back(
        {Clock::kOutOfCourt, matter.dispute_due_ms(), matter.dispute_index(), said(matter.dispute_ms())});
}

}  // namespace

std::span<const ClockSpec> clock_table() {
  return kTable;
}

std::string_view clock_name(Clock clock) {
  return kTable[static_cast<std::size_t>(clock)].name;
}
std::string_view clock_rule(Clock clock) {
  return kTable[static_cast<std::size_t>(clock)].rule;
}

Clocks Clocks::at(const Registry& registry, std::uint64_t index) {
  Clocks out;
  std::array<bool, kClocks> set{};
  for (const ClockSpec& spec : kTable) out.ms_[static_cast<std::size_t>(spec.clock)] = spec.default_ms;
  for (const CharterVersion* charter : registry.charters_at(index)) {
    each_line(charter->text, [&](std::string_view line) {
      const auto found = clock_line(line);
      if (!found) return;
      const auto at = static_cast<std::size_t>(found->spec->clock);
      std::uint64_t& value = out.ms_[at];
      if (found->spec->at_least)
        value = std::max(value, found->ms);
      else
        value = set[at] ? std::min(value, found->ms) : found->ms;
      set[at] = true;
    });
  }
  return out;
}

bool is_severe(const Registry& registry, std::uint64_t index, std::string_view category) {
  bool severe = false;
  for (const CharterVersion* charter : registry.charters_at(index))
    each_line(charter->text, [&](std::string_view line) {
      severe = severe || (next_word(line) == "severe" && line == category);
    });
  return severe;
}

std::vector<Deadline> deadlines_of(const v1::Case& state, const v1::Matter& matter) {
  std::vector<Deadline> out;
  if (matter.phase() == v1::UNSEEN) return out;
  add_action(matter, out);
  add_appeal(matter, out);
  if (matter.overturned_ms() == 0) return out;
  const std::uint64_t index = matter.overturned_index();
  if (matter.reinstate_due_ms() != 0)
    out.push_back({Clock::kReinstated, matter.reinstate_due_ms(), index, said(matter.reinstated_ms())});
  if (matter.report_due_ms() != 0)
    out.push_back({Clock::kOutcomeReported, matter.report_due_ms(), index, said(matter.reported_ms())});
  if (matter.retract_due_ms() != 0)
    out.push_back(
        {Clock::kRetractionSent, matter.retract_due_ms(), index, said(state.origin().retraction_ms())});
  return out;
}

std::vector<Deadline> deadlines_of(const v1::Case& state, const Hash& node) {
  std::vector<Deadline> out;
  const v1::ReceiverState* entry = find_receiver(state, node);
  if (entry == nullptr) return out;
  for (const v1::Matter& matter : entry->matters()) {
    const std::vector<Deadline> some = deadlines_of(state, matter);
    out.insert(out.end(), some.begin(), some.end());
  }
  return out;
}

}  // namespace tocsin::protocol
