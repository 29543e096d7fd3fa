#include "protocol/log/slots.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "crypto/salts.h"
#include "protocol/log/merkle.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "log/slots";
constexpr std::size_t kHeaderBytes = 4 + 2 + 2 + 4 + 32;

using Salts = std::array<Hash, kClassSlots>;

Salts class_salts(SlotClass slot_class, ClassKey key) {
  Salts salts;
  crypto::fill_salts(key, slot_class == SlotClass::kPersonal ? kClassSlots : 0, salts);
  return salts;
}

void put_header(std::uint8_t* out, std::uint8_t slot, std::uint16_t type, std::size_t length,
                const Hash& salt) {
  std::memcpy(out, "TOCF", 4);
  put_be(out + 4, static_cast<std::uint16_t>(slot));
  put_be(out + 6, type);
  put_be(out + 8, static_cast<std::uint32_t>(length));
  std::memcpy(out + 12, salt.data(), sizeof(Hash));
}

std::uint8_t first_slot(SlotClass slot_class) {
  return slot_class == SlotClass::kPersonal ? kClassSlots : 0;
}

Status check_values(SlotClass slot_class, std::span<const SlotValue> values) {
  int before = -1;
  for (const SlotValue& value : values) {
    if (value.slot >= kSlots) return fail(Code::kInvalidArgument, "a record has 32 slots", kRule);
    if (class_of(value.slot) != slot_class)
      return fail(Code::kInvalidArgument, "a slot is of the other class", kRule);
    if (value.slot <= before) return fail(Code::kInvalidArgument, "slots are not strictly ascending", kRule);
    if (value.type == kDecoyType) return fail(Code::kInvalidArgument, "a value has the decoys' type", kRule);
    if (value.value.size() > kSlotValueBytesMax)
      return fail(Code::kInvalidArgument, "a slot value is over 256 KiB", kRule);
    before = value.slot;
  }
  return {};
}

// All sixteen are hashed side by side: short values and decoys are one or two blocks each.
ClassCommitments commit(SlotClass slot_class, const Salts& salts, std::span<const SlotValue> values) {
  constexpr std::size_t kOnStack = 4096;
  std::size_t bytes = kClassSlots * kHeaderBytes;
  for (const SlotValue& filled : values) bytes += filled.value.size();
  __attribute__((uninitialized)) FixedBytes<kOnStack> small;  // written below as far as it is read
  Bytes large;
  if (bytes > kOnStack) large.resize(bytes);
  std::uint8_t* at = bytes > kOnStack ? large.data() : small.data();
  std::array<ByteView, kClassSlots> messages;
  auto filled = values.begin();
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    const auto slot = static_cast<std::uint8_t>(first_slot(slot_class) + i);
    const bool here = filled != values.end() && filled->slot == slot;
    const ByteView value = here ? ByteView(filled->value) : ByteView();
    put_header(at, slot, here ? filled->type : kDecoyType, value.size(), salts[i]);
    if (!value.empty()) std::memcpy(at + kHeaderBytes, value.data(), value.size());
    messages[i] = {at, kHeaderBytes + value.size()};
    at += messages[i].size();
    if (here) ++filled;
  }
  ClassCommitments out;
  crypto::sha256_each(messages, out);
  return out;
}

}  // namespace

SlotClass class_of(std::uint8_t slot) {
  return slot < kClassSlots ? SlotClass::kAccountability : SlotClass::kPersonal;
}

Hash commitment(std::uint8_t slot, std::uint16_t type, const Hash& salt, ByteView value) {
  CHECK_INVARIANT(slot < kSlots && value.size() <= kSlotValueBytesMax);
  FixedBytes<kHeaderBytes> head;
  put_header(head.data(), slot, type, value.size(), salt);
  return crypto::sha256_parts({head, value});
}

Result<ClassCommitments> class_commitments(SlotClass slot_class, ClassKey key,
                                           std::span<const SlotValue> values) {
  TRY(check_values(slot_class, values));
  return commit(slot_class, class_salts(slot_class, key), values);
}

Result<Hash> class_root(SlotClass slot_class, ClassKey key, std::span<const SlotValue> values) {
  TRY(check_values(slot_class, values));
  return class_root(commit(slot_class, class_salts(slot_class, key), values));
}

Hash class_root(const ClassCommitments& commitments) {
  __attribute__((uninitialized)) std::array<Hash, kClassSlots / 2> row;  // written by the first row
  crypto::merkle_nodes(commitments, row);
  for (std::size_t width = row.size(); width > 1; width /= 2)
    crypto::merkle_nodes(std::span(row).first(width), std::span(row).first(width / 2));
  return row[0];
}

Hash body_root(const Hash& accountability_root, const Hash& personal_root) {
  return node_hash(accountability_root, personal_root);
}

Result<SlotOpening> open_slot(std::uint8_t slot, ClassKey key, std::span<const SlotValue> values,
                              const Hash& other_class_root) {
  if (slot >= kSlots) return fail(Code::kInvalidArgument, "a record has 32 slots", kRule);
  const SlotClass slot_class = class_of(slot);
  TRY(check_values(slot_class, values));
  const Salts salts = class_salts(slot_class, key);
  ClassCommitments row = commit(slot_class, salts, values);

  SlotOpening opening;
  opening.slot = slot;
  opening.salt = salts[slot % kClassSlots];
  const auto filled =
      std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.slot == slot; });
  if (filled != values.end()) {
    opening.type = filled->type;
    opening.value = filled->value;
  }
  std::size_t at = slot % kClassSlots;
  std::size_t width = kClassSlots;
  for (std::size_t level = 0; level < 4; ++level, at /= 2, width /= 2) {
    opening.siblings[level] = row[at ^ 1];
    crypto::merkle_nodes(std::span(row).first(width), std::span(row).first(width / 2));
  }
  opening.siblings[4] = other_class_root;
  return opening;
}

Status verify_slot(const SlotOpening& opening, const Hash& root) {
  if (opening.slot >= kSlots) return fail(Code::kInvalidArgument, "a record has 32 slots", kRule);
  if (opening.value.size() > kSlotValueBytesMax)
    return fail(Code::kInvalidArgument, "a slot value is over 256 KiB", kRule);
  if (opening.type == kDecoyType && !opening.value.empty())
    return fail(Code::kInvalidArgument, "a decoy has a value", kRule);
  Hash hash = commitment(opening.slot, opening.type, opening.salt, opening.value);
  unsigned at = opening.slot;
  for (const Hash& sibling : opening.siblings) {
    hash = (at & 1) != 0 ? node_hash(sibling, hash) : node_hash(hash, sibling);
    at >>= 1;
  }
  if (hash != root) return fail(Code::kDataLoss, "a slot opening does not lead to the body root", kRule);
  return {};
}

}  // namespace tocsin::protocol
