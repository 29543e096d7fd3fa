#include "protocol/process/record.h"

namespace tocsin::protocol {
namespace {

Covered::Kind kind_of(const ValidEvent& event) {
  if (is_node_event(event.event()) || event.event() == Event::kReceipt) return Covered::Kind::kNothing;
  return is_receiver_event(event.event()) && event.has(kSlotOrigin) ? Covered::Kind::kSignals
                                                                    : Covered::Kind::kChains;
}

}  // namespace

bool is_node_event(Event event) {
  return static_cast<std::uint16_t>(event) >> 8 == 0x05;
}

bool is_receiver_event(Event event) {
  return event == Event::kReceiverReviewed || event == Event::kOpinion || event == Event::kDeclined ||
         event == Event::kRetractionApplied || event == Event::kMatched || is_matter_event(event);
}

bool is_matter_event(Event event) {
  return static_cast<std::uint16_t>(event) >> 8 == 0x03 || event == Event::kOutcomeReported;
}

Covered covered(const Leaf& leaf, const ValidEvent& event) {
  Covered out;
  out.kind = kind_of(event);
  if (out.kind == Covered::Kind::kNothing) return out;
  if (out.kind == Covered::Kind::kSignals) out.origin = event.hash(kSlotOrigin);
  if (event.has(kSlotCovers) && event.event() != Event::kSubmitted)
    out.ids = event.hashes(kSlotCovers);
  else
    out.ids = {leaf.chain};
  return out;
}

bool covers(const Leaf& leaf, const ValidEvent& event, const Hash& id) {
  if (kind_of(event) == Covered::Kind::kNothing) return false;
  if (event.event() == Event::kSubmitted || !event.has(kSlotCovers)) return leaf.chain == id;
  const ByteView list = event.bytes(kSlotCovers);
  std::size_t low = 0;
  std::size_t high = list.size() / sizeof(Hash);
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const int order = std::memcmp(&list[middle * sizeof(Hash)], id.data(), sizeof(Hash));
    if (order == 0) return true;
    (order < 0 ? low : high) = order < 0 ? middle + 1 : middle;
  }
  return false;
}

}  // namespace tocsin::protocol
