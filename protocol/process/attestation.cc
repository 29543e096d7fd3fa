#include "protocol/process/attestation.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/identity/descriptor.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "record/attestation";
constexpr std::string_view kType = "attestation";
constexpr std::size_t kAttested = 15;  // slots 0 to 14

const SlotValue* find(std::span<const SlotValue> slots, std::uint8_t slot, SlotType type) {
  for (const SlotValue& value : slots)
    if (value.slot == slot && value.type == static_cast<std::uint16_t>(type)) return &value;
  return nullptr;
}

// Slots 15 and 16 and on are not decided on: what the row says of slot 15 is not looked at.
Hash digest_of(const ClassCommitments& row) {
  return crypto::sha256({row[0].data(), kAttested * sizeof(Hash)});
}

Result<Bytes> statement(const AttestationContext& context, const Hash& digest,
                        std::span<const SlotValue> slots) {
  const SlotValue* time = find(slots, kSlotReviewedAt, SlotType::kTime);
  if (time == nullptr || time->value.size() != 8)
    return fail(Code::kInvalidArgument, "an attested record says when it was decided", "record/schema");
  Bytes out;
  out.reserve(3 * sizeof(Hash) + 2 + 8);
  append(out, context.issuer);
  append_be(out, static_cast<std::uint16_t>(context.event));
  append(out, context.chain);
  append(out, time->value);
  append(out, digest);
  return out;
}

}  // namespace

Result<Hash> decision_digest(ClassKey key_a, std::span<const SlotValue> slots) {
  const auto end =
      std::find_if(slots.begin(), slots.end(), [](const SlotValue& v) { return v.slot >= kAttested; });
  const auto count = static_cast<std::size_t>(end - slots.begin());
  TRY_ASSIGN(const ClassCommitments row,
             class_commitments(SlotClass::kAccountability, key_a, slots.first(count)));
  return digest_of(row);
}

Result<SlotValue> attest(const AttestationContext& context, ClassKey key_a, std::span<const SlotValue> slots,
                         const crypto::SigningKey& signer) {
  const KeyId id = key_id(signer.public_key());
  const SlotValue* named = find(slots, kSlotReviewer, SlotType::kKeyId);
  if (named == nullptr || !equal(named->value, id))
    return fail(Code::kInvalidArgument, "the record names another key than the one that attests it",
                "record/schema");
  TRY_ASSIGN(const Hash digest, decision_digest(key_a, slots));
  TRY_ASSIGN(const Bytes covered_bytes, statement(context, digest, slots));
  Bytes value = to_bytes(id);
  append(value, signer.sign(kType, covered_bytes));
  return slot_bytes(kSlotAttestation, SlotType::kAttestation, value);
}

namespace {

Status verify_digest(const AttestationContext& context, const Hash& digest, const ValidEvent& event,
                     const crypto::PublicKey& key) {
  if (!event.has(kSlotAttestation)) return fail(Code::kUnauthenticated, "the record is not attested", kRule);
  const ByteView value = event.bytes(kSlotAttestation);
  const KeyId id = key_id(key);
  if (!event.has(kSlotReviewer) || event.key_id(kSlotReviewer) != id || !equal(value.first(id.size()), id))
    return fail(Code::kUnauthenticated, "the attestation is by another key", kRule);
  TRY_ASSIGN(const auto signature, fixed<64>(value.subspan(id.size()), "attestation"));
  TRY_ASSIGN(const Bytes covered_bytes, statement(context, digest, event.slots()));
  if (!crypto::verify(kType, covered_bytes, signature, key))
    return fail(Code::kUnauthenticated, "the attestation does not verify", kRule);
  return {};
}

}  // namespace

Status verify_attestation(const AttestationContext& context, ClassKey key_a, const ValidEvent& event,
                          const crypto::PublicKey& key) {
  TRY_ASSIGN(const Hash digest, decision_digest(key_a, event.slots()));
  return verify_digest(context, digest, event, key);
}

Status verify_attestation(const AttestationContext& context, const ClassCommitments& commitments,
                          const ValidEvent& event, const crypto::PublicKey& key) {
  return verify_digest(context, digest_of(commitments), event, key);
}

}  // namespace tocsin::protocol
