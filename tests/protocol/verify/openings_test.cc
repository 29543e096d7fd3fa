#include "protocol/verify/openings.h"

#include "crypto/base/encoding.h"
#include "protocol/verify/bundle_writer.h"
#include "tests/protocol/verify/audit_fixture.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::protocol {
namespace {

using namespace test;

std::vector<v1::Opening> read_openings(std::string_view file) {
  std::vector<v1::Opening> out;
  while (!file.empty()) {
    const std::size_t length = get_be<std::uint32_t>(as_view(file).data());
    REQUIRE(out.emplace_back().ParseFromString(std::string(file.substr(4, length))));
    file.remove_prefix(4 + length);
  }
  return out;
}

// Somebody who can sign manifests changes what the bundle opens.
std::function<Bytes()> with_openings(std::function<void(CorrectLedger&, std::vector<v1::Opening>&)> edit) {
  return [edit] {
    CorrectLedger ledger = correct_ledger();
    BundleFiles files = ledger.builder.files();
    std::vector<v1::Opening> openings = read_openings(files["openings"]);
    edit(ledger, openings);
    Bytes packed;
    for (const v1::Opening& opening : openings) append_opening(packed, opening);
    files["openings"] = to_string(packed);
    return ledger.builder.pack(files);
  };
}

std::function<Bytes()> with_slots(std::uint64_t SignalPlaces::*place, std::function<void(Slots&)> edit) {
  return with_openings([place, edit](CorrectLedger& ledger, std::vector<v1::Opening>& openings) {
    v1::Opening& opening = openings[ledger.one.*place];
    Slots slots = *unpack_slots(as_view(opening.slots_a()));
    edit(slots);
    opening.set_slots_a(to_string(pack_slots(slots)));
  });
}

std::function<Bytes()> with_file(std::function<void(std::string&)> edit) {
  return [edit] {
    const CorrectLedger ledger = correct_ledger();
    BundleFiles files = ledger.builder.files();
    edit(files["openings"]);
    return ledger.builder.pack(files);
  };
}

constexpr auto kReviewed = &SignalPlaces::reviewed;

const std::vector<Tamper> kTampers = {
    {"a value is changed and its salt kept", 8, "V8.commitment",
     with_slots(kReviewed, [](Slots& s) { set_slot(s, slot_text(1, "4.3")); })},
    {"a value is moved to another slot", 8, "V8.commitment",
     with_slots(kReviewed, [](Slots& s) { s[12].slot = 14; })},
    {"a value is given another type", 8, "V8.commitment",
     with_slots(kReviewed, [](Slots& s) { s[12].type = static_cast<std::uint16_t>(SlotType::kUint); })},
    {"a filled slot is shown as a decoy", 8, "V8.commitment",
     with_slots(kReviewed, [](Slots& s) { drop_slot(s, 1); })},
    {"an empty slot is shown as filled", 8, "V8.commitment",
     with_slots(kReviewed, [](Slots& s) { set_slot(s, slot_text(14, "more")); })},
    {"an opening is used for another record", 8, "V8.commitment", with_openings([](auto& l, auto& o) {
       const std::uint64_t index = l.two.reviewed;
       o[index] = o[l.one.reviewed];
       o[index].set_index(index);
     })},
    {"a class is opened with another key", 8, "V8.commitment",
     with_openings([](auto& l, auto& o) { (*o[l.one.reviewed].mutable_key_a())[0] ^= 1; })},
    {"a closed class has another root", 8, "V8.commitment", with_openings([](auto& l, auto& o) {
       o[l.one.submitted].clear_key_p();
       o[l.one.submitted].clear_slots_p();
       o[l.one.submitted].set_root_p(std::string(32, 'x'));
     })},
    {"a personal value is changed", 8, "V8.commitment",
     with_openings([](auto& l, auto& o) { o[l.one.submitted].mutable_slots_p()->back() ^= 1; })},
    {"a class is open and closed at once", 8, "V8.syntax",
     with_openings([](auto& l, auto& o) { o[l.one.reviewed].set_root_a(std::string(32, 'x')); })},
    {"a closed class has slots", 8, "V8.syntax", with_openings([](auto& l, auto& o) {
       o[l.one.reviewed].clear_key_a();
       o[l.one.reviewed].set_root_a(std::string(32, 'x'));
     })},
    {"a class key is too short", 8, "V8.syntax",
     with_openings([](auto& l, auto& o) { o[l.one.reviewed].mutable_key_a()->pop_back(); })},
    {"a record is opened twice", 8, "V8.order", with_openings([](auto&, auto& o) { o.push_back(o.back()); })},
    {"openings are out of order", 8, "V8.order",
     with_openings([](auto&, auto& o) { std::swap(o[3], o[4]); })},
    {"an opening is for a record that is not there", 8, "V8.index",
     with_openings([](auto&, auto& o) { o.back().set_index(16); })},
    {"an opening's index is as large as can be", 8, "V8.index",
     with_openings([](auto&, auto& o) { o.back().set_index(UINT64_MAX); })},
    {"the openings are cut off", 8, "V8.syntax", with_file([](std::string& f) { f.pop_back(); })},
    {"an opening says that it is huge", 8, "V8.syntax", with_file([](std::string& f) { f[0] = '\x7F'; })},
    {"an opening is in another encoding", 8, "V8.syntax", with_file([](std::string& f) {
       const std::size_t length = get_be<std::uint32_t>(as_view(f).data());
       f.insert(4 + length, std::string("\x78\x01", 2));  // a field that the message does not have
       put_be(reinterpret_cast<std::uint8_t*>(f.data()), static_cast<std::uint32_t>(length + 2));
     })},
    {"a record is marked personal and has no personal field", 8, "V8.flags",
     [] {
       CorrectLedger ledger = correct_ledger();
       ledger.builder.records()[ledger.retracted].leaf.flags = kLeafPersonal;
       return ledger.builder.bundle();
     }},
    {"a record lacks a mandatory slot", 10, "V8.schema",
     [] {
       CorrectLedger ledger = correct_ledger();
       drop_slot(ledger.builder.records()[ledger.retracted].slots, 1);
       ledger.builder.rebuild();
       return ledger.builder.bundle();
     }},
};

}  // namespace

TEST_CASE("an audit catches openings that are not what the leaves committed to") {
  for (const Tamper& tamper : kTampers) check_tamper(tamper, audit_options());
}

TEST_CASE("personal slots may stay closed") {
  CorrectLedger ledger = correct_ledger();
  for (BuiltRecord& record : ledger.builder.records()) record.open_p = false;
  const Audit audit = verify_bundle(ledger.builder.bundle(), audit_options());
  INFO(printed(audit));
  CHECK(audit.report.exit_code() == 0);
}

}  // namespace tocsin::protocol
