#include "protocol/process/event.h"

#include "protocol/process/event_table.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "record/schema";

const EventSpec* find_event(std::uint16_t code) {
  for (const EventSpec& spec : event_table())
    if (static_cast<std::uint16_t>(spec.event) == code) return &spec;
  return nullptr;
}

const EventSpec& spec_of(Event event) {
  const EventSpec* spec = find_event(static_cast<std::uint16_t>(event));
  CHECK_INVARIANT(spec != nullptr);
  return *spec;
}

}  // namespace

std::string_view event_name(Event event) {
  return spec_of(event).name;
}

std::optional<Event> event_from_code(std::uint16_t code) {
  const EventSpec* spec = find_event(code);
  return spec == nullptr ? std::nullopt : std::optional(spec->event);
}

std::span<const SlotSpec> event_slots(Event event) {
  return spec_of(event).slots;
}

const SlotSpec* find_slot(Event event, std::uint8_t slot) {
  for (const SlotSpec& spec : event_slots(event))
    if (spec.slot == slot) return &spec;
  return nullptr;
}

std::string_view enum_word(const SlotSpec& spec, std::uint64_t value) {
  return value >= 1 && value <= spec.words.size() ? spec.words[value - 1] : "unknown";
}

Result<std::uint64_t> enum_value(Event event, std::uint8_t slot, std::string_view word) {
  const SlotSpec* spec = find_slot(event, slot);
  CHECK_INVARIANT(spec != nullptr && spec->type == SlotType::kEnum);
  std::string all;
  for (std::size_t i = 0; i < spec->words.size(); ++i) {
    if (spec->words[i] == word) return i + 1;
    all += (i == 0 ? "" : ", ") + std::string(spec->words[i]);
  }
  return fail(Error{Code::kInvalidArgument,
                    "there is no " + std::string(spec->name) + " \"" + std::string(word) + "\"",
                    kRule,
                    {},
                    "one of " + all});
}

}  // namespace tocsin::protocol
