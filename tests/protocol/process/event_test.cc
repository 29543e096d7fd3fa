#include "protocol/process/event.h"

#include "protocol/process/event_table.h"
#include "tests/protocol/process/sample_events.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

using Slots = std::vector<SlotValue>;

const std::vector<Event> kAll = [] {
  std::vector<Event> out;
  for (const EventSpec& spec : event_table()) out.push_back(spec.event);
  return out;
}();

bool legal(Event event, Slots slots) {
  const auto parsed = ValidEvent::parse(event, std::move(slots));
  if (!parsed) CHECK(parsed.error().rule == "record/schema");
  return parsed.has_value();
}

// The SUBMITTED sample with one slot replaced.
bool submitted_with(SlotValue value) {
  Slots slots = test::sample_slots(Event::kSubmitted);
  for (SlotValue& slot : slots)
    if (slot.slot == value.slot) slot = value;
  return legal(Event::kSubmitted, slots);
}

TEST_CASE("every event parses with all its slots, and every code names its event") {
  for (const Event event : kAll) {
    INFO(event_name(event));
    CHECK(legal(event, test::sample_slots(event)));
    CHECK(event_from_code(static_cast<std::uint16_t>(event)) == event);
  }
  CHECK_FALSE(event_from_code(0x0199));
  CHECK_FALSE(ValidEvent::parse(static_cast<Event>(0x0199), {}));
}

TEST_CASE("a mandatory slot left out is refused and an optional one is not") {
  for (const Event event : kAll) {
    const Slots all = test::sample_slots(event);
    for (const SlotSpec& spec : event_slots(event)) {
      Slots fewer;
      for (const SlotValue& slot : all)
        if (slot.slot != spec.slot) fewer.push_back(slot);
      const bool human_opinion = event == Event::kOpinion && (spec.slot == 8 || spec.slot == 15);
      INFO(event_name(event) << " " << spec.name);
      CHECK(legal(event, fewer) == (!spec.mandatory && !human_opinion));
    }
  }
}

TEST_CASE("an automated opinion needs no attestation") {
  Slots slots = test::sample_slots(Event::kOpinion, false);
  CHECK_FALSE(legal(Event::kOpinion, slots));
  slots[3] = slot_number(3, SlotType::kEnum, 2);
  CHECK(legal(Event::kOpinion, slots));
}

TEST_CASE("unknown slots, wrong types and wrong orders are refused") {
  const Slots good = test::sample_slots(Event::kPublished);
  Slots bad = good;
  bad.push_back(slot_text(16, "x"));
  CHECK_FALSE(legal(Event::kPublished, bad));
  bad = good;
  bad[1].type = static_cast<std::uint16_t>(SlotType::kTime);
  CHECK_FALSE(legal(Event::kPublished, bad));
  bad = good;
  std::swap(bad[0], bad[1]);
  CHECK_FALSE(legal(Event::kPublished, bad));
  bad = good;
  bad.insert(bad.begin(), bad[0]);
  CHECK_FALSE(legal(Event::kPublished, bad));
}

TEST_CASE("a value has one legal encoding") {
  CHECK(submitted_with(slot_number(1, SlotType::kEnum, 6)));
  CHECK_FALSE(submitted_with(slot_number(1, SlotType::kEnum, 0)));
  CHECK_FALSE(submitted_with(slot_number(1, SlotType::kEnum, 7)));
  CHECK_FALSE(submitted_with(slot_bytes(1, SlotType::kEnum, Bytes(8))));
  CHECK_FALSE(submitted_with(slot_number(7, SlotType::kTime, 253'402'300'800'000)));
  CHECK_FALSE(submitted_with(slot_bytes(11, SlotType::kUint, Bytes(7))));
  CHECK_FALSE(submitted_with(slot_bytes(12, SlotType::kHash, Bytes(31))));
  CHECK_FALSE(submitted_with(slot_bytes(6, SlotType::kKeyId, Bytes(9))));
  CHECK_FALSE(submitted_with(slot_bytes(0, SlotType::kIndicator, Bytes(1, 1))));
  CHECK_FALSE(submitted_with(slot_bytes(0, SlotType::kIndicator, Bytes(33, 0))));
}

TEST_CASE("text is UTF-8 without control characters, 1 to 4096 bytes") {
  CHECK(submitted_with(slot_text(3, "violent extremism · é · 漢 · 😀")));
  CHECK(submitted_with(slot_text(3, std::string(4096, 'a'))));
  const std::string bad[] = {"",
                             std::string(4097, 'a'),
                             "a\tb",
                             std::string("a\0b", 3),
                             "\x7f",
                             "\xc2\x80",
                             "\xc0\xaf",
                             "\xe0\x80\xaf",
                             "\xed\xa0\x80",
                             "\xf4\x90\x80\x80",
                             "\xf5\x80\x80\x80",
                             "\x80",
                             "\xc3",
                             "\xe2\x82",
                             "\xff"};
  for (const std::string& text : bad) {
    INFO(text);
    CHECK_FALSE(submitted_with(slot_text(3, text)));
  }
}

