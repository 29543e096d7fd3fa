#pragma once
// Complete, legal slot lists for tests to change one thing of.

#include <functional>

#include "protocol/process/event.h"

namespace tocsin::protocol::test {

inline Hash filled(std::uint8_t byte) {
  Hash hash;
  hash.fill(byte);
  return hash;
}

// A legal value for the slot.
inline SlotValue sample_value(const SlotSpec& spec) {
  switch (spec.type) {
    case SlotType::kUint:
      return slot_number(spec.slot, spec.type, 7);
    case SlotType::kTime:
      return slot_number(spec.slot, spec.type, 1'700'000'000'000);
    case SlotType::kEnum:
      return slot_number(spec.slot, spec.type, 1);
    case SlotType::kText:
      return slot_text(spec.slot, "some text, élan");
    case SlotType::kBytes:
      return slot_bytes(spec.slot, spec.type, Bytes{1, 2});
    case SlotType::kHash:
    case SlotType::kKey:
      return slot_bytes(spec.slot, spec.type, filled(5));
    case SlotType::kHashes:
      return slot_hashes(spec.slot, {filled(2), filled(1)});
    case SlotType::kIndicator:
      return slot_bytes(spec.slot, spec.type, Bytes(33, 1));
    case SlotType::kAttestation:
      return slot_bytes(spec.slot, spec.type, Bytes(72, 3));
    case SlotType::kLabels:
      if (!spec.words.empty())
        return slot_labels(spec.slot, {std::string(spec.words.front()), std::string(spec.words.back())});
      return slot_labels(spec.slot, {"terror", "gore"});
    case SlotType::kKeyId:
      return slot_bytes(spec.slot, spec.type, Bytes(8, 4));
    case SlotType::kSigned:
      return slot_bytes(spec.slot, spec.type, Bytes(100, 6));
  }
  return {};
}

// Every slot of the event, or only the mandatory ones.
inline std::vector<SlotValue> sample_slots(Event event, bool optional_too = true) {
  std::vector<SlotValue> out;
  for (const SlotSpec& spec : event_slots(event))
    if (optional_too || spec.mandatory) out.push_back(sample_value(spec));
  return out;
}

}  // namespace tocsin::protocol::test
