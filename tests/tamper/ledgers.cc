#include "tests/tamper/ledgers.h"

#include <algorithm>

#include "crypto/hash.h"
#include "protocol/identity/ids.h"

namespace tocsin::tamper {

using namespace protocol;
using namespace test;

const TestNode& issuer() {
  static const TestNode node("video.example", 10);
  return node;
}
const TestNode& photos() {
  static const TestNode node("photos.example", 30);
  return node;
}
const TestNode& chat() {
  static const TestNode node("chat.example", 50);
  return node;
}
std::vector<const TestNode*> everybody() {
  return {&issuer(), &photos(), &chat()};
}

namespace {

std::uint64_t review(LedgerBuilder& builder, std::uint8_t number, std::uint64_t decision,
                     const crypto::SigningKey& by) {
  Slots slots = reviewed_slots(by, builder.next_ms());
  set_slot(slots, slot_number(0, SlotType::kEnum, decision));
  return builder.append_attested(Event::kReviewed, chain_of(issuer(), number), slots, by);
}

std::uint64_t submit(LedgerBuilder& builder, std::uint8_t number) {
  return builder.append(Event::kSubmitted, chain_of(issuer(), number),
                        submitted_slots(issuer(), number, builder.next_ms()));
}

std::uint64_t retract(LedgerBuilder& builder, std::uint8_t number) {
  return builder.append(Event::kRetractionIssued, chain_of(issuer(), number),
                        retraction_slots(issuer(), {&photos(), &chat()}, builder.next_ms()));
}

// A signal that was never shared, at one of the ends it can have.
void append_unshared(LedgerBuilder& builder, std::uint8_t number, Dice& dice) {
  submit(builder, number);
  switch (dice.below(4)) {
    case 0:
      break;
    case 1:
      builder.append(Event::kWithdrawn, chain_of(issuer(), number), {slot_text(0, "a mistake")});
      break;
    case 2:
      review(builder, number, 2, issuer().reviewer);
      break;
    default:
      review(builder, number, 3, issuer().second_reviewer);
      break;
  }
}

void append_batch(LedgerBuilder& builder, std::uint8_t first, std::uint8_t second) {
  submit(builder, first);
  submit(builder, second);
  std::vector<Hash> chains = {chain_of(issuer(), first), chain_of(issuer(), second)};
  std::sort(chains.begin(), chains.end());
  FixedBytes<16> batch{};
  batch[0] = first;
  const Hash chain = batch_chain_id(issuer().chain_key, batch);
  Slots reviewed = reviewed_slots(issuer().reviewer, builder.next_ms());
  set_slot(reviewed, slot_hashes(13, chains));
  const std::uint64_t at = builder.append_attested(Event::kReviewed, chain, reviewed, issuer().reviewer);
  Slots published = published_slots(at, builder.next_ms());
  set_slot(published, slot_hashes(13, chains));
  builder.append(Event::kPublished, chain, published);
}

// An action on one's own signal and what became of it, as far as the dice let it go; its retraction, if it
// came to one.
std::optional<std::uint64_t> append_action(LedgerBuilder& builder, std::uint8_t number, Dice& dice) {
  const SignalPlaces places = append_signal(builder, number);
  const Whose whose{{chain_of(issuer(), number)}};
  FixedBytes<16> id{};
  id[1] = number;
  const Hash chain = batch_chain_id(issuer().chain_key, id);
  const Hash appeal = Hash{number};
  const auto say = [&](Event event, const Slots& slots) { return builder.append(event, chain, slots); };
  const std::uint64_t action =
      say(Event::kActionTaken, action_slots(whose, places.reviewed, builder.next_ms()));
  if (dice.coin()) say(Event::kNoticeDeferred, deferral_slots(whose, 1, builder.next_ms()));
  say(Event::kNoticeSent, notice_slots(whose, builder.next_ms()));
  if (dice.coin()) say(Event::kStatementFiled, filed_slots(whose, builder.next_ms()));
  if (dice.coin()) return std::nullopt;
  const crypto::SigningKey officer = seeded_key(76);
  Slots key = key_slots(officer, 4, builder.next_ms());
  set_slot(key, slot_text(2, "otto " + std::to_string(number)));
  builder.append(Event::kKeyAdded, node_chain(issuer()), key);
  say(Event::kAppealReceived, appeal_slots(whose, appeal, issuer().fingerprint, builder.next_ms()));
  say(Event::kAppealAcked, acked_slots(whose, appeal, builder.next_ms()));
  const std::uint64_t outcome = dice.between(1, 3);
  builder.append_attested(Event::kAppealDecided, chain,
                          decided_slots(whose, appeal, outcome, officer, builder.next_ms()), officer);
  if (outcome == 1) return std::nullopt;
  const std::uint64_t retraction = retract(builder, number);
  say(Event::kReinstated, reinstated_slots(whose, action, builder.next_ms()));
  return retraction;
}

}  // namespace

const test::TwoHistories& liar() {
  static const test::TwoHistories made("liar.example", 60);
  return made;
}

EquivocationProof proof_against_liar(Dice& dice) {
  const std::size_t earlier = dice.between(3, 9);
  if (dice.coin()) return liar().proof(earlier, earlier + dice.between(1, 9));
  return prove_one_size(liar().head(false, earlier), liar().head(true, earlier));
}

MadeLedger::MadeLedger(Dice& dice) : builder(issuer()) {
  append_foundation(builder, issuer(), everybody());
  auto number = static_cast<std::uint8_t>(10 + dice.below(30));
  const auto next = [&] {
    builder.advance_ms(dice.below(100'000));
    number = static_cast<std::uint8_t>(number + 1 + dice.below(5));
    return number;
  };
  const std::size_t signals = dice.between(1, 3);
  for (std::size_t i = 0; i < signals; ++i) {
    if (dice.coin()) append_unshared(builder, next(), dice);
    shared.push_back(append_signal(builder, next()));
    shared_numbers.push_back(number);
    if (i + 1 != signals && dice.coin()) continue;
    if (dice.below(4) == 0)
      builder.append(Event::kExpired, chain_of(issuer(), number),
                     {slot_text(0, "end"), slot_number(1, SlotType::kTime, builder.next_ms())});
    retractions.push_back(retract(builder, number));
    retracted_numbers.push_back(number);
  }
  if (dice.below(3) == 0) append_batch(builder, next(), next());
  if (dice.below(3) == 0) {
    if (const auto retraction = append_action(builder, next(), dice)) {
      retractions.push_back(*retraction);
      retracted_numbers.push_back(number);
    }
  }
  if (dice.below(3) == 0)
    builder.append(Event::kKeyRetired, node_chain(issuer()),
                   {slot_bytes(0, SlotType::kKeyId, key_id(issuer().second_reviewer.public_key())),
                    slot_text(1, "left")});
  if (dice.below(3) == 0)
    builder.append(Event::kEquivocationEvidence, node_chain(issuer()),
                   equivocation_slots(proof_against_liar(dice), liar().descriptor.fingerprint()));
  for (BuiltRecord& record : records())
    if (dice.below(4) == 0) record.open_p = false;
}

void add_submissions(MadeLedger& ledger, std::size_t count) {
  LedgerBuilder& builder = ledger.builder;
  for (std::size_t i = 0; i < count; ++i) {
    Slots slots = submitted_slots(issuer(), 0, builder.next_ms());
    Bytes indicator = {1};
    append(indicator, crypto::sha256(as_view("many " + std::to_string(i))));
    set_slot(slots, slot_bytes(0, SlotType::kIndicator, indicator));
    builder.append(Event::kSubmitted,
                   signal_chain_id(issuer().chain_key, signal_id(issuer().fingerprint, indicator)), slots);
  }
}

Sample sample_of(Bytes bundle) {
  Sample out;
  out.bundles.push_back(std::move(bundle));
  out.policy = policy_text(issuer());
  return out;
}

Sample sample_of(MadeLedger& ledger) {
  return sample_of(ledger.builder.bundle());
}

SlotValue* slot_of(BuiltRecord& record, std::uint8_t slot) {
  for (SlotValue& value : record.slots)
    if (value.slot == slot) return &value;
  return nullptr;
}

}  // namespace tocsin::tamper
