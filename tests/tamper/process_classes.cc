// Steps V9 to V11: ledgers that are whole and honestly signed, in which a rule of due process was not kept.

#include <algorithm>

#include "protocol/identity/descriptor.h"
#include "protocol/identity/ids.h"
#include "protocol/process/attestation.h"
#include "tests/tamper/ledgers.h"
#include "tocsin/v1/identity.pb.h"

namespace tocsin::tamper {
namespace {

using namespace protocol;
using namespace test;

using Edit = std::function<void(Slots&)>;

// Writes the breach at the end of a correct ledger, about a signal that it does not have yet.
struct Scribe {
  LedgerBuilder& b;
  Dice& dice;
  Hash chain = chain_of(issuer(), 9);

  std::uint64_t submit(const Edit& edit = {}) const {
    Slots slots = submitted_slots(issuer(), 9, b.next_ms());
    if (edit) edit(slots);
    return b.append(Event::kSubmitted, chain, slots);
  }
  std::uint64_t review(const Edit& edit = {}, const crypto::SigningKey& by = issuer().reviewer) const {
    Slots slots = reviewed_slots(by, b.next_ms());
    if (edit) edit(slots);
    return b.append_attested(Event::kReviewed, chain, slots, by);
  }
  std::uint64_t publish(std::uint64_t review_index, const Edit& edit = {}) const {
    Slots slots = published_slots(review_index, b.next_ms());
    if (edit) edit(slots);
    return b.append(Event::kPublished, chain, slots);
  }
  std::uint64_t retract(const Edit& edit = {}) const {
    Slots slots = retraction_slots(issuer(), {&photos(), &chat()}, b.next_ms());
    if (edit) edit(slots);
    return b.append(Event::kRetractionIssued, chain, slots);
  }
  std::uint64_t share() const {
    submit();
    return publish(review());
  }
  std::uint64_t node(Event event, Slots slots) const {
    return b.append(event, node_chain(issuer()), std::move(slots));
  }
};

std::function<Sample(Dice&)> written(std::function<void(const Scribe&)> write) {
  return [write](Dice& dice) {
    MadeLedger ledger(dice);
    ledger.builder.advance_ms(dice.below(kDayMs));
    write(Scribe{ledger.builder, dice});
    return sample_of(ledger);
  };
}

Edit number(std::uint8_t slot, SlotType type, std::uint64_t value) {
  return [=](Slots& slots) { set_slot(slots, slot_number(slot, type, value)); };
}
Edit choice(std::uint8_t slot, std::uint64_t value) {
  return number(slot, SlotType::kEnum, value);
}
Edit time_of(std::uint8_t slot, std::uint64_t value) {
  return number(slot, SlotType::kTime, value);
}
Edit key_of(std::uint8_t slot, const crypto::SigningKey& key) {
  const KeyId id = key_id(key.public_key());
  return [=](Slots& slots) { set_slot(slots, slot_bytes(slot, SlotType::kKeyId, id)); };
}
Slots gone(const crypto::SigningKey& key) {
  return {slot_bytes(0, SlotType::kKeyId, key_id(key.public_key())), slot_text(1, "left")};
}
const crypto::SigningKey& unknown_key(Dice& dice) {
  static const std::vector<crypto::SigningKey> keys = [] {
    std::vector<crypto::SigningKey> out;
    for (std::uint8_t seed = 90; seed < 98; ++seed) out.push_back(seeded_key(seed));
    return out;
  }();
  return keys[dice.below(keys.size())];
}

std::vector<TamperClass> review_classes() {
  return {
      {"published without a review", 10, "V10.rule", "R1",
       written([](const Scribe& s) { s.publish(s.submit() - s.dice.below(3)); })},
      {"published before its review", 10, "V10.rule", "R1", written([](const Scribe& s) {
         s.publish(s.submit() + 2);
         s.review();
       })},
      {"published after its review lapsed", 10, "V10.rule", "R1", written([](const Scribe& s) {
         s.submit();
         const std::uint64_t days = s.dice.between(1, 30);
         const std::uint64_t at = s.review(time_of(12, s.b.next_ms() + days * kDayMs));
         s.b.advance_ms(days * kDayMs + s.dice.below(5) * kDayMs);
         s.publish(at);
       })},
      {"published on a rejection or a question", 10, "V10.rule", "R1", written([](const Scribe& s) {
         s.submit();
         s.publish(s.review(choice(0, s.dice.between(2, 3))));
       })},
      {"published on a superseded review", 10, "V10.rule", "R1", written([](const Scribe& s) {
         s.submit();
         const std::uint64_t first = s.review();
         s.review({}, s.dice.coin() ? issuer().reviewer : issuer().reviewer);
         s.publish(first);
       })},
      {"published on another signal's review", 10, "V10.rule", "R1", written([](const Scribe& s) {
         const SignalPlaces other = append_signal(s.b, 8);
         s.submit();
         s.review();
         s.publish(other.reviewed);
       })},
      {"a review that left out an exclusion", 10, "V10.rule", "R1", written([](const Scribe& s) {
         s.submit();
         s.publish(s.review(number(6, SlotType::kUint, 31U ^ (1U << s.dice.below(5)))));
       })},
      {"a review that lapsed before it was recorded", 10, "V10.rule", "R1", written([](const Scribe& s) {
         s.submit();
         s.review(time_of(12, s.b.next_ms() - s.dice.below(1000)));
       })},
      {"the reviewer is the submitter", 10, "V10.rule", "R2", written([](const Scribe& s) {
         s.submit(key_of(6, issuer().reviewer));
         s.publish(s.review());
       })},
      {"two keys of one person", 10, "V10.rule", "R2", written([](const Scribe& s) {
         const auto& key = unknown_key(s.dice);
         Slots slots = key_slots(key, 3, s.b.next_ms());
         set_slot(slots, slot_text(2, s.dice.coin() ? "person 2" : "PERSON 2"));
         s.node(Event::kKeyAdded, slots);
         s.submit(key_of(6, key));
         s.review();
       })},
      {"published on a review that a question took back",
       10,
       "V10.rule",
       "R1",
       written([](const Scribe& s) {
         s.share();
         const std::uint64_t question = s.review(choice(0, 3));
         s.publish(s.dice.turn(2) == 0 ? question : 0);
       }),
       {},
       2},
      {"a review told of a time after itself", 10, "V10.rule", "R17", written([](const Scribe& s) {
         s.submit();
         s.publish(s.review(time_of(11, s.b.next_ms() + 1 + s.dice.below(kDayMs))));
       })},
      {"a batch published beyond what was reviewed", 10, "V10.rule", "R1", written([](const Scribe& s) {
         s.submit();
         s.b.append(Event::kSubmitted, chain_of(issuer(), 8), submitted_slots(issuer(), 8, s.b.next_ms()));
         std::vector<Hash> both = {s.chain, chain_of(issuer(), 8)};
         FixedBytes<16> id{};
         id[5] = 5;
         const Hash batch = batch_chain_id(issuer().chain_key, id);
         Slots reviewed = reviewed_slots(issuer().reviewer, s.b.next_ms());
         set_slot(reviewed, slot_hashes(13, {both[s.dice.below(2)]}));
         const std::uint64_t at = s.b.append_attested(Event::kReviewed, batch, reviewed, issuer().reviewer);
         Slots published = published_slots(at, s.b.next_ms());
         set_slot(published, slot_hashes(13, both));
         s.b.append(Event::kPublished, batch, published);
       })},
  };
}

std::vector<TamperClass> key_classes() {
  return {
      {"automation holds a reviewer's pen", 10, "V9.key", "R2", written([](const Scribe& s) {
         s.submit();
         s.publish(s.review({}, issuer().submitter));
       })},
      {"a stranger reviews", 10, "V9.key", "R2", written([](const Scribe& s) {
         s.submit();
         s.publish(s.review({}, s.dice.coin() ? chat().reviewer : unknown_key(s.dice)));
       })},
      {"a key used after its retirement", 10, "V9.key", "R2", written([](const Scribe& s) {
         s.submit();
         s.node(Event::kKeyRetired, gone(issuer().reviewer));
         s.publish(s.review());
       })},
      {"a key used after it was compromised", 10, "V9.key", "R2", written([](const Scribe& s) {
         s.submit();
         s.node(Event::kKeyCompromised, gone(issuer().reviewer));
         s.publish(s.review());
       })},
      {"a key not valid then", 10, "V9.key", "R2", written([](const Scribe& s) {
         const auto& key = unknown_key(s.dice);
         Slots slots = key_slots(key, 2, s.b.next_ms() + 100'000);
         s.node(Event::kKeyAdded, slots);
         s.submit();
         s.review({}, key);
       })},
      {"the role claimed is not the key's", 10, "V9.key", "R2", written([](const Scribe& s) {
         s.submit();
         s.publish(s.review(choice(9, 2)));
       })},
      {"a submitter whom nobody added", 10, "V9.key", "R16",
       written([](const Scribe& s) { s.submit(key_of(6, unknown_key(s.dice))); })},
      {"a retraction by a key that nobody added", 10, "V9.key", "R16", written([](const Scribe& s) {
         s.share();
         s.retract(key_of(8, unknown_key(s.dice)));
       })},
      {"an attestation replayed from another signal", 8, "V9.attestation", {}, written([](const Scribe& s) {
         append_signal(s.b, 7);
         append_signal(s.b, 8);
         auto& records = s.b.records();
         const std::size_t last = records.size();
         records[last - 2].slots = records[last - 5].slots;
         records[last - 2].key_a = records[last - 5].key_a;
         s.b.rebuild();
       })},
      {"an attestation replayed from another event", 8, "V9.attestation", {}, written([](const Scribe& s) {
         s.submit();
         const std::uint64_t at =
             s.b.append_attested(Event::kReceiverReviewed, s.chain,
                                 reviewed_slots(issuer().reviewer, s.b.next_ms()), issuer().reviewer);
         s.b.records()[at].leaf.event = static_cast<std::uint16_t>(Event::kReviewed);
         s.b.rebuild();
       })},
      {"an attestation replayed from another origin", 8, "V9.attestation", {}, written([](const Scribe& s) {
         s.submit();
         LedgerBuilder theirs(photos());
         theirs.advance_ms(s.b.next_ms() - theirs.next_ms());
         theirs.append_attested(Event::kReviewed, s.chain,
                                reviewed_slots(issuer().reviewer, theirs.next_ms()), issuer().reviewer);
         const std::uint64_t at = s.review();
         s.b.records()[at].slots = theirs.records()[0].slots;
         s.b.records()[at].key_a = theirs.records()[0].key_a;
         s.b.rebuild();
       })},
      {"an attestation under another key's name", 8, "V9.attestation", {}, written([](const Scribe& s) {
         s.share();
         Slots& slots = s.b.records()[s.b.records().size() - 2].slots;
         for (SlotValue& slot : slots)
           if (slot.slot == kSlotAttestation) slot.value[s.dice.below(8)] ^= 1;
         s.b.rebuild();
       })},
      {"a decision changed after it was attested", 8, "V9.attestation", {}, written([](const Scribe& s) {
         s.share();
         Slots& slots = s.b.records()[s.b.records().size() - 2].slots;
         constexpr std::uint8_t kTexts[] = {1, 2, 4, 5, 7, 10};
         set_slot(slots, slot_text(kTexts[s.dice.below(6)], "another"));
         s.b.rebuild();
       })},
  };
}

std::vector<TamperClass> share_classes() {
  return {
      {"published to a group that nobody set", 10, "V10.rule", "R5", written([](const Scribe& s) {
         s.submit();
         s.publish(s.review(), [&](Slots& slots) {
           set_slot(slots,
                    slot_bytes(0, SlotType::kHash, Hash{static_cast<std::uint8_t>(s.dice.between(1, 99))}));
         });
       })},
      {"published to members of a past epoch", 10, "V10.rule", "R5", written([](const Scribe& s) {
         s.node(Event::kGroupSet, group_slots(issuer(), {&issuer(), &chat()}, s.dice.between(2, 9)));
         s.share();
       })},
      {"a retraction that leaves out a recipient", 10, "V10.rule", "R13", written([](const Scribe& s) {
         s.share();
         const Hash& kept = s.dice.coin() ? photos().fingerprint : chat().fingerprint;
         s.retract([&](Slots& slots) {
           set_slot(slots, slot_bytes(2, SlotType::kHash, recipient_set_digest({kept})));
         });
       })},
      {"a retraction due before it was issued", 10, "V10.rule", "R13", written([](const Scribe& s) {
         s.share();
         s.retract(time_of(3, s.b.next_ms() - 1 - s.dice.below(kDayMs)));
       })},
      {"published after its retraction", 10, "V10.rule", "R14", written([](const Scribe& s) {
         const std::uint64_t at = s.share();
         s.retract();
         s.publish(at - 1);
       })},
      {"published after it expired", 10, "V10.rule", "R14", written([](const Scribe& s) {
         const std::uint64_t at = s.share();
         s.b.append(Event::kExpired, s.chain,
                    {slot_text(0, "end"), slot_number(1, SlotType::kTime, s.b.next_ms())});
         s.publish(at - 1);
       })},
      {"published after its end", 10, "V10.rule", "R14", written([](const Scribe& s) {
         s.submit(time_of(10, s.b.next_ms() + kDayMs));
         const std::uint64_t at = s.review();
         s.b.advance_ms(kDayMs + s.dice.below(3) * kDayMs);
         s.publish(at);
       })},
      {"a signal without an end within three years", 10, "V10.rule", "R19", written([](const Scribe& s) {
         s.submit(time_of(10, s.b.next_ms() + 1096 * kDayMs + 1 + s.dice.below(kDayMs)));
       })},
      {"a signal that ended before it began", 10, "V10.rule", "R19",
       written([](const Scribe& s) { s.submit(time_of(10, s.b.next_ms() - s.dice.below(kDayMs))); })},
      {"a publication that expired before it was made", 10, "V10.rule", "R19", written([](const Scribe& s) {
         s.submit();
         s.publish(s.review(), time_of(7, s.b.next_ms() - s.dice.below(1000)));
       })},
      {"a publication that outlives its signal", 10, "V10.rule", "R19", written([](const Scribe& s) {
         s.submit(time_of(10, s.b.next_ms() + 30 * kDayMs));
         s.publish(s.review(), time_of(7, s.b.next_ms() + 31 * kDayMs + s.dice.below(kDayMs)));
       })},
      {"a review of what nobody submitted", 10, "V10.rule", "order",
       written([](const Scribe& s) { s.review(); })},
      {"a review after a withdrawal", 10, "V10.rule", "order", written([](const Scribe& s) {
         s.submit();
         s.b.append(Event::kWithdrawn, s.chain, {slot_text(0, "a mistake")});
         s.review();
       })},
      {"a signal submitted twice", 10, "V10.rule", "order", written([](const Scribe& s) {
         s.submit();
         s.submit();
       })},
  };
}

// An action of the issuer's on a signal of its own, in a chain of its own, and what may follow.
struct Actor {
  const Scribe& s;
  Whose whose = {{s.chain}};
  Hash chain = batch_chain_id(issuer().chain_key, FixedBytes<16>{9});
  Hash appeal = Hash{4, 2};
  crypto::SigningKey officer = seeded_key(77);
  std::uint64_t action = 0;

  void reviewed() const {
    Slots key = key_slots(officer, 4, s.b.next_ms());
    set_slot(key, slot_text(2, "olga"));
    s.node(Event::kKeyAdded, key);
    s.share();
  }
  std::uint64_t say(Event event, Slots slots, const Edit& edit = {}) const {
    if (edit) edit(slots);
    return s.b.append(event, chain, std::move(slots));
  }
  void act(const Edit& edit = {}) {
    // REVIEWED stands ahead of PUBLISHED, which share() wrote last.
    const std::uint64_t review = s.b.records().size() - 2;
    action = say(Event::kActionTaken, action_slots(whose, review, s.b.next_ms()), edit);
  }
  void notify(const Edit& edit = {}) const {
    say(Event::kNoticeSent, notice_slots(whose, s.b.next_ms()), edit);
  }
  void complain() const {
    say(Event::kAppealReceived, appeal_slots(whose, appeal, issuer().fingerprint, s.b.next_ms()));
  }
  void acknowledge() const { say(Event::kAppealAcked, acked_slots(whose, appeal, s.b.next_ms())); }
  void decide(std::uint64_t outcome, const crypto::SigningKey& by, const Edit& edit = {}) const {
    Slots slots = decided_slots(whose, appeal, outcome, by, s.b.next_ms());
    if (edit) edit(slots);
    s.b.append_attested(Event::kAppealDecided, chain, slots, by);
  }
  // Time goes on, and the ledger shows it.
  void later(std::uint64_t ms) const {
    s.b.advance_ms(ms);
    s.b.append(Event::kSubmitted, chain_of(issuer(), 8), submitted_slots(issuer(), 8, s.b.next_ms()));
  }
};

std::function<Sample(Dice&)> acted(std::function<void(Actor&)> write) {
  return written([write](const Scribe& s) {
    Actor actor{s};
    actor.reviewed();
    write(actor);
  });
}

std::vector<TamperClass> action_classes() {
  return {
      {"an action without a review of its own", 10, "V10.rule", "R7",
       acted([](Actor& a) { a.act(number(12, SlotType::kUint, a.s.b.records().size() - 1)); })},
      {"an action on a review that had lapsed", 10, "V10.rule", "R7", acted([](Actor& a) {
         a.s.b.advance_ms((91 + a.s.dice.below(50)) * kDayMs);
         a.act();
       })},
      {"an action after the retraction", 10, "V10.rule", "R14", acted([](Actor& a) {
         a.s.retract();
         a.act();
       })},
      {"an action that nobody was told of", 10, "V11.clock", "R8", acted([](Actor& a) {
         a.act();
         a.later(2 * kDayMs + a.s.dice.below(kDayMs));
       })},
      {"a deferral that never ends", 10, "V11.clock", "R8", acted([](Actor& a) {
         a.act();
         a.say(Event::kNoticeDeferred, deferral_slots(a.whose, 1, a.s.b.next_ms()));
         a.later(11 * kDayMs + a.s.dice.below(kDayMs));
       })},
      {"a deferral beyond the charter's clock", 10, "V11.due", "R20", acted([](Actor& a) {
         a.act();
         a.say(Event::kNoticeDeferred, deferral_slots(a.whose, 1, a.s.b.next_ms()),
               time_of(2, a.s.b.next_ms() + (43 + a.s.dice.below(30)) * kDayMs));
       })},
      {"a notice that leaves something out", 10, "V10.rule", "R8", acted([](Actor& a) {
         a.act();
         a.notify(number(1, SlotType::kUint, 63U ^ (1U << a.s.dice.below(6))));
       })},
      {"a second notice", 10, "V10.rule", "R8", acted([](Actor& a) {
         a.act();
         a.notify();
         a.notify();
       })},
      {"a notice of another statement of reasons", 10, "V10.rule", "R8", acted([](Actor& a) {
         a.act();
         a.notify([](Slots& slots) { set_slot(slots, slot_bytes(0, SlotType::kHash, Hash{3})); });
       })},
      {"a window to complain that is too short", 10, "V10.rule", "R9", acted([](Actor& a) {
         a.act();
         a.notify(time_of(4, a.s.b.next_ms() + a.s.dice.below(180) * kDayMs));
       })},
      {"an appeal decided by the first reviewer", 10, "V10.rule", "R10", acted([](Actor& a) {
         a.act();
         a.notify();
         a.complain();
         a.acknowledge();
         const crypto::SigningKey hat = seeded_key(78);
         Slots key = key_slots(hat, 4, a.s.b.next_ms());
         set_slot(key, slot_text(2, "person 2"));  // the reviewers' pseudonym
         a.s.node(Event::kKeyAdded, key);
         a.decide(a.s.dice.between(1, 3), hat);
       })},
      {"an appeal decided by a machine", 10, "V10.rule", "R10", acted([](Actor& a) {
         a.act();
         a.notify();
         a.complain();
         a.acknowledge();
         a.decide(a.s.dice.between(1, 3), a.officer, choice(2, 2));
       })},
      {"an appeal decided by a stranger", 10, "V9.key", "R2", acted([](Actor& a) {
         a.act();
         a.notify();
         a.complain();
         a.acknowledge();
         a.decide(a.s.dice.between(1, 3), unknown_key(a.s.dice));
       })},
      {"an appeal that nobody acknowledged", 10, "V11.clock", "R20", acted([](Actor& a) {
         a.act();
         a.notify();
         a.complain();
         a.later(2 * kDayMs);
       })},
      {"an appeal that nobody decided", 10, "V11.clock", "R20", acted([](Actor& a) {
         a.act();
         a.notify();
         a.complain();
         a.acknowledge();
         a.later((15 + a.s.dice.below(50)) * kDayMs);
       })},
      {"what was overturned and not put right", 10, "V11.clock", "R11", acted([](Actor& a) {
         a.act();
         a.notify();
         a.complain();
         a.acknowledge();
         a.decide(2, a.officer);
         a.s.retract();
         a.later(2 * kDayMs);
       })},
      {"a signal that an appeal overturned and nobody retracted", 10, "V11.clock", "R12", acted([](Actor& a) {
         a.act();
         a.notify();
         a.complain();
         a.acknowledge();
         a.decide(2, a.officer);
         a.say(Event::kReinstated, reinstated_slots(a.whose, a.action, a.s.b.next_ms()));
         a.later(a.s.dice.between(1, 20) * 3'600'000);
       })},
      {"an erasure under a hold", 10, "V10.rule", "R15", acted([](Actor& a) {
         a.s.b.append(
             Event::kHoldSet, a.s.chain,
             {slot_number(0, SlotType::kEnum, 1), slot_number(1, SlotType::kTime, a.s.b.next_ms() + kDayMs)});
         a.s.retract();
         a.s.b.append(
             Event::kErased, a.s.chain,
             {slot_text(0, "asked"), slot_number(1, SlotType::kEnum, 1), slot_number(2, SlotType::kUint, 1)});
       })},
      {"a publication while it was restricted", 10, "V10.rule", "R14", acted([](Actor& a) {
         const std::uint64_t review = a.s.b.records().size() - 2;
         a.s.b.append(Event::kRestricted, a.s.chain,
                      {slot_number(0, SlotType::kEnum, 2), slot_text(1, "asked")});
         a.s.publish(review);
       })},
      {"a referral that does not say so", 10, "V10.rule", "R4", acted([](Actor& a) {
         Slots slots = submitted_slots(issuer(), 8, a.s.b.next_ms());
         set_slot(slots, slot_number(1, SlotType::kEnum, a.s.dice.between(4, 5)));
         a.s.b.append(Event::kSubmitted, chain_of(issuer(), 8), slots);
       })},
      {"a severe signal without a second review", 10, "V10.rule", "R3", written([](const Scribe& s) {
         Slots charter = charter_slots(issuer());
         set_slot(charter, slot_number(2, SlotType::kUint, 2));
         set_slot(charter, slot_text(3, "severe terrorist-content"));
         s.node(Event::kCharterVersion, charter);
         s.share();
       })},
  };
}

// A descriptor of the issuer's root key with another operational key.
Bytes descriptor_with(const TestNode& node, const crypto::SigningKey& operational, std::uint64_t sequence) {
  v1::SignedDescriptor in;
  v1::NodeDescriptor body;
  in.ParseFromArray(node.descriptor.data(), static_cast<int>(node.descriptor.size()));
  body.ParseFromString(in.body());
  body.set_operational_key(to_string(operational.public_key()));
  body.set_sequence(sequence);
  return to_bytes(as_view(sign_descriptor(body, node.root)->SerializeAsString()));
}

constexpr std::size_t kUnfollowing = 17;

// 05xx records that what stands before them does not allow.
void unfollowing(const Scribe& s, std::size_t way) {
  const auto& key = unknown_key(s.dice);
  const auto operational = [&](Bytes descriptor) {
    Slots slots = key_slots(key, 1, s.b.next_ms());
    if (!descriptor.empty()) set_slot(slots, slot_bytes(5, SlotType::kSigned, descriptor));
    s.node(Event::kKeyAdded, slots);
  };
  const Hash peer = chat().fingerprint;
  const Slots about_peer = {slot_bytes(0, SlotType::kHash, peer), slot_text(1, "why")};
  Slots slots;
  switch (way) {
    case 0:
      slots = member_slots(chat());
      set_slot(slots, slot_bytes(0, SlotType::kSigned, Bytes(40, 7)));
      s.node(Event::kMemberAdded, slots);
      break;
    case 1:
      s.node(Event::kMemberAdded,
             {slot_bytes(0, SlotType::kSigned, descriptor_with(chat(), chat().operational, 0)),
              slot_bytes(1, SlotType::kHash, test_network()), slot_number(2, SlotType::kEnum, 1)});
      break;
    case 2:
      s.node(Event::kMemberRemoved, {slot_bytes(0, SlotType::kHash, Hash{9}), slot_text(1, "left")});
      break;
    case 3:
      s.node(Event::kCharterVersion, charter_slots(issuer()));
      break;
    case 4:
      s.node(Event::kWitnessPolicy, {slot_text(0, "trust me\n")});
      break;
    case 5:
      s.node(Event::kWitnessPolicy, {slot_text(0, "log " + vkey_text(chat()) + "\nquorum none\n")});
      break;
    case 6:
      s.node(Event::kKeyRetired, gone(issuer().submitter));
      s.node(Event::kKeyRetired, gone(issuer().submitter));
      break;
    case 7:
      s.node(Event::kKeyCompromised, gone(issuer().submitter));
      s.node(Event::kKeyCompromised, gone(issuer().submitter));
      break;
    case 8:
      s.node(Event::kPeerSuspended, about_peer);
      s.node(Event::kPeerSuspended, about_peer);
      break;
    case 9:
      s.node(Event::kPeerResumed, about_peer);
      break;
    case 10:
      slots = key_slots(key, 2, s.b.next_ms());
      set_slot(slots, slot_bytes(0, SlotType::kKey, Hash{1}));
      s.node(Event::kKeyAdded, slots);
      break;
    case 11:
      slots = key_slots(key, 2, s.b.next_ms());
      set_slot(slots, slot_number(4, SlotType::kTime, s.b.next_ms() - s.dice.below(9)));
      s.node(Event::kKeyAdded, slots);
      break;
    case 12:
      operational({});
      break;
    case 13:
      operational(Bytes(50, 3));
      break;
    case 14:
      operational(descriptor_with(chat(), key, 2));
      break;
    case 15:
      operational(descriptor_with(issuer(), chat().operational, 2));
      break;
    default:
      operational(descriptor_with(issuer(), key, 1));
      break;
  }
}

std::vector<TamperClass> node_classes() {
  return {
      {"a second genesis", 10, "V10.rule", "R16",
       written([](const Scribe& s) { s.node(Event::kGenesis, genesis_slots(issuer())); })},
      {"a key added outside the node's chain", 10, "V10.rule", "R16", written([](const Scribe& s) {
         s.b.append(Event::kKeyAdded, s.chain, key_slots(unknown_key(s.dice), 2, s.b.next_ms()));
       })},
      {"a signal in the node's own chain", 10, "V10.rule", "R16", written([](const Scribe& s) {
         s.node(Event::kSubmitted, submitted_slots(issuer(), 9, s.b.next_ms()));
       })},
      {"a key added twice", 10, "V10.rule", "R16", written([](const Scribe& s) {
         s.node(Event::kKeyAdded,
                key_slots(s.dice.coin() ? issuer().reviewer : issuer().operational, 3, s.b.next_ms()));
       })},
      {"a key retired that nobody added", 10, "V10.rule", "R16", written([](const Scribe& s) {
         s.node(s.dice.coin() ? Event::kKeyRetired : Event::kKeyCompromised, gone(unknown_key(s.dice)));
       })},
      {"a group's epoch goes back", 10, "V10.rule", "R16", written([](const Scribe& s) {
         s.node(Event::kGroupSet, group_slots(issuer(), {&issuer()}, s.dice.below(2)));
       })},
      {"a group taken over by another coordinator", 10, "V10.rule", "R16", written([](const Scribe& s) {
         s.node(Event::kGroupSet, group_slots(chat(), {&issuer(), &chat()}, 2));
       })},
      {"evidence of two histories that proves nothing",
       10,
       "V10.rule",
       "R16",
       written([](const Scribe& s) {
         // Against another node than the ledger may have evidence of already.
         const test::TwoHistories other("other.example", 80);
         const auto against = other.descriptor.fingerprint();
         EquivocationProof proof = other.proof(4, 9);
         switch (s.dice.turn(7)) {
           case 0:  // nobody signed that
             proof.second[proof.second.size() - s.dice.between(4, 60)] ^= 1;
             break;
           case 1:  // the same history, grown
             proof = prove_two_sizes(other.head(true, 4), other.head(true, 9), other.tree(true, 4).root,
                                     other.consistency(true, 4, 9));
             break;
           case 2:  // a root of the accuser's own
             proof.root = other.tree(false, 5).root;
             break;
           case 3:  // of somebody else
             s.node(Event::kEquivocationEvidence, equivocation_slots(proof, photos().fingerprint));
             return;
           default:  // twice, or more of what has been proven
             s.node(Event::kEquivocationEvidence, equivocation_slots(proof, against));
             if (s.dice.turn(6) == 5) proof = other.proof(3, 8);
             break;
         }
         s.node(Event::kEquivocationEvidence, equivocation_slots(proof, against));
       }),
       {},
       6},
      {"a second genesis in a chain of its own", 10, "V10.rule", "R16",
       written([](const Scribe& s) { s.b.append(Event::kGenesis, s.chain, genesis_slots(issuer())); })},
      {"a record of keys or members that cannot follow",
       10,
       "V10.rule",
       "R16",
       written([](const Scribe& s) { unfollowing(s, s.dice.turn(kUnfollowing)); }),
       {},
       kUnfollowing},
      {"a ledger without a genesis, or with none that stands",
       8,
       "V10.identity",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         static const TestNode renamed("other.example", 10), rekeyed("video.example", 70);
         switch (dice.turn(4)) {
           case 0:
             ledger.records().erase(ledger.records().begin());
             break;
           case 1:
             set_slot(ledger.records()[0].slots, slot_bytes(0, SlotType::kSigned, Bytes(50, 1)));
             break;
           case 2:
             ledger.records()[0].slots = genesis_slots(renamed);
             break;
           default:
             ledger.records()[0].slots = genesis_slots(rekeyed);
             break;
         }
         ledger.builder.rebuild();
         return sample_of(ledger);
       },
       {},
       4},
      {"a genesis of another ledger",
       8,
       "V10.identity",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         ledger.records()[0].slots = genesis_slots(dice.coin() ? chat() : photos());
         ledger.builder.rebuild();
         return sample_of(ledger);
       }},
  };
}

}  // namespace

std::vector<TamperClass> process_classes() {
  std::vector<TamperClass> out = review_classes();
  for (auto* more : {key_classes, share_classes, action_classes, node_classes})
    for (TamperClass& one : more()) out.push_back(std::move(one));

  return out;
}

}  // namespace tocsin::tamper
