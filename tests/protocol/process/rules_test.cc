#include "protocol/process/rules.h"

#include "tests/protocol/process/sample_ledger.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

using test::Change;
using test::filled;
using test::kDay;
using test::kHour;
using test::put;
using test::SampleLedger;

const Bytes kIndicator(33, 1);
const Hash kGroup = filled(3);

// One issuer's case, folded record by record.
struct Story {
  SampleLedger ledger{"video.example", 1};
  v1::Case state;
  Hash signal = signal_id(ledger.self(), kIndicator);
  Hash chain = ledger.chain_of(signal);
  std::uint64_t review = 0;

  Story() { ledger.set_group(kGroup, 1, {ledger.self(), filled(7), filled(8)}); }

  // Empty when the record was accepted and folded, else the rule it breaks.
  std::string add(const RecordView& record) {
    const auto judged = judge(state, record, ledger.context());
    if (!judged) {
      CHECK_FALSE(judged.error().message.empty());
      CHECK_FALSE(judged.error().why.empty());
      return judged.error().rule;
    }
    apply(state, record, ledger.context());
    if (record.event->event() == Event::kReviewed) review = record.index;
    return "";
  }
  std::string submit(const Change& change = {}) { return add(ledger.submitted(kIndicator, change)); }
  std::string approve(const Change& change = {}) {
    return add(ledger.reviewed(Event::kReviewed, chain, 1, change));
  }
  std::string publish(const Change& change = {}) {
    return add(ledger.published(chain, kGroup, 1, review, change));
  }
  std::string retract(const Change& change = {}) { return add(ledger.retraction(chain, change)); }
  v1::Phase phase() const { return state.origin().phase(); }
};

Change number(std::uint8_t slot, SlotType type, std::uint64_t value) {
  return [=](std::vector<SlotValue>& slots) { put(slots, slot_number(slot, type, value)); };
}

TEST_CASE("a signal is submitted, reviewed, published and retracted") {
  Story story;
  REQUIRE(story.submit().empty());
  CHECK(story.phase() == v1::DRAFT);
  CHECK(story.state.signal() == to_string(story.signal));
  REQUIRE(story.approve().empty());
  CHECK(story.phase() == v1::SHAREABLE);
  REQUIRE(story.publish().empty());
  CHECK(story.phase() == v1::LIVE);
  REQUIRE(story.retract().empty());
  CHECK(story.phase() == v1::RETRACTING);
  CHECK(story.state.origin().recipients_size() == 2);
}

TEST_CASE("R1: nothing is published without an approving, complete, unlapsed review that it names") {
  Story story;
  story.submit();
  CHECK(story.publish() == "due-process/R1");
  CHECK(story.add(story.ledger.reviewed(Event::kReviewed, story.chain, 3)).empty());
  CHECK(story.publish() == "due-process/R1");
  CHECK(story.approve(number(6, SlotType::kUint, 15)) == "due-process/R1");
  CHECK(story.approve(number(12, SlotType::kTime, test::kStart)) == "due-process/R1");
  CHECK(story.approve().empty());
  CHECK(story.publish(number(2, SlotType::kUint, story.review + 1)) == "due-process/R1");
  story.ledger.pass(30 * kDay);
  CHECK(story.publish() == "due-process/R1");
  CHECK(story.approve().empty());
  CHECK(story.publish().empty());

  Story rejected;
  rejected.submit();
  CHECK(rejected.add(rejected.ledger.reviewed(Event::kReviewed, rejected.chain, 2)).empty());
  CHECK(rejected.phase() == v1::REJECTED);
  CHECK(rejected.publish() == "due-process/R1");
}

TEST_CASE("R1: a review older than the last amendment does not count") {
  Story story;
  story.submit();
  story.approve();
  story.state.mutable_origin()->set_amended_index(story.review + 1);
  CHECK(story.publish() == "due-process/R1");
  story.state.mutable_origin()->set_amended_index(story.review - 1);
  CHECK(story.publish().empty());
}

