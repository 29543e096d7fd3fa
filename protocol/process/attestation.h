#pragma once
// Attestation: a person's signature over a record's decision slots, made before the record has a place in a
// ledger.
//
// It covers issuer, event, chain, the time of the review and the commitments of slots 0 to 14, so it passes
// for no other record; the signer chooses the record's class-A key and needs no sequencer. It proves which
// key decided, never that a human really looked. Errors: kUnauthenticated, rule "record/attestation";
// kInvalidArgument, rule "record/schema". Concurrency: pure functions. Source: SPEC §4, ledger.md
// "Attestation".

#include "crypto/sign.h"
#include "protocol/process/event.h"

namespace tocsin::protocol {

inline constexpr std::uint8_t kSlotReviewer = 8;     // the key that attests
inline constexpr std::uint8_t kSlotReviewedAt = 11;  // TIME that the attestation covers

struct AttestationContext {
  Hash issuer{};  // fingerprint of the ledger's node
  Event event{};
  Hash chain{};  // the record's own
};

// H(C_0 ‖ … ‖ C_14) of class A under `key_a`; slot 15 and class P do not matter.
Result<Hash> decision_digest(ClassKey key_a, std::span<const SlotValue> slots);

// The value of slot 15 for these slots, which name the signer in slot 8 and the time in slot 11.
Result<SlotValue> attest(const AttestationContext& context, ClassKey key_a, std::span<const SlotValue> slots,
                         const crypto::SigningKey& signer);

// Slot 15 is by `key`, which is the one slot 8 names.
Status verify_attestation(const AttestationContext& context, ClassKey key_a, const ValidEvent& event,
                          const crypto::PublicKey& key);
// For who has just made the commitments of class A from that key and the event's slots.
Status verify_attestation(const AttestationContext& context, const ClassCommitments& commitments,
                          const ValidEvent& event, const crypto::PublicKey& key);

}  // namespace tocsin::protocol
