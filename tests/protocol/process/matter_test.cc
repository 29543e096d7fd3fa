#include "protocol/process/matter.h"

#include "crypto/hash.h"
#include "protocol/process/clocks.h"
#include "protocol/process/effective.h"
#include "tests/support/catch.h"
#include "tests/support/trial.h"

namespace tocsin::protocol {
namespace {

using namespace test;
using Edit = std::function<void(Slots&)>;

const TestNode& video() {
  static const TestNode node("video.example", 10);
  return node;
}
const TestNode& social() {
  static const TestNode node("social.example", 30);
  return node;
}
const Hash kSignal = crypto::sha256(as_view("a signal of social's"));
const Hash kAppeal = crypto::sha256(as_view("an appeal"));

// Video's ledger, in which it acts on a signal of social's.
struct Desk {
  explicit Desk(std::string_view charter = "prose") : trial(video(), {&video(), &social()}, charter) {
    Slots officer_key = key_slots(officer, 4, trial.next_ms());
    set_slot(officer_key, slot_text(2, "olga"));
    trial.node_event(Event::kKeyAdded, officer_key);
  }
  ~Desk() { CHECK(trial.disagreement().empty()); }

  Trial trial;
  crypto::SigningKey officer = seeded_key(77);
  Whose whose{{kSignal}, social().fingerprint};
  Hash chain = crypto::sha256(as_view("the action's chain"));
  std::uint64_t review_index = 0;
  std::uint64_t action_index = 0;