TEST_CASE("R1: a batch review covers the chains it lists and no other") {
  Story story;
  story.submit();
  const auto batch = [&](const Hash& listed) {
    return story.ledger.reviewed(Event::kReviewed, filled(0xBB), 1, [&](auto& s) {
      put(s, slot_hashes(13, {listed, filled(0xC1)}));
    });
  };
  CHECK(story.add(batch(filled(0xC2))) == "due-process/order");
  CHECK(story.publish() == "due-process/R1");
  CHECK(story.add(batch(story.chain)).empty());
  CHECK(story.publish().empty());
}

TEST_CASE(
    "R2: the reviewer is another key than the submitter's, a reviewer's, in force, and signed this record") {
  Story story;
  auto& ledger = story.ledger;
  story.submit();
  const auto own = [&](const crypto::SigningKey& signer, const Hash& chain, const Change& change = {}) {
    std::vector<SlotValue> slots = test::sample_slots(Event::kReviewed, false);
    std::erase_if(slots, [](const SlotValue& s) { return s.slot == kSlotAttestation; });
    put(slots, slot_number(6, SlotType::kUint, 31));
    put(slots, slot_number(11, SlotType::kTime, ledger.now()));
    put(slots, slot_number(12, SlotType::kTime, ledger.now() + kDay));
    put(slots, slot_bytes(8, SlotType::kKeyId, key_id(signer.public_key())));
    if (change) change(slots);
    return ledger.record(Event::kReviewed, chain, slots, &signer);
  };
  CHECK(story.add(own(ledger.submitter(), story.chain)) == "due-process/R2");
  CHECK(story.add(own(test::key_from(99), story.chain)) == "due-process/R2");
  CHECK(story.add(own(ledger.reviewer(), story.chain, number(9, SlotType::kEnum, 2))) == "due-process/R2");
  CHECK(story.add(own(ledger.reviewer(), story.chain, number(11, SlotType::kTime, ledger.now() + 1))) ==
        "due-process/R17");

  RecordView replayed = own(ledger.reviewer(), filled(0xDD));
  replayed.leaf.chain = story.chain;
  CHECK(story.add(replayed) == "due-process/R2");
  RecordView other_key = own(ledger.reviewer(), story.chain);
  other_key.key_a = filled(1);
  CHECK(story.add(other_key) == "due-process/R2");

  Story two_hats;  // the reviewer's own submission
  CHECK(two_hats
            .submit([&](auto& s) {
              put(s, slot_bytes(6, SlotType::kKeyId, key_id(two_hats.ledger.reviewer().public_key())));
            })
            .empty());
  CHECK(two_hats.approve() == "due-process/R2");

  // One person with two keys, one of them spelt in capitals.
  const auto second_key = test::key_from(61);
  ledger.add_key(second_key, KeyRole::kReviewer, "SAM");
  CHECK(story.add(own(second_key, story.chain)) == "due-process/R2");

  ledger.node(Event::kKeyRetired, [&](auto& s) {
    put(s, slot_bytes(0, SlotType::kKeyId, key_id(ledger.reviewer().public_key())));
  });
  CHECK(story.approve() == "due-process/R2");
  const auto officer = test::key_from(60);
  ledger.add_key(officer, KeyRole::kAppealsOfficer, "olga");
  CHECK(story.add(own(officer, story.chain)) == "due-process/R2");
  CHECK(story.add(own(officer, story.chain, number(9, SlotType::kEnum, 2))).empty());
}

