#include "tests/support/ledger_records.h"

#include <algorithm>

#include "crypto/hash.h"
#include "protocol/identity/descriptor.h"
#include "protocol/identity/ids.h"
#include "protocol/verify/scope.h"

namespace tocsin::test {

using namespace protocol;

namespace {

constexpr std::uint64_t kAllContexts = 31;

Bytes indicator_bytes(std::uint8_t number) {
  Bytes out = {1};  // SHA-256
  append(out, crypto::sha256(ByteView(&number, 1)));
  return out;
}

SlotValue uint(std::uint8_t slot, std::uint64_t value) {
  return slot_number(slot, SlotType::kUint, value);
}
SlotValue time_of(std::uint8_t slot, std::uint64_t value) {
  return slot_number(slot, SlotType::kTime, value);
}
SlotValue choice(std::uint8_t slot, std::uint64_t value) {
  return slot_number(slot, SlotType::kEnum, value);
}
SlotValue hash(std::uint8_t slot, const Hash& value) {
  return slot_bytes(slot, SlotType::kHash, value);
}
SlotValue key_of(std::uint8_t slot, const crypto::SigningKey& key) {
  return slot_bytes(slot, SlotType::kKeyId, key_id(key.public_key()));
}

std::vector<Hash> fingerprints(const std::vector<const TestNode*>& nodes) {
  std::vector<Hash> out;
  for (const TestNode* node : nodes) out.push_back(node->fingerprint);
  return out;
}

}  // namespace

void set_slot(Slots& slots, SlotValue value) {
  drop_slot(slots, value.slot);
  const auto at =
      std::find_if(slots.begin(), slots.end(), [&](const SlotValue& slot) { return slot.slot > value.slot; });
  slots.insert(at, std::move(value));
}

void drop_slot(Slots& slots, std::uint8_t slot) {
  std::erase_if(slots, [&](const SlotValue& value) { return value.slot == slot; });
}

const Hash& test_group() {
  static const Hash group = crypto::sha256(as_view("group"));
  return group;
}
const Hash& test_network() {
  static const Hash network = crypto::sha256(as_view("network"));
  return network;
}

Hash signal_of(const TestNode& issuer, std::uint8_t number) {
  return signal_id(issuer.fingerprint, indicator_bytes(number));
}
Hash chain_of(const TestNode& issuer, std::uint8_t number) {
  return signal_chain_id(issuer.chain_key, signal_of(issuer, number));
}
Hash node_chain(const TestNode& node) {
  return node_chain_id(node.chain_key);
}

Slots genesis_slots(const TestNode& node) {
  return {slot_bytes(0, SlotType::kSigned, node.descriptor)};
}

Slots key_slots(const crypto::SigningKey& key, std::uint64_t role, std::uint64_t from_ms) {
  return {slot_bytes(0, SlotType::kKey, key.public_key()), choice(1, role),
          slot_text(2, "person " + std::to_string(role)), time_of(3, from_ms),
          time_of(4, from_ms + 365 * kDayMs)};
}

Slots member_slots(const TestNode& member) {
  return {slot_bytes(0, SlotType::kSigned, member.descriptor), hash(1, test_network()), choice(2, 1)};
}

Slots group_slots(const TestNode& owner, const std::vector<const TestNode*>& members, std::uint64_t epoch) {
  return {hash(0, test_group()), uint(1, epoch), slot_text(2, "everyone"),
          slot_hashes(3, fingerprints(members)), hash(14, owner.fingerprint)};
}

Slots charter_slots(const TestNode& coordinator) {
  return {hash(0, test_network()), slot_text(1, "charter"), uint(2, 1),
          slot_text(3, "What we owe each other."), hash(14, coordinator.fingerprint)};
}

Slots submitted_slots(const TestNode& node, std::uint8_t number, std::uint64_t now_ms) {
  return {slot_bytes(0, SlotType::kIndicator, indicator_bytes(number)),
          choice(1, 1),
          choice(2, 1),
          slot_text(3, "terrorist-content"),
          slot_labels(4, {"propaganda"}),
          slot_text(5, "tocsin/1"),
          key_of(6, node.submitter),
          time_of(7, now_ms - kDayMs),
          slot_text(8, "EU"),
          choice(9, 1),
          time_of(10, now_ms + 180 * kDayMs),
          slot_text(13, "sha256/hex/v1"),
          slot_text(16, "case " + std::to_string(number))};
}

Slots reviewed_slots(const crypto::SigningKey& reviewer, std::uint64_t now_ms) {
  return {choice(0, 1),
          slot_text(1, "4.2"),
          slot_text(2, "2026-01"),
          choice(3, 2),
          slot_text(4, "terms 4.2"),
          slot_text(5, "legitimate interest"),
          uint(6, kAllContexts),
          slot_text(7, "the least that suffices"),
          key_of(8, reviewer),
          choice(9, 1),
          slot_text(10, "en"),
          time_of(11, now_ms),
          time_of(12, now_ms + 90 * kDayMs)};
}

Slots published_slots(std::uint64_t review_index, std::uint64_t now_ms) {
  return {hash(0, test_group()),
          uint(1, 1),
          uint(2, review_index),
          slot_text(3, "matching uploads"),
          choice(4, 3),
          choice(5, 1),
          uint(6, 0),
          time_of(7, now_ms + 60 * kDayMs)};
}

Slots retraction_slots(const TestNode& node, const std::vector<const TestNode*>& recipients,
                       std::uint64_t now_ms) {
  return {choice(0, 1), slot_text(1, "a newsroom's own footage"),
          hash(2, recipient_set_digest(fingerprints(recipients))), time_of(3, now_ms + 3'600'000),
          key_of(8, node.reviewer)};
}

Slots applied_slots(const TestNode& issuer, std::uint8_t number, std::uint64_t index, const Hash& leaf,
                    std::uint64_t now_ms) {
  return {time_of(0, now_ms),
          uint(1, 0),
          uint(2, 1),
          uint(3, 1),
          uint(4, 0),
          uint(5, index),
          hash(6, leaf),
          slot_hashes(13, {signal_of(issuer, number)}),
          hash(14, issuer.fingerprint)};
}

void set_whose(Slots& slots, const Whose& whose) {
  set_slot(slots, slot_hashes(13, whose.ids));
  if (whose.origin) set_slot(slots, hash(14, *whose.origin));
}

namespace {
Slots about(Slots slots, const Whose& whose) {
  set_whose(slots, whose);
  return slots;
}
Hash test_statement() {
  return crypto::sha256(as_view("a statement of reasons"));
}
}  // namespace

Slots action_slots(const Whose& whose, std::uint64_t rests_on, std::uint64_t now_ms) {
  return about(
      {slot_labels(0, {"DECISION_VISIBILITY_CONTENT_REMOVED"}), choice(1, 2), slot_text(2, "terms 4.2"),
       hash(3, test_statement()), choice(4, 12), slot_labels(5, {"CONTENT_TYPE_IMAGE"}),
       slot_labels(6, {"DE", "FR"}), choice(7, 4), time_of(8, now_ms + 365 * kDayMs), choice(9, 1),
       choice(10, 3), time_of(11, now_ms), uint(12, rests_on)},
      whose);
}

Slots notice_slots(const Whose& whose, std::uint64_t now_ms) {
  constexpr std::uint64_t kAllSix = 63;
  return about({hash(0, test_statement()), uint(1, kAllSix), time_of(2, now_ms), choice(3, 1),
                time_of(4, now_ms + 183 * kDayMs)},
               whose);
}

Slots deferral_slots(const Whose& whose, std::uint64_t kind, std::uint64_t now_ms) {
  return about({choice(0, kind), choice(1, kind == 1 ? 2 : 4), time_of(2, now_ms + 10 * kDayMs)}, whose);
}

Slots filed_slots(const Whose& whose, std::uint64_t now_ms) {
  return about({slot_text(0, "puid"), hash(1, test_statement()), time_of(2, now_ms)}, whose);
}

Slots appeal_slots(const Whose& whose, const Hash& appeal, const Hash& channel, std::uint64_t now_ms) {
  return about({hash(0, appeal), time_of(1, now_ms), time_of(2, now_ms + 14 * kDayMs), hash(3, channel),
                choice(4, 1), hash(5, test_statement())},
               whose);
}

Slots acked_slots(const Whose& whose, const Hash& appeal, std::uint64_t now_ms) {
  return about({hash(0, appeal), time_of(1, now_ms)}, whose);
}

Slots decided_slots(const Whose& whose, const Hash& appeal, std::uint64_t outcome,
                    const crypto::SigningKey& officer, std::uint64_t now_ms) {
  return about({hash(0, appeal), choice(1, outcome), choice(2, 1), hash(3, test_statement()),
                slot_text(4, "an out-of-court body, or a court"), key_of(8, officer), choice(9, 2),
                slot_text(10, "en"), time_of(11, now_ms)},
               whose);
}

Slots referred_slots(const Whose& whose, const Hash& appeal, std::uint64_t now_ms) {
  return about(
      {hash(0, appeal), slot_text(1, "a body"), time_of(2, now_ms + 90 * kDayMs), time_of(3, now_ms)}, whose);
}

Slots outcome_slots(const Whose& whose, const Hash& appeal, std::uint64_t outcome, std::uint64_t now_ms) {
  return about({hash(0, appeal), slot_text(1, "a body"), choice(2, outcome), time_of(3, now_ms)}, whose);
}

Slots reinstated_slots(const Whose& whose, std::uint64_t action, std::uint64_t now_ms) {
  return about({time_of(0, now_ms), choice(1, 1), uint(2, action)}, whose);
}

Slots reported_slots(const Whose& whose, std::uint64_t now_ms) {
  return about({time_of(0, now_ms), choice(1, 1)}, whose);
}

Slots disclosed_slots(std::string_view scope, std::uint64_t classes, std::uint64_t records) {
  return {choice(0, 1), choice(1, classes), uint(2, records), hash(3, scope_digest(scope)),
          slot_text(16, "the auditor")};
}

std::uint64_t append_foundation(LedgerBuilder& builder, const TestNode& coordinator,
                                const std::vector<const TestNode*>& members) {
  const TestNode& node = builder.node();
  const Hash chain = node_chain(node);
  builder.append(Event::kGenesis, chain, genesis_slots(node));
  builder.append(Event::kKeyAdded, chain, key_slots(node.submitter, 3, builder.next_ms()));
  builder.append(Event::kKeyAdded, chain, key_slots(node.reviewer, 2, builder.next_ms()));
  builder.append(Event::kKeyAdded, chain, key_slots(node.second_reviewer, 2, builder.next_ms()));
  for (const TestNode* member : members)
    if (member != &node) builder.append(Event::kMemberAdded, chain, member_slots(*member));
  builder.append(Event::kCharterVersion, chain, charter_slots(coordinator));
  builder.append(Event::kDisclosed, chain, disclosed_slots({}, 2, 1'000'000));
  return builder.append(Event::kGroupSet, chain, group_slots(coordinator, members, 1));
}

SignalPlaces append_signal(LedgerBuilder& builder, std::uint8_t number) {
  const TestNode& node = builder.node();
  const Hash chain = chain_of(node, number);
  SignalPlaces places;
  places.submitted =
      builder.append(Event::kSubmitted, chain, submitted_slots(node, number, builder.next_ms()));
  places.reviewed = builder.append_attested(Event::kReviewed, chain,
                                            reviewed_slots(node.reviewer, builder.next_ms()), node.reviewer);
  places.published =
      builder.append(Event::kPublished, chain, published_slots(places.reviewed, builder.next_ms()));
  return places;
}

CorrectLedger::CorrectLedger(const TestNode& issuer, const TestNode& first_peer, const TestNode& second_peer)
    : builder(issuer) {
  group = append_foundation(builder, issuer, {&issuer, &first_peer, &second_peer});
  one = append_signal(builder, 1);
  two = append_signal(builder, 2);
  retracted = builder.append(Event::kRetractionIssued, chain_of(issuer, 2),
                             retraction_slots(issuer, {&first_peer, &second_peer}, builder.next_ms()));
}

}  // namespace tocsin::test
