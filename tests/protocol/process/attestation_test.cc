#include "protocol/process/attestation.h"

#include "crypto/hash.h"
#include "tests/protocol/identity/sample_node.h"
#include "tests/protocol/process/sample_events.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

namespace tocsin::protocol {
namespace {

using test::filled;

std::vector<SlotValue> decision(const crypto::SigningKey& signer) {
  std::vector<SlotValue> slots = test::sample_slots(Event::kReviewed);
  for (SlotValue& slot : slots)
    if (slot.slot == kSlotReviewer)
      slot = slot_bytes(kSlotReviewer, SlotType::kKeyId, key_id(signer.public_key()));
  std::erase_if(slots, [](const SlotValue& s) { return s.slot == kSlotAttestation; });
  return slots;
}

Result<ValidEvent> with(std::vector<SlotValue> slots, SlotValue attestation) {
  const auto at =
      std::find_if(slots.begin(), slots.end(), [](const auto& s) { return s.slot > kSlotAttestation; });
  slots.insert(at, std::move(attestation));
  return ValidEvent::parse(Event::kReviewed, std::move(slots));
}

TEST_CASE("an attestation verifies for its record and for no other issuer, event, chain, key or decision") {
  const auto signer = test::key_from(4);
  const Hash key_a = filled(9);
  const AttestationContext context{filled(1), Event::kReviewed, filled(2)};
  const std::vector<SlotValue> slots = decision(signer);
  const auto slot = attest(context, key_a, slots, signer);
  REQUIRE(slot);
  const auto event = with(slots, *slot);
  REQUIRE(event);
  CHECK(verify_attestation(context, key_a, *event, signer.public_key()));
  CHECK_FALSE(
      verify_attestation({filled(3), context.event, context.chain}, key_a, *event, signer.public_key()));
  CHECK_FALSE(verify_attestation({context.issuer, Event::kReceiverReviewed, context.chain}, key_a, *event,
                                 signer.public_key()));
  CHECK_FALSE(
      verify_attestation({context.issuer, context.event, filled(3)}, key_a, *event, signer.public_key()));
  CHECK_FALSE(verify_attestation(context, filled(8), *event, signer.public_key()));
  CHECK_FALSE(verify_attestation(context, key_a, *event, test::key_from(5).public_key()));
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].slot > 14) continue;
    std::vector<SlotValue> changed = slots;
    changed[i].value.back() ^= 1;
    const auto other = with(changed, *slot);
    if (other) CHECK_FALSE(verify_attestation(context, key_a, *other, signer.public_key()));
  }
}

TEST_CASE("the personal slots do not matter to an attestation, so it outlives their erasure") {
  const auto signer = test::key_from(4);
  const AttestationContext context{filled(1), Event::kReviewed, filled(2)};
  std::vector<SlotValue> slots = decision(signer);
  const auto slot = attest(context, filled(9), slots, signer);
  REQUIRE(slot);
  slots.pop_back();
  const auto event = with(slots, *slot);
  REQUIRE(event);
  CHECK(verify_attestation(context, filled(9), *event, signer.public_key()));
}

TEST_CASE("only the key a record names can attest it") {
  const auto slots = decision(test::key_from(4));
  CHECK_FALSE(attest({filled(1), Event::kReviewed, filled(2)}, filled(9), slots, test::key_from(5)));
}

TEST_CASE("the decision digest is over the commitments of slots 0 to 14") {
  const auto slots = decision(test::key_from(4));
  const std::vector<SlotValue> a(slots.begin(), std::find_if(slots.begin(), slots.end(), [](const auto& s) {
                                   return s.slot >= kSlotAttestation;
                                 }));
  const auto row = class_commitments(SlotClass::kAccountability, filled(9), a);
  REQUIRE(row);
  Bytes joined;
  for (std::size_t i = 0; i < 15; ++i) append(joined, (*row)[i]);
  CHECK(*decision_digest(filled(9), slots) == crypto::sha256(joined));
}

TEST_CASE("an attestation agrees with the published vector, byte for byte") {
  const auto vectors = tocsin::test::own_vectors("process.json");
  const auto& given = vectors.at("attestation");
  const auto signer =
      crypto::SigningKey::from_seed(Secret<32>(tocsin::test::hex_hash(vectors.at("key").at("seed"))));
  const Hash key_a = tocsin::test::hex_hash(given.at("key_a"));
  const auto slots = unpack_slots(tocsin::test::hex_bytes(given.at("slots")));
  REQUIRE(slots);
  CHECK(*decision_digest(key_a, *slots) == tocsin::test::hex_hash(given.at("digest")));
  const AttestationContext context{tocsin::test::hex_hash(vectors.at("key").at("fingerprint")),
                                   Event::kReviewed,
                                   tocsin::test::hex_hash(vectors.at("chains").at("of_signal"))};
  const auto slot = attest(context, key_a, *slots, signer);
  REQUIRE(slot);
  CHECK(slot->value == tocsin::test::hex_bytes(given.at("value")));
}

}  // namespace
}  // namespace tocsin::protocol