TEST_CASE("R3: a severe category needs a second review by a third person, after the first and unlapsed") {
  Story story;
  const auto third = test::key_from(61);
  story.ledger.add_key(third, KeyRole::kReviewer, "theo");
  story.ledger.node(Event::kCharterVersion, [](auto& s) { put(s, slot_text(3, "severe some text, élan")); });
  const auto second = [&](const crypto::SigningKey& by, unsigned decision = 1) {
    RecordView first = story.ledger.reviewed(Event::kSecondReview, story.chain, decision);
    std::vector<SlotValue> slots(first.event->slots().begin(), first.event->slots().end());
    put(slots, slot_bytes(8, SlotType::kKeyId, key_id(by.public_key())));
    return story.add(story.ledger.record(Event::kSecondReview, story.chain, slots, &by));
  };
  story.submit();
  CHECK(second(third) == "due-process/order");
  story.approve();
  CHECK(story.publish() == "due-process/R3");
  CHECK(second(story.ledger.reviewer()) == "due-process/R3");
  CHECK(second(third).empty());
  story.approve();
  CHECK(story.publish() == "due-process/R3");
  CHECK(second(third).empty());
  CHECK(story.publish().empty());
  Story rejected;
  rejected.submit();
  rejected.approve();
  CHECK(rejected.publish().empty());
}

TEST_CASE("R4: what an authority ordered or referred says so") {
  const auto from = [](std::uint64_t source, std::uint64_t involvement) {
    Story story;
    return story.submit([&](auto& s) {
      put(s, slot_number(1, SlotType::kEnum, source));
      put(s, slot_number(9, SlotType::kEnum, involvement));
    });
  };
  CHECK(from(5, 1) == "due-process/R4");
  CHECK(from(5, 2) == "due-process/R4");
  CHECK(from(5, 3).empty());
  CHECK(from(4, 1) == "due-process/R4");
  CHECK(from(4, 2).empty());
  CHECK(from(1, 3).empty());
}

TEST_CASE("R14: nothing is published while it is restricted, and an amendment asks for a new review") {
  Story story;
  story.submit();
  story.approve();
  story.publish();
  CHECK(story.add(story.ledger.about(Event::kRestricted, story.chain)).empty());
  CHECK(story.publish() == "due-process/R14");
  CHECK(story.add(story.ledger.about(Event::kUnrestricted, story.chain)).empty());
  CHECK(story.publish().empty());
  const auto amend = [&](std::uint64_t supersedes) {
    return story.add(story.ledger.about(Event::kAmended, story.chain, [&](auto& s) {
      put(s, slot_number(1, SlotType::kUint, supersedes));
      put(s, slot_bytes(8, SlotType::kKeyId, key_id(story.ledger.submitter().public_key())));
    }));
  };
  CHECK(amend(story.review) == "due-process/order");
  CHECK(amend(story.state.origin().submitted_index()).empty());
  CHECK(story.phase() == v1::DRAFT);
  CHECK(story.publish() == "due-process/R1");
  CHECK(story.approve().empty());
  CHECK(story.publish().empty());
}

TEST_CASE("R15: nothing is erased under a hold") {
  Story story;
  story.submit();
  const auto hold = [&](std::uint64_t until) {
    return story.add(story.ledger.about(Event::kHoldSet, story.chain, number(1, SlotType::kTime, until)));
  };
  const auto erase = [&] { return story.add(story.ledger.about(Event::kErased, story.chain)); };
  CHECK(erase() == "due-process/order");
  CHECK(hold(test::kStart) == "due-process/R15");
  CHECK(hold(test::kStart + kDay).empty());
  CHECK(story.add(story.ledger.about(Event::kWithdrawn, story.chain)).empty());
  CHECK(erase() == "due-process/R15");
  CHECK(story.add(story.ledger.about(Event::kHoldReleased, story.chain)).empty());
  CHECK(story.add(story.ledger.about(Event::kHoldReleased, story.chain)) == "due-process/order");
  CHECK(hold(test::kStart + kDay).empty());
  story.ledger.pass(kDay);
  CHECK(erase().empty());
  CHECK(story.phase() == v1::ERASED);
}

TEST_CASE("R20: a retraction gives its recipients no more time than the charter") {
  Story story;
  story.submit();
  CHECK(story.retract(number(3, SlotType::kTime, test::kStart + 24 * kHour + 1)) == "due-process/R20");
  CHECK(story.retract(number(3, SlotType::kTime, test::kStart + 24 * kHour)).empty());
}

