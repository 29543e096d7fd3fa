// Step V8: openings that are not what the leaves committed to, and evidence that is not shown.

#include <algorithm>
#include <stdexcept>

#include "crypto/base/encoding.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/bundle_writer.h"
#include "tests/tamper/ledgers.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::tamper {
namespace {

using namespace protocol;
using namespace test;

using OpeningList = std::vector<v1::Opening>;

OpeningList read_openings(std::string_view file) {
  OpeningList out;
  while (!file.empty()) {
    const std::size_t length = get_be<std::uint32_t>(as_view(file).data());
    if (!out.emplace_back().ParseFromString(std::string(file.substr(4, length))))
      throw std::runtime_error("openings");
    file.remove_prefix(4 + length);
  }
  return out;
}

// Somebody who can sign manifests changes what the bundle opens.
std::function<Sample(Dice&)> with_openings(std::function<void(MadeLedger&, OpeningList&, Dice&)> edit) {
  return [edit](Dice& dice) {
    MadeLedger ledger(dice);
    for (BuiltRecord& record : ledger.records()) record.open_p = true;
    BundleFiles files = ledger.builder.files();
    OpeningList openings = read_openings(files["openings"]);
    edit(ledger, openings, dice);
    Bytes packed;
    for (const v1::Opening& opening : openings) append_opening(packed, opening);
    files["openings"] = to_string(packed);
    return sample_of(ledger.builder.pack(files));
  };
}

// The same for the class-A slots of some review or publication of a shared signal.
std::function<Sample(Dice&)> with_slots(std::function<void(Slots&, Dice&)> edit) {
  return with_openings([edit](MadeLedger& ledger, OpeningList& openings, Dice& dice) {
    const SignalPlaces& at = dice.pick(ledger.shared);
    v1::Opening& opening = openings[dice.coin() ? at.reviewed : at.submitted];
    Slots slots = *unpack_slots(as_view(opening.slots_a()));
    edit(slots, dice);
    opening.set_slots_a(to_string(pack_slots(slots)));
  });
}

std::function<Sample(Dice&)> with_file(std::function<void(std::string&, Dice&)> edit) {
  return [edit](Dice& dice) {
    MadeLedger ledger(dice);
    BundleFiles files = ledger.builder.files();
    edit(files["openings"], dice);
    return sample_of(ledger.builder.pack(files));
  };
}

std::function<Sample(Dice&)> committed(std::function<void(MadeLedger&, Dice&)> edit) {
  return [edit](Dice& dice) {
    MadeLedger ledger(dice);
    for (BuiltRecord& record : ledger.records()) record.open_p = true;
    edit(ledger, dice);
    return sample_of(ledger);
  };
}

v1::Opening& some_opening(MadeLedger& ledger, OpeningList& openings, Dice& dice) {
  return openings[dice.pick(ledger.shared).submitted];
}

std::vector<TamperClass> value_classes() {
  return {
      {"a value changed with its salt kept", 8, "V8.commitment", {}, with_slots([](Slots& slots, Dice& dice) {
         Bytes& value = dice.pick(slots).value;
         value[dice.below(value.size())] ^= 1;
       })},
      {"a value moved to another slot", 8, "V8.commitment", {}, with_slots([](Slots& slots, Dice& dice) {
         const bool up = slots.back().slot < 15 && dice.coin();
         if (up)
           slots.back().slot = 15;
         else
           std::swap(slots[1].value, slots[5].value);
       })},
      {"a value given another type", 8, "V8.commitment", {}, with_slots([](Slots& slots, Dice& dice) {
         SlotValue& value = dice.pick(slots);
         value.type = static_cast<std::uint16_t>(value.type % 13 + 1);
       })},
      {"a filled slot shown as a decoy", 8, "V8.commitment", {}, with_slots([](Slots& slots, Dice& dice) {
         slots.erase(slots.begin() + static_cast<std::ptrdiff_t>(dice.below(slots.size())));
       })},
      {"an empty slot shown as filled",
       8,
       "V8.commitment",
       {},
       with_openings([](MadeLedger& ledger, OpeningList& openings, Dice& dice) {
         v1::Opening& opening = openings[dice.pick(ledger.shared).published];
         Slots slots = *unpack_slots(as_view(opening.slots_a()));
         set_slot(slots, slot_text(static_cast<std::uint8_t>(dice.between(8, 15)), "more"));
         opening.set_slots_a(to_string(pack_slots(slots)));
       })},
      {"an opening used for another record",
       8,
       "V8.commitment",
       {},
       with_openings([](MadeLedger& ledger, OpeningList& o, Dice& dice) {
         const SignalPlaces& at = dice.pick(ledger.shared);
         const std::uint64_t from = dice.coin() ? at.reviewed : at.published;
         o[at.submitted] = o[from];
         o[at.submitted].set_index(at.submitted);
       })},
      {"a class opened with another key",
       8,
       "V8.commitment",
       {},
       with_openings([](MadeLedger& ledger, OpeningList& o, Dice& dice) {
         v1::Opening& opening = some_opening(ledger, o, dice);
         (*(dice.coin() ? opening.mutable_key_a() : opening.mutable_key_p()))[dice.below(32)] ^= 1;
       })},
      {"a closed class of another root",
       8,
       "V8.commitment",
       {},
       with_openings([](MadeLedger& ledger, OpeningList& o, Dice& dice) {
         v1::Opening& opening = some_opening(ledger, o, dice);
         opening.clear_key_p();
         opening.clear_slots_p();
         opening.set_root_p(std::string(32, static_cast<char>(dice.between(1, 99))));
       })},
      {"a personal value changed",
       8,
       "V8.commitment",
       {},
       with_openings([](MadeLedger& ledger, OpeningList& o, Dice& dice) {
         some_opening(ledger, o, dice).mutable_slots_p()->back() ^= 1;
       })},
  };
}

std::vector<TamperClass> syntax_classes() {
  return {
      {"a class open and closed at once",
       8,
       "V8.syntax",
       {},
       with_openings([](MadeLedger& ledger, OpeningList& o, Dice& dice) {
         some_opening(ledger, o, dice).set_root_a(std::string(32, 'x'));
       })},
      {"a closed class with slots",
       8,
       "V8.syntax",
       {},
       with_openings([](MadeLedger& ledger, OpeningList& o, Dice& dice) {
         v1::Opening& opening = some_opening(ledger, o, dice);
         opening.clear_key_a();
         opening.set_root_a(std::string(32, 'x'));
       })},
      {"a class key of another length",
       8,
       "V8.syntax",
       {},
       with_openings([](MadeLedger& ledger, OpeningList& o, Dice& dice) {
         std::string& key = *some_opening(ledger, o, dice).mutable_key_a();
         if (dice.coin())
           key.pop_back();
         else
           key += 'x';
       })},
      {"an opening in another encoding", 8, "V8.syntax", {}, with_file([](std::string& file, Dice& dice) {
         const std::size_t length = get_be<std::uint32_t>(as_view(file).data());
         const std::string more = dice.coin() ? std::string("\x78\x01", 2) : std::string("\x08\x00", 2);
         file.insert(4 + length, more);  // a field that the message does not have, or one that is empty
         put_be(reinterpret_cast<std::uint8_t*>(file.data()),
                static_cast<std::uint32_t>(length + more.size()));
       })},
      {"openings cut off", 8, "V8.syntax", {}, with_file([](std::string& file, Dice& dice) {
         file.resize(file.size() - dice.between(1, 30));
       })},
      {"an opening that claims to be huge", 8, "V8.syntax", {}, with_file([](std::string& file, Dice& dice) {
         file[0] = static_cast<char>(dice.between(1, 255));
       })},
      {"a record opened twice", 8, "V8.order", {}, with_openings([](MadeLedger&, OpeningList& o, Dice& dice) {
         const std::size_t at = dice.below(o.size());
         const v1::Opening again = o[at];
         o.insert(o.begin() + static_cast<std::ptrdiff_t>(at), again);
       })},
      {"openings out of order", 8, "V8.order", {}, with_openings([](MadeLedger&, OpeningList& o, Dice& dice) {
         const std::size_t at = dice.below(o.size() - 1);
         std::swap(o[at], o[at + 1]);
       })},
      {"an opening of a record that is not there",
       8,
       "V8.index",
       {},
       with_openings([](MadeLedger& ledger, OpeningList& o, Dice& dice) {
         o.back().set_index(dice.coin() ? ledger.size() + dice.below(99) : UINT64_MAX - dice.below(99));
       })},
  };
}

std::vector<TamperClass> shown_classes() {
  return {
      {"a record marked personal that has nothing personal",
       8,
       "V8.flags",
       {},
       committed([](MadeLedger& ledger, Dice& dice) {
         ledger.records()[dice.pick(ledger.retractions)].leaf.flags = protocol::kLeafPersonal;
       })},
      {"a record with something personal that is not marked",
       8,
       "V8.flags",
       {},
       committed([](MadeLedger& ledger, Dice& dice) {
         ledger.records()[dice.pick(ledger.shared).submitted].leaf.flags = 0;
       })},
      {"a record without a mandatory slot",
       10,
       "V8.schema",
       {},
       committed([](MadeLedger& ledger, Dice& dice) {
         drop_slot(ledger.records()[dice.pick(ledger.retractions)].slots,
                   static_cast<std::uint8_t>(dice.below(4)));
         ledger.builder.rebuild();
       })},
      {"a record with an illegal value", 10, "V8.schema", {}, committed([](MadeLedger& ledger, Dice& dice) {
         Slots& slots = ledger.records()[dice.pick(ledger.shared).submitted].slots;
         switch (dice.below(5)) {
           case 0:
             set_slot(slots, slot_number(1, SlotType::kEnum, 7));
             break;
           case 1:
             set_slot(slots, slot_number(2, SlotType::kEnum, 0));
             break;
           case 2:
             set_slot(slots, slot_text(3, "a\tb"));
             break;
           case 3:
             set_slot(slots, slot_bytes(12, SlotType::kHash, Bytes(31)));
             break;
           default:
             set_slot(slots, slot_number(7, SlotType::kTime, 253'402'300'800'000));
             break;
         }
         ledger.builder.rebuild();
       })},
      {"an opening withheld, or said to be erased",
       7,
       "V8.withheld",
       {},
       committed([](MadeLedger& ledger, Dice& dice) {
         BuiltRecord& record = dice.pick(ledger.records());
         (dice.turn(2) == 0 ? record.open_a : record.withheld) ^= true;
       }),
       {},
       2},
  };
}

}  // namespace

std::vector<TamperClass> opening_classes() {
  std::vector<TamperClass> out = value_classes();
  for (auto* more : {syntax_classes, shown_classes})
    for (TamperClass& one : more()) out.push_back(std::move(one));
  return out;
}

}  // namespace tocsin::tamper