TEST_CASE("labels are canonical: sorted, distinct, none empty, at most 32") {
  const auto raw = [](std::string_view bytes) { return slot_bytes(4, SlotType::kLabels, as_view(bytes)); };
  CHECK(
      submitted_with(raw("\x01"
                         "a"
                         "\x02"
                         "ab"
                         "\x01"
                         "b")));
  CHECK_FALSE(submitted_with(raw("")));
  CHECK_FALSE(
      submitted_with(raw("\x01"
                         "b"
                         "\x01"
                         "a")));
  CHECK_FALSE(
      submitted_with(raw("\x01"
                         "a"
                         "\x01"
                         "a")));
  CHECK_FALSE(submitted_with(raw(std::string_view("\0", 1))));
  CHECK_FALSE(
      submitted_with(raw("\x03"
                         "ab")));
  CHECK_FALSE(submitted_with(raw("\x01\n")));
  std::vector<std::string> many;
  for (char c = 0; c < 33; ++c) many.emplace_back(1, static_cast<char>('0' + c));
  CHECK_FALSE(submitted_with(slot_labels(4, many)));
  many.pop_back();
  CHECK(submitted_with(slot_labels(4, many)));
  CHECK(slot_labels(4, {"b", "a", "b"}).value == slot_labels(4, {"a", "b"}).value);
}

TEST_CASE("a hash list is sorted, distinct and between 1 and 2048 long") {
  const auto with = [](SlotValue value) {
    Slots slots = test::sample_slots(Event::kDeclined);
    slots[1] = std::move(value);
    return legal(Event::kDeclined, slots);
  };
  CHECK_FALSE(with(slot_hashes(13, {})));
  Bytes pair(64, 1);
  CHECK_FALSE(with(slot_bytes(13, SlotType::kHashes, pair)));
  pair[63] = 0;
  CHECK_FALSE(with(slot_bytes(13, SlotType::kHashes, pair)));
  pair[63] = 2;
  CHECK(with(slot_bytes(13, SlotType::kHashes, pair)));
  pair.push_back(9);
  CHECK_FALSE(with(slot_bytes(13, SlotType::kHashes, pair)));
  std::vector<Hash> many(kCoversMax + 1);
  for (std::size_t i = 0; i < many.size(); ++i) {
    many[i][0] = static_cast<std::uint8_t>(i >> 8);
    many[i][1] = static_cast<std::uint8_t>(i);
  }
  CHECK_FALSE(with(slot_hashes(13, many)));
  many.pop_back();
  CHECK(with(slot_hashes(13, many)));
}

TEST_CASE("accessors give back what the builders took") {
  const auto event = ValidEvent::parse(Event::kSubmitted, test::sample_slots(Event::kSubmitted));
  REQUIRE(event);
  CHECK(event->number(1) == 1);
  CHECK(event->number(11) == 7);
  CHECK(event->text(3) == "some text, élan");
  CHECK(event->labels(4) == std::vector<std::string>{"gore", "terror"});
  CHECK(event->hash(12) == test::filled(5));
  CHECK(event->key_id(6) == KeyId{4, 4, 4, 4, 4, 4, 4, 4});
  CHECK(event->bytes(0).size() == 33);
  const auto short_form = ValidEvent::parse(Event::kReviewed, test::sample_slots(Event::kReviewed, false));
  REQUIRE(short_form);
  CHECK_FALSE(short_form->has(kSlotCovers));
  CHECK(short_form->hashes(kSlotCovers).empty());
  const auto batch = ValidEvent::parse(Event::kReviewed, test::sample_slots(Event::kReviewed));
  REQUIRE(batch);
  CHECK(batch->hashes(kSlotCovers) == std::vector<Hash>{test::filled(1), test::filled(2)});
}

TEST_CASE("packed slots come back the same, and no cut or reordered packing is accepted") {
  for (const Event event : kAll) {
    const Slots slots = test::sample_slots(event);
    const Bytes packed = pack_slots(slots);
    const auto back = unpack_slots(packed);
    REQUIRE(back);
    CHECK(pack_slots(*back) == packed);
    CHECK(back->size() == slots.size());
    CHECK(legal(event, *back));
  }
  CHECK(unpack_slots({})->empty());
  const Slots two = {slot_text(0, "ab"), slot_text(1, "c")};
  const Bytes packed = pack_slots(two);
  for (std::size_t cut = 1; cut < packed.size(); ++cut) {
    const auto part = unpack_slots(ByteView(packed).first(cut));
    CHECK(part.has_value() == (cut == 9));
  }
  CHECK_FALSE(unpack_slots(pack_slots(Slots{two[1], two[0]})));
  CHECK_FALSE(unpack_slots(pack_slots(Slots{two[0], two[0]})));
  CHECK_FALSE(unpack_slots(pack_slots(Slots{slot_text(32, "x")})));
  CHECK_FALSE(unpack_slots(pack_slots(Slots{{0, kDecoyType, {}}})));
  CHECK_FALSE(unpack_slots(Bytes{0, 0, 3, 0xFF, 0xFF, 0xFF, 0xFF, 1}));
}

}  // namespace
}  // namespace tocsin::protocol