TEST_CASE("R13: a retraction is complete for its own, and nobody is overdue before the deadline") {
  Story story;
  story.submit();
  story.approve();
  story.publish();
  story.retract();
  const std::uint64_t retraction = story.state.origin().retraction_index();
  const auto overdue = [&](std::uint64_t index) {
    return story.add(
        story.ledger.about(Event::kPropagationOverdue, story.chain, number(1, SlotType::kUint, index)));
  };
  CHECK(overdue(retraction) == "due-process/R13");
  story.ledger.pass(2 * kHour);
  CHECK(overdue(retraction + 1) == "due-process/R13");
  CHECK(overdue(retraction).empty());
  const auto complete = [&](std::uint64_t index) {
    return story.add(
        story.ledger.about(Event::kPropagationComplete, story.chain, number(1, SlotType::kUint, index)));
  };
  CHECK(complete(retraction - 1) == "due-process/R13");
  CHECK(complete(retraction).empty());
  CHECK(story.phase() == v1::RETRACTED);
}

TEST_CASE("R5: a publication names a known group at the epoch in force") {
  Story story;
  story.submit();
  story.approve();
  CHECK(story.publish([](auto& s) { put(s, slot_bytes(0, SlotType::kHash, filled(0xEE))); }) ==
        "due-process/R5");
  CHECK(story.publish(number(1, SlotType::kUint, 2)) == "due-process/R5");
  story.ledger.set_group(kGroup, 2, {filled(7)});
  CHECK(story.publish() == "due-process/R5");
  CHECK(story.publish(number(1, SlotType::kUint, 2)).empty());
}

TEST_CASE("R5: a publication is judged by the groups of its own time, however far the registry has read") {
  Story story;
  story.submit();
  story.approve();
  const RecordView published = story.ledger.published(story.chain, kGroup, 1, story.review);
  story.ledger.set_group(kGroup, 2, {filled(7)});
  CHECK(story.add(published).empty());
}

TEST_CASE("R6: only what a verified checkpoint covers is taken, and a receipt stays within its checkpoint") {
  CHECK(judge_proved(4, 5));
  CHECK(judge_proved(5, 5).error().rule == "due-process/R6");
  SampleLedger ledger("social.example", 30);
  const auto receipt = [&](std::uint64_t from, std::uint64_t to, std::uint64_t size) {
    const auto record = ledger.about(Event::kReceipt, filled(1), [&](auto& s) {
      put(s, slot_number(0, SlotType::kUint, from));
      put(s, slot_number(1, SlotType::kUint, to));
      put(s, slot_number(3, SlotType::kUint, size));
    });
    const auto judged = judge_record(record, ledger.context());
    return judged ? "" : judged.error().rule;
  };
  CHECK(receipt(0, 5, 5).empty());
  CHECK(receipt(0, 6, 5) == "due-process/R6");
  CHECK(receipt(3, 2, 5) == "due-process/R6");
}

TEST_CASE("R13: a retraction names every recipient and is due later; a receipt admits no later match") {
  Story story;
  story.submit();
  story.approve();
  story.publish();
  CHECK(story.retract(number(3, SlotType::kTime, test::kStart - 1)) == "due-process/R13");
  FoldContext complete = story.ledger.context();
  complete.complete = true;
  const auto judged = [&](const std::vector<Hash>& recipients) {
    const auto record = story.ledger.retraction(story.chain, [&](auto& s) {
      put(s, slot_bytes(2, SlotType::kHash, recipient_set_digest(recipients)));
    });
    const auto result = judge(story.state, record, complete);
    return result ? "" : result.error().rule;
  };
  CHECK(judged({filled(7), filled(8)}).empty());
  CHECK(judged({filled(7)}) == "due-process/R13");
  CHECK(judged({filled(7), filled(8), filled(9)}) == "due-process/R13");

  SampleLedger social("social.example", 30);
  const auto applied = [&](std::uint64_t matches, std::uint64_t stopped) {
    const auto record =
        social.receiver(Event::kRetractionApplied, story.ledger.self(), story.signal, [&](auto& s) {
          put(s, slot_number(0, SlotType::kTime, stopped));
          put(s, slot_number(1, SlotType::kUint, matches));
        });
    const auto result = judge(story.state, record, social.context());
    return result ? "" : result.error().rule;
  };
  CHECK(applied(0, social.now()).empty());
  CHECK(applied(1, social.now()) == "due-process/R13");
  CHECK(applied(0, social.now() + 1) == "due-process/R17");
}