  std::string say(Event event, Slots slots, const Edit& edit = {}) {
    if (edit) edit(slots);
    return trial.add(event, chain, std::move(slots));
  }
  std::string confirm(const Edit& edit = {}, const crypto::SigningKey& by = video().reviewer) {
    Slots slots = reviewed_slots(by, trial.next_ms());
    set_whose(slots, whose);
    if (edit) edit(slots);
    const std::string rule =
        trial.add(Event::kReceiverReviewed, crypto::sha256(as_view("reviews")), slots, &by);
    review_index = trial.last();
    return rule;
  }
  std::string act(const Edit& edit = {}) {
    const std::string rule =
        say(Event::kActionTaken, action_slots(whose, review_index, trial.next_ms()), edit);
    action_index = trial.last();
    return rule;
  }
  std::string notify(const Edit& edit = {}) {
    return say(Event::kNoticeSent, notice_slots(whose, trial.next_ms()), edit);
  }
  std::string defer(std::uint64_t kind, const Edit& edit = {}) {
    return say(Event::kNoticeDeferred, deferral_slots(whose, kind, trial.next_ms()), edit);
  }
  std::string appeal(const Edit& edit = {}) {
    return say(Event::kAppealReceived, appeal_slots(whose, kAppeal, video().fingerprint, trial.next_ms()),
               edit);
  }
  std::string acknowledge(const Edit& edit = {}) {
    return say(Event::kAppealAcked, acked_slots(whose, kAppeal, trial.next_ms()), edit);
  }
  std::string decide(std::uint64_t outcome, const Edit& edit = {}, const crypto::SigningKey* by = nullptr) {
    const crypto::SigningKey& signer = by != nullptr ? *by : officer;
    Slots slots = decided_slots(whose, kAppeal, outcome, signer, trial.next_ms());
    if (edit) edit(slots);
    return trial.add(Event::kAppealDecided, chain, slots, &signer);
  }
  std::string reinstate() {
    return say(Event::kReinstated, reinstated_slots(whose, action_index, trial.next_ms()));
  }
  std::string report() { return say(Event::kOutcomeReported, reported_slots(whose, trial.next_ms())); }
  v1::Matter matter() {
    const v1::Case& state = trial.foreign(social().fingerprint, kSignal);
    const v1::Matter* found = find_matter(find_receiver(state, video().fingerprint), chain);
    return found == nullptr ? v1::Matter() : *found;
  }
  // The rules of what is late at `now_ms`.
  std::set<std::string> late(std::uint64_t now_ms) {
    std::set<std::string> out;
    for (const Deadline& owed :
         deadlines_of(trial.foreign(social().fingerprint, kSignal), video().fingerprint))
      if (owed.late(now_ms)) out.insert(std::string(clock_rule(owed.clock)));
    return out;
  }
};

Edit number(std::uint8_t slot, SlotType type, std::uint64_t value) {
  return [=](Slots& slots) { set_slot(slots, slot_number(slot, type, value)); };
}

TEST_CASE("an action is taken, told, appealed against, overturned, undone and reported to its origin") {
  Desk desk;
  REQUIRE(desk.confirm().empty());
  REQUIRE(desk.act().empty());
  CHECK(desk.matter().phase() == v1::ACTED);
  REQUIRE(desk.notify().empty());
  CHECK(desk.matter().phase() == v1::NOTICED);
  REQUIRE(desk.say(Event::kStatementFiled, filed_slots(desk.whose, desk.trial.next_ms())).empty());
  REQUIRE(desk.appeal().empty());
  CHECK(desk.matter().phase() == v1::UNDER_APPEAL);
  REQUIRE(desk.acknowledge().empty());
  REQUIRE(desk.decide(2).empty());
  CHECK(desk.matter().phase() == v1::OVERTURNED);
  REQUIRE(desk.reinstate().empty());
  REQUIRE(desk.report().empty());
  CHECK(desk.matter().phase() == v1::REINSTATED);
  CHECK(desk.late(UINT64_MAX).empty());
}

TEST_CASE("an upheld action goes to an out-of-court body, and a court may still end it") {
  Desk desk;
  desk.confirm();
  desk.act();
  desk.notify();
  desk.appeal();
  desk.acknowledge();
  REQUIRE(desk.decide(1).empty());
  CHECK(desk.matter().phase() == v1::UPHELD);
  REQUIRE(
      desk.say(Event::kDisputeReferred, referred_slots(desk.whose, kAppeal, desk.trial.next_ms())).empty());
  CHECK(desk.matter().phase() == v1::IN_DISPUTE);
  REQUIRE(
      desk.say(Event::kDisputeOutcome, outcome_slots(desk.whose, kAppeal, 1, desk.trial.next_ms())).empty());
  CHECK(desk.say(Event::kDisputeOutcome, outcome_slots(desk.whose, kAppeal, 1, desk.trial.next_ms())) ==
        "order");
  REQUIRE(
      desk.say(Event::kCourtOutcome, outcome_slots(desk.whose, kAppeal, 2, desk.trial.next_ms())).empty());
  CHECK(desk.matter().phase() == v1::OVERTURNED);
}

TEST_CASE("R7: an action needs the node's own confirming review, unlapsed, and names it") {
  Desk desk;
  CHECK(desk.act() == "R7");
  desk.chain = crypto::sha256(as_view("second"));
  CHECK(desk.confirm(number(0, SlotType::kEnum, 3)).empty());
  CHECK(desk.act() == "R7");
  desk.chain = crypto::sha256(as_view("third"));
  CHECK(desk.confirm().empty());
  CHECK(desk.act(number(12, SlotType::kUint, desk.review_index + 1)) == "R7");
  desk.chain = crypto::sha256(as_view("fourth"));
  desk.trial.builder().advance_ms(90 * kDayMs);
  CHECK(desk.act() == "R7");
  desk.chain = crypto::sha256(as_view("fifth"));
  CHECK(desk.confirm().empty());
  CHECK(desk.act().empty());
}

TEST_CASE(
    "R7: an emergency lets a node act first, on the signals it was declared for, and review within a day") {
  Desk desk;
  const auto declare = [&](const Hash& signal, const crypto::SigningKey& by) {
    const std::string rule = desk.trial.node_event(
        Event::kEmergencyOverride, {slot_text(0, "an attack is streamed"), slot_hashes(1, {signal}),
                                    slot_number(2, SlotType::kTime, desk.trial.next_ms() + kDayMs),
                                    slot_bytes(8, SlotType::kKeyId, key_id(by.public_key()))});
    desk.review_index = desk.trial.last();
    return rule;
  };
  CHECK(declare(kSignal, seeded_key(99)) == "R16");
  CHECK(desk.act() == "R7");
  CHECK(declare(kAppeal, video().operational).empty());
  desk.chain = crypto::sha256(as_view("second"));
  CHECK(desk.act() == "R7");
  CHECK(declare(kSignal, video().operational).empty());
  desk.chain = crypto::sha256(as_view("third"));
  CHECK(desk.act().empty());
  CHECK(desk.matter().emergency());
  desk.notify();
  CHECK(desk.late(desk.trial.next_ms() + kDayMs) == std::set<std::string>{"R7"});
  CHECK(desk.confirm().empty());
  CHECK(desk.late(UINT64_MAX).empty());
  const std::uint64_t review = desk.review_index;
  CHECK(declare(kSignal, video().operational).empty());
  desk.trial.builder().advance_ms(kDayMs);
  desk.chain = crypto::sha256(as_view("fourth"));
  CHECK(desk.act() == "R7");
  desk.review_index = review;
}

TEST_CASE(
    "R8: an action gets one whole notice of its own statement, or a waiver, or a deferral that ends in one") {
  Desk desk;
  desk.confirm();
  CHECK(desk.notify() == "order");
  desk.chain = crypto::sha256(as_view("second"));
  desk.act();
  CHECK(desk.notify(number(1, SlotType::kUint, 31)) == "R8");
  CHECK(desk.notify([](Slots& s) { set_slot(s, slot_bytes(0, SlotType::kHash, Hash{9})); }) == "R8");
  CHECK(desk.defer(2, number(1, SlotType::kEnum, 1)) == "R8");
  CHECK(desk.defer(1, number(1, SlotType::kEnum, 3)) == "R8");
  CHECK(desk.defer(1).empty());
  CHECK(desk.defer(1).empty());
  CHECK(desk.defer(1) == "R8");
  CHECK(desk.late(desk.trial.next_ms() + 11 * kDayMs) == std::set<std::string>{"R8"});
  CHECK(desk.notify().empty());
  CHECK(desk.notify() == "R8");
  CHECK(desk.defer(2) == "R8");
  CHECK(desk.late(UINT64_MAX).empty());

  Desk late;
  late.confirm();
  late.act();
  CHECK(late.late(late.trial.next_ms() + kDayMs) == std::set<std::string>{"R8"});
  CHECK(late.defer(1).empty());
  late.trial.builder().advance_ms(11 * kDayMs);
  CHECK(late.defer(1) == "R8");
  CHECK(late.defer(2).empty());
  CHECK(late.notify() == "R8");
}

TEST_CASE("R9: a person has six months to complain, or longer where the charter says so") {
  Desk desk("clock complaint-window 200 d");
  desk.confirm();
  desk.act();
  const std::uint64_t now = desk.trial.next_ms();
  CHECK(desk.notify(number(4, SlotType::kTime, now + 199 * kDayMs)) == "R9");
  CHECK(desk.notify(number(4, SlotType::kTime, desk.trial.next_ms() + 201 * kDayMs)).empty());
  Desk shorter("clock complaint-window 10 d");
  shorter.confirm();
  shorter.act();
  CHECK(shorter.notify(number(4, SlotType::kTime, shorter.trial.next_ms() + 182 * kDayMs)) == "R9");
  CHECK(shorter.notify().empty());
}

TEST_CASE("R10: an appeal is decided by a human, an appeals officer who has not reviewed the signal") {
  Desk desk;
  desk.confirm();
  desk.act();
  desk.notify();
  desk.appeal();
  CHECK(desk.decide(2, number(2, SlotType::kEnum, 2)) == "R10");
  CHECK(desk.decide(2, number(9, SlotType::kEnum, 1), &video().second_reviewer) == "R10");
  CHECK(desk.decide(2, {}, &video().second_reviewer) == "R2");
  const crypto::SigningKey stranger = seeded_key(99);
  CHECK(desk.decide(2, {}, &stranger) == "R2");
  CHECK(desk.decide(2, number(11, SlotType::kTime, desk.trial.next_ms() + 1)) == "R17");
  // The reviewer's other hat: another key of the same person.
  const crypto::SigningKey hat = seeded_key(78);
  Slots key = key_slots(hat, 4, desk.trial.next_ms());
  set_slot(key, slot_text(2, "PERSON 2"));
  desk.trial.node_event(Event::kKeyAdded, key);
  CHECK(desk.decide(2, {}, &hat) == "R10");
  CHECK(desk.decide(3).empty());
  CHECK(desk.decide(3) == "order");

  Desk lapsed;
  lapsed.confirm();
  lapsed.act();
  lapsed.appeal();
  lapsed.trial.node_event(
      Event::kKeyRetired,
      {slot_bytes(0, SlotType::kKeyId, key_id(lapsed.officer.public_key())), slot_text(1, "left")});
  CHECK(lapsed.decide(2) == "R2");
}

TEST_CASE("R11: what was overturned is put right within a day, and its origin hears of it") {
  Desk desk;
  desk.confirm();
  desk.act();
  desk.notify();
  CHECK(desk.report() == "R11");
  desk.appeal();
  CHECK(desk.report() == "R11");
  desk.acknowledge();
  CHECK(desk.decide(2).empty());
  CHECK(desk.late(desk.trial.next_ms() + 2 * kDayMs) == std::set<std::string>{"R11"});
  CHECK(desk.say(Event::kReinstated, reinstated_slots(desk.whose, desk.review_index, desk.trial.next_ms())) ==
        "order");
  CHECK(desk.reinstate().empty());
  CHECK(desk.late(desk.trial.next_ms() + 2 * kDayMs) == std::set<std::string>{"R11"});
  CHECK(desk.report().empty());
  CHECK(desk.late(UINT64_MAX).empty());
}

TEST_CASE("R14: nobody acts on a signal after its retraction") {
  Desk desk;
  desk.confirm();
  Slots applied = applied_slots(social(), 1, 4, Hash{4}, desk.trial.next_ms());
  set_whose(applied, desk.whose);
  CHECK(desk.trial.add(Event::kRetractionApplied, crypto::sha256(as_view("answers")), applied).empty());
  CHECK(desk.act() == "R14");
}

TEST_CASE(
    "R20: no deadline lies beyond the charter's clock, and an appeal is acknowledged and decided in time") {
  Desk desk("prose\nclock appeal-decided 7 d\nclock deferral 5 d\nclock out-of-court 90 d");
  desk.confirm();
  desk.act();
  CHECK(desk.defer(1) == "R20");
  CHECK(desk.defer(1, number(2, SlotType::kTime, desk.trial.next_ms() + 4 * kDayMs)).empty());
  CHECK(desk.appeal() == "R20");
  const std::uint64_t now = desk.trial.next_ms();
  CHECK(desk.appeal(number(2, SlotType::kTime, now + 7 * kDayMs + 1)) == "R20");
  CHECK(desk.appeal(number(2, SlotType::kTime, desk.trial.next_ms() + 7 * kDayMs)).empty());
  CHECK(desk.late(desk.trial.next_ms() + 2 * kDayMs) == std::set<std::string>{"R20"});
  CHECK(desk.acknowledge().empty());
  CHECK(desk.late(desk.trial.next_ms() + 2 * kDayMs).empty());
  CHECK(desk.late(desk.trial.next_ms() + 8 * kDayMs) == std::set<std::string>{"R20", "R8"});
  const auto refer = [&](std::uint64_t days) {
    return desk.say(Event::kDisputeReferred, referred_slots(desk.whose, kAppeal, desk.trial.next_ms()),
                    number(2, SlotType::kTime, desk.trial.next_ms() + days * kDayMs));
  };
  CHECK(refer(91) == "R20");
  CHECK(refer(90).empty());
}

TEST_CASE("a matter goes on in its own chain, and in no other order") {
  Desk desk;
  desk.confirm();
  CHECK(desk.appeal() == "order");
  CHECK(desk.acknowledge() == "order");
  CHECK(desk.act() == "order");  // the chain was begun by something else
  desk.chain = crypto::sha256(as_view("second"));
  CHECK(desk.act().empty());
  CHECK(desk.act() == "order");
  CHECK(desk.decide(1) == "order");
  CHECK(desk.appeal().empty());
  CHECK(desk.appeal() == "order");
  CHECK(desk.acknowledge([](Slots& s) { set_slot(s, slot_bytes(0, SlotType::kHash, Hash{1})); }) == "order");
  CHECK(desk.decide(1, [](Slots& s) { set_slot(s, slot_bytes(0, SlotType::kHash, Hash{1})); }) == "order");
  CHECK(desk.acknowledge().empty());
}

TEST_CASE(
    "the origin opens the case of another node's appeal, and a signal whose appeal it lost is shared no "
    "more") {
  Trial trial(social(), {&social(), &video()});
  const crypto::SigningKey officer = seeded_key(77);
  Slots key = key_slots(officer, 4, trial.next_ms());
  set_slot(key, slot_text(2, "olga"));
  trial.node_event(Event::kKeyAdded, key);
  const Hash chain = chain_of(social(), 1);
  const Whose own{{chain}};
  REQUIRE(trial.add(Event::kSubmitted, chain, submitted_slots(social(), 1, trial.next_ms())).empty());
  REQUIRE(trial
              .add(Event::kReviewed, chain, reviewed_slots(social().reviewer, trial.next_ms()),
                   &social().reviewer)
              .empty());
  const std::uint64_t review = trial.last();
  REQUIRE(trial.add(Event::kPublished, chain, published_slots(review, trial.next_ms())).empty());
  const Hash matter = crypto::sha256(as_view("video's appeal"));
  const auto appealed = [&](const Hash& channel) {
    return trial.add(Event::kAppealReceived, matter, appeal_slots(own, kAppeal, channel, trial.next_ms()));
  };
  CHECK(appealed(social().fingerprint) == "order");
  const Hash second = crypto::sha256(as_view("again"));
  CHECK(trial
            .add(Event::kAppealReceived, second,
                 appeal_slots(own, kAppeal, video().fingerprint, trial.next_ms()))
            .empty());
  CHECK(effective(trial.own(chain), social().fingerprint, trial.next_ms()).state == "DISPUTED");
  CHECK(trial.add(Event::kAppealAcked, second, acked_slots(own, kAppeal, trial.next_ms())).empty());
  CHECK(trial
            .add(Event::kAppealDecided, second, decided_slots(own, kAppeal, 2, officer, trial.next_ms()),
                 &officer)
            .empty());
  Slots again = published_slots(review, trial.next_ms());
  set_slot(again, slot_number(7, SlotType::kTime, trial.next_ms() + kDayMs));
  CHECK(trial.add(Event::kPublished, chain, again) == "R12");
  CHECK(trial.disagreement().empty());
  std::set<std::string> late;
  for (const Deadline& owed : deadlines_of(trial.own(chain), social().fingerprint))
    if (owed.late(trial.next_ms() + 3'600'000)) late.insert(std::string(clock_rule(owed.clock)));
  CHECK(late == std::set<std::string>{"R12"});
}

TEST_CASE("what a peer never opened to us is not held against it") {
  Desk desk;
  desk.confirm();
  desk.act();
  desk.notify();
  const auto judged = [&](const std::set<std::uint64_t>& hidden) {
    v1::Case state;
    state.set_signal(to_string(kSignal));
    state.set_issuer(to_string(social().fingerprint));
    const std::function<bool(std::uint64_t)> shown = [&](std::uint64_t i) { return !hidden.contains(i); };
    const FoldContext context{video().fingerprint, desk.trial.registry(), false, false, &shown};
    std::string out;
    for (std::uint64_t i = desk.review_index; i < desk.trial.builder().records().size(); ++i) {
      if (hidden.contains(i)) continue;
      const BuiltRecord& record = desk.trial.builder().records()[i];
      const auto event = ValidEvent::parse(static_cast<Event>(record.leaf.event), record.slots);
      RecordView view{i, record.leaf, desk.trial.builder().hash_of(i), &*event, {}};
      std::copy(record.key_a.begin(), record.key_a.end(), view.key_a.begin());
      const Status taken = take(state, view, context);
      if (!taken) out += taken.error().rule;
    }
    const v1::ReceiverState* entry = find_receiver(state, video().fingerprint);
    const v1::Matter* matter = find_matter(entry, desk.chain);
    return out + (matter == nullptr ? "" : v1::MatterPhase_Name(matter->phase()));
  };
  CHECK(judged({}) == "NOTICED");
  CHECK(judged({desk.review_index}) == "NOTICED");
  CHECK(judged({desk.action_index}) == "UNSEEN");
  CHECK(judged({desk.review_index, desk.action_index}) == "UNSEEN");
}

}  // namespace
}  // namespace tocsin::protocol
