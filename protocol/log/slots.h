#pragma once
// A record's body: 32 salted slot commitments in two classes, of which the leaf holds only the root.
//
// Slots 0–15 are class A (accountability, key K_A), 16–31 class P (personal, key K_P). The commitment of slot
// i is
//   SHA-256("TOCF" || u16 slot || u16 type || u32 len || salt[32] || value),
// its salt bytes 32i … 32i + 31 of the ChaCha20-IETF keystream of the class key under a zero nonce, i
// counting all 32 slots for both classes. An absent slot is a decoy: type 0xFFFF, no value, a real salt; so
// nobody can count what is filled. The 32 commitments are the bottom nodes of a binary tree of merkle.h
// nodes; its root is the body root, its left half class A, its right half class P. Whoever has a class key
// and its values recomputes that half; a closed class costs one hash; one slot opens with its value, its salt
// and five siblings. Errors: kInvalidArgument, rule "log/slots". A wrong opening is kDataLoss. Concurrency:
// pure functions. Source: ledger.md "Body root", SPEC.md; tests/vectors/slots.json.

#include <array>
#include <cstdint>
#include <span>

#include "crypto/base/bytes.h"

namespace tocsin::protocol {

inline constexpr unsigned kSlots = 32;
inline constexpr unsigned kClassSlots = 16;
inline constexpr std::uint16_t kDecoyType = 0xFFFF;
inline constexpr std::size_t kSlotValueBytesMax = std::size_t{256} * 1024;

enum class SlotClass : std::uint8_t { kAccountability = 0, kPersonal = 1 };

struct SlotValue {
  std::uint8_t slot = 0;   // 0..31, counted over both classes
  std::uint16_t type = 0;  // SPEC.md's table; never kDecoyType
  Bytes value;             // at most kSlotValueBytesMax
};

// A class key: 32 bytes, from Secret<32>::expose() or an opening.
using ClassKey = std::span<const std::uint8_t, 32>;
using ClassCommitments = std::array<Hash, kClassSlots>;

SlotClass class_of(std::uint8_t slot);

// Precondition: slot < 32, value at most kSlotValueBytesMax.
Hash commitment(std::uint8_t slot, std::uint16_t type, const Hash& salt, ByteView value);
// All sixteen of a class, decoys included. Values are strictly ascending by slot and of that class.
Result<ClassCommitments> class_commitments(SlotClass slot_class, ClassKey key,
                                           std::span<const SlotValue> values);
Result<Hash> class_root(SlotClass slot_class, ClassKey key, std::span<const SlotValue> values);
Hash class_root(const ClassCommitments& commitments);
Hash body_root(const Hash& accountability_root, const Hash& personal_root);

// One slot opened by itself; a decoy can be opened too, to show that the slot is empty.
struct SlotOpening {
  std::uint8_t slot = 0;
  std::uint16_t type = kDecoyType;
  Bytes value;
  Hash salt{};
  std::array<Hash, 5> siblings{};  // from the commitment's neighbour up to the other class's root
};

// Opens `slot` of the class it belongs to; `other_class_root` stays closed.
Result<SlotOpening> open_slot(std::uint8_t slot, ClassKey key, std::span<const SlotValue> values,
                              const Hash& other_class_root);
// kDataLoss when the opening does not lead to `root`.
Status verify_slot(const SlotOpening& opening, const Hash& root);

}  // namespace tocsin::protocol