TEST_CASE("R14: nothing is published after its retraction, its expiry or its end") {
  Story retracted;
  retracted.submit();
  retracted.approve();
  retracted.publish();
  retracted.retract();
  CHECK(retracted.publish() == "due-process/R14");

  Story expired;
  expired.submit();
  expired.approve();
  const auto over = expired.ledger.about(Event::kExpired, expired.chain);
  CHECK(expired.add(over).empty());
  CHECK(expired.publish() == "due-process/R14");

  Story late;
  late.submit(number(10, SlotType::kTime, test::kStart + 10 * kDay));
  late.approve();
  late.ledger.pass(10 * kDay);
  CHECK(late.publish() == "due-process/R14");
}

TEST_CASE(
    "R16: only the node's own keys submit and retract, and its own chain holds nothing but 05xx records") {
  Story story;
  const Change stranger = [](auto& s) { put(s, slot_bytes(6, SlotType::kKeyId, Bytes(8, 9))); };
  CHECK(story.submit(stranger) == "due-process/R16");
  CHECK(story.submit().empty());
  CHECK(story.retract([](auto& s) { put(s, slot_bytes(8, SlotType::kKeyId, Bytes(8, 9))); }) ==
        "due-process/R16");
  CHECK(story.retract().empty());
  const auto inside = story.ledger.about(Event::kWithdrawn, *story.ledger.registry().node_chain());
  CHECK(judge_record(inside, story.ledger.context()).error().rule == "due-process/R16");
  const auto group = story.ledger.set_group(filled(4), 1, {filled(7)});
  RecordView outside = group;
  outside.leaf.chain = story.chain;
  CHECK(judge_record(outside, story.ledger.context()).error().rule == "due-process/R16");
}

TEST_CASE("R17: time never decreases in a ledger") {
  Leaf leaf;
  leaf.time_ms = 5;
  CHECK(judge_time(4, leaf));
  CHECK(judge_time(5, leaf));
  CHECK(judge_time(6, leaf).error().rule == "due-process/R17");
}

TEST_CASE("R17: a record tells of nothing later than itself") {
  Story story;
  story.submit();
  const auto expired = [&](std::uint64_t at) {
    return judge(story.state,
                 story.ledger.about(Event::kExpired, story.chain, number(1, SlotType::kTime, at)),
                 story.ledger.context());
  };
  CHECK(expired(test::kStart));
  CHECK(expired(test::kStart + 1).error().rule == "due-process/R17");
  SampleLedger social("social.example", 30);
  RecordView opinion = social.opinion(story.ledger.self(), story.signal, 3, filled(1), false);
  CHECK(judge(story.state, opinion, social.context()));
  opinion.leaf.time_ms -= 1;
  CHECK(judge(story.state, opinion, social.context()).error().rule == "due-process/R17");
}

TEST_CASE("R19: a signal has an end within 36 months, and its publication ends no later") {
  const auto until = [](std::uint64_t end) {
    Story story;
    return story.submit(number(10, SlotType::kTime, end));
  };
  CHECK(until(test::kStart + 1).empty());
  CHECK(until(test::kStart) == "due-process/R19");
  CHECK(until(test::kStart + 1096 * kDay).empty());
  CHECK(until(test::kStart + 1096 * kDay + 1) == "due-process/R19");
  Story story;
  story.submit();
  story.approve();
  CHECK(story.publish(number(7, SlotType::kTime, test::kStart + 366 * kDay)) == "due-process/R19");
  CHECK(story.publish(number(7, SlotType::kTime, test::kStart)) == "due-process/R19");
  CHECK(story.publish(number(7, SlotType::kTime, test::kStart + 365 * kDay)).empty());
}

