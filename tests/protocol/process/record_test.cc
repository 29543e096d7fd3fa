#include "protocol/process/record.h"

#include "tests/protocol/process/sample_events.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

using test::filled;

ValidEvent event_of(Event event, bool optional_too) {
  return *ValidEvent::parse(event, test::sample_slots(event, optional_too));
}

TEST_CASE("a record covers its own chain, the chains or signals it lists, or nothing") {
  Leaf leaf;
  leaf.chain = filled(9);
  const auto check = [&](Event event, bool list, Covered::Kind kind, const std::vector<Hash>& ids) {
    INFO(event_name(event));
    const ValidEvent parsed = event_of(event, list);
    const Covered got = covered(leaf, parsed);
    CHECK(got.kind == kind);
    CHECK(got.ids == ids);
    for (const std::uint8_t byte : Bytes{0, 1, 2, 3, 9})
      CHECK(covers(leaf, parsed, filled(byte)) ==
            (std::find(ids.begin(), ids.end(), filled(byte)) != ids.end()));
  };
  const std::vector<Hash> own = {filled(9)};
  const std::vector<Hash> listed = {filled(1), filled(2)};
  for (const Event event : {Event::kSubmitted, Event::kWithdrawn}) {
    check(event, true, Covered::Kind::kChains, own);
    check(event, false, Covered::Kind::kChains, own);
  }
  for (const Event event : {Event::kReviewed, Event::kPublished, Event::kExpired, Event::kRetractionIssued}) {
    check(event, true, Covered::Kind::kChains, listed);
    check(event, false, Covered::Kind::kChains, own);
  }
  for (const Event event : {Event::kReceiverReviewed, Event::kDeclined, Event::kRetractionApplied}) {
    check(event, false, Covered::Kind::kSignals, listed);
    CHECK(covered(leaf, event_of(event, false)).origin == filled(5));
  }
  for (const Event event : {Event::kReceipt, Event::kGenesis, Event::kGroupSet})
    check(event, true, Covered::Kind::kNothing, {});
}

}  // namespace
}  // namespace tocsin::protocol