TEST_CASE("a record out of turn, in another ledger or of another signal is refused") {
  Story story;
  CHECK(story.approve() == "due-process/order");
  CHECK(story.retract() == "due-process/order");
  CHECK(story.submit().empty());
  CHECK(story.submit() == "due-process/order");
  CHECK(story.add(story.ledger.reviewed(Event::kReviewed, filled(0xC2), 1)) == "due-process/order");
  CHECK(story.add(story.ledger.about(Event::kWithdrawn, story.chain)).empty());
  CHECK(story.approve() == "due-process/order");
  RecordView wrong = story.ledger.about(Event::kWithdrawn, story.chain);
  wrong.leaf.event = 0x0108;
  CHECK(story.add(wrong) == "due-process/order");

  Story named;
  named.state.set_signal(to_string(filled(1)));
  named.state.set_issuer(to_string(named.ledger.self()));
  CHECK(named.submit() == "due-process/order");
  named.state.set_signal(to_string(named.signal));
  named.state.set_issuer(to_string(filled(2)));
  CHECK(named.submit() == "due-process/order");
}

TEST_CASE("a receiver confirms, declines and closes in its own turn, and may always say what it thinks") {
  Story story;
  story.submit();
  SampleLedger social("social.example", 30);
  const auto say = [&](const RecordView& record) {
    const auto judged = judge(story.state, record, social.context());
    if (judged) apply(story.state, record, social.context());
    return judged ? "" : judged.error().rule;
  };
  const Hash origin = story.ledger.self();
  CHECK(say(social.receiver(Event::kReceiverReviewed, filled(9), story.signal)) == "due-process/order");
  CHECK(say(social.receiver(Event::kReceiverReviewed, origin, filled(9))) == "due-process/order");
  CHECK(say(social.receiver(Event::kReceiverReviewed, origin, story.signal)).empty());
  CHECK(find_receiver(story.state, social.self())->phase() == v1::ACTIONABLE);
  CHECK(say(social.receiver(Event::kDeclined, origin, story.signal)).empty());
  CHECK(say(social.receiver(Event::kReceiverReviewed, origin, story.signal)) == "due-process/order");
  CHECK(say(social.opinion(origin, story.signal, 3, filled(1))).empty());
  CHECK(say(social.receiver(Event::kRetractionApplied, origin, story.signal)).empty());
  CHECK(say(social.receiver(Event::kRetractionApplied, origin, story.signal)) == "due-process/order");
  CHECK(say(social.opinion(origin, story.signal, 1, filled(1), false)).empty());
  CHECK(find_receiver(story.state, social.self())->phase() == v1::CLOSED);
}

TEST_CASE("a human's opinion is attested by a reviewer of the node that gives it") {
  Story story;
  story.submit();
  SampleLedger social("social.example", 30);
  SampleLedger files("files.example", 40);
  const auto record = social.opinion(story.ledger.self(), story.signal, 3, filled(1));
  CHECK(judge(story.state, record, social.context()));
  CHECK(judge(story.state, record, files.context()).error().rule == "due-process/R2");
}

TEST_CASE("every rule in force has a text, by either of its names") {
  for (const char* rule :
       {"R1", "R2", "R5", "R6", "R13", "R14", "R16", "R17", "R18", "R19", "due-process/R1", "order"})
    CHECK_FALSE(rule_text(rule).empty());
  CHECK(rule_text("R99").empty());
  for (const TransitionRow& row : transition_table())
    for (const std::string_view rule : row.rules) CHECK_FALSE(rule_text(rule).empty());
}

}  // namespace
}  // namespace tocsin::protocol
