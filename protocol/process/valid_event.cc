#include <algorithm>

#include "crypto/base/encoding.h"
#include "protocol/log/text.h"
#include "protocol/process/event.h"

namespace tocsin::protocol {
namespace {

using enum SlotType;

constexpr const char* kRule = "record/schema";
constexpr std::uint64_t kTimeMax = 253'402'300'799'999;  // the last millisecond of year 9999
constexpr std::size_t kTextMax = 4096;
constexpr std::size_t kBytesMax = 4096;
constexpr std::size_t kSignedMax = 8192;
constexpr std::size_t kLabelsMax = 32;

// UTF-8 without control characters, line feeds apart where `lines`; U+0080 to U+009F are the ones of two
// bytes.
bool plain_text(ByteView text, bool lines) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] < 0x20 && !(lines && text[i] == 0x0A)) || text[i] == 0x7F) return false;
    if (text[i] == 0xC2 && i + 1 < text.size() && text[i + 1] < 0xA0) return false;
  }
  return is_utf8(as_text(text));
}

bool ascending_hashes(ByteView value) {
  const std::size_t count = value.size() / sizeof(Hash);
  if (value.size() % sizeof(Hash) != 0 || count == 0 || count > kCoversMax) return false;
  for (std::size_t i = 1; i < count; ++i)
    if (std::memcmp(&value[(i - 1) * sizeof(Hash)], &value[i * sizeof(Hash)], sizeof(Hash)) >= 0)
      return false;
  return true;
}

bool legal_labels(ByteView value, std::span<const std::string_view> words) {
  std::size_t count = 0;
  std::string_view before;
  while (!value.empty()) {
    const std::size_t length = value[0];
    if (length == 0 || value.size() < 1 + length || ++count > kLabelsMax) return false;
    const ByteView label = value.subspan(1, length);
    if (!plain_text(label, false) || as_text(label) <= before) return false;
    if (!words.empty() && std::find(words.begin(), words.end(), as_text(label)) == words.end()) return false;
    before = as_text(label);
    value = value.subspan(1 + length);
  }
  return count > 0;
}

bool legal_value(const SlotSpec& spec, ByteView value) {
  const std::size_t size = value.size();
  switch (spec.type) {
    case kUint:
      return size == 8;
    case kTime:
      return size == 8 && get_be<std::uint64_t>(value.data()) <= kTimeMax;
    case kText:
      return size >= 1 && size <= kTextMax && plain_text(value, true);
    case kBytes:
      return size <= kBytesMax;
    case kHash:
    case kKey:
      return size == 32;
    case kHashes:
      return ascending_hashes(value);
    case kIndicator:
      return size >= 2 && size <= 1 + kTextMax && value[0] != 0;
    case kEnum: {
      if (size != 2) return false;
      const auto number = get_be<std::uint16_t>(value.data());
      return number >= 1 && number <= spec.words.size();
    }
    case kAttestation:
      return size == 8 + 64;
    case kLabels:
      return legal_labels(value, spec.words);
    case kKeyId:
      return size == sizeof(KeyId);
    case kSigned:
      return size >= 1 && size <= kSignedMax;
  }
  return false;
}

tl::unexpected<Error> refuse(Event event, std::string_view what) {
  return fail(Code::kInvalidArgument, std::string(event_name(event)) + ": " + std::string(what), kRule);
}

std::string quoted(const SlotSpec& spec) {
  return "slot " + std::string(spec.name);
}

Status check_mandatory(Event event, std::span<const SlotValue> slots) {
  std::uint32_t present = 0;
  for (const SlotValue& value : slots) present |= std::uint32_t{1} << value.slot;
  for (const SlotSpec& spec : event_slots(event))
    if (spec.mandatory && (present >> spec.slot & 1) == 0) return refuse(event, quoted(spec) + " is missing");
  return {};
}

}  // namespace

Result<ValidEvent> ValidEvent::parse(Event event, std::vector<SlotValue> slots) {
  if (!event_from_code(static_cast<std::uint16_t>(event)))
    return fail(Code::kInvalidArgument, "there is no such event", kRule);
  int before = -1;
  for (const SlotValue& value : slots) {
    if (value.slot <= before) return refuse(event, "slots are not strictly ascending");
    before = value.slot;
    const SlotSpec* slot = find_slot(event, value.slot);
    if (slot == nullptr) return refuse(event, "it has no slot " + std::to_string(value.slot));
    if (value.type != static_cast<std::uint16_t>(slot->type))
      return refuse(event, quoted(*slot) + " is of another type");
    if (!legal_value(*slot, value.value)) return refuse(event, quoted(*slot) + " has an illegal value");
  }
  TRY(check_mandatory(event, slots));
  ValidEvent out;
  out.event_ = event;
  out.slots_ = std::move(slots);
  constexpr std::uint64_t kBasisHuman = 1;
  if (event == Event::kOpinion && out.number(3) == kBasisHuman && !(out.has(8) && out.has(kSlotAttestation)))
    return refuse(event, "a human's opinion needs its author and an attestation");
  if (event == Event::kOpinion && out.has(kSlotAttestation) && !out.has(8))
    return refuse(event, "an attestation needs its author");
  return out;
}

namespace {

const SlotValue* find_value(std::span<const SlotValue> slots, std::uint8_t slot) {
  for (const SlotValue& value : slots)
    if (value.slot == slot) return &value;
  return nullptr;
}

// The value of a slot that the schema gives one of these types; aborts when the record lacks it.
ByteView typed(const ValidEvent& event, std::uint8_t slot, std::initializer_list<SlotType> types) {
  const SlotValue* value = find_value(event.slots(), slot);
  CHECK_INVARIANT(value != nullptr);
  CHECK_INVARIANT(std::find(types.begin(), types.end(), static_cast<SlotType>(value->type)) != types.end());
  return value->value;
}

bool absent(const ValidEvent& event, std::uint8_t slot, SlotType type) {
  const SlotSpec* spec = find_slot(event.event(), slot);
  CHECK_INVARIANT(spec != nullptr && spec->type == type);
  return !event.has(slot);
}

}  // namespace

bool ValidEvent::has(std::uint8_t slot) const {
  return find_value(slots_, slot) != nullptr;
}

std::uint64_t ValidEvent::number(std::uint8_t slot) const {
  const ByteView value = typed(*this, slot, {kUint, kTime, kEnum});
  return value.size() == 2 ? get_be<std::uint16_t>(value.data()) : get_be<std::uint64_t>(value.data());
}

std::string_view ValidEvent::text(std::uint8_t slot) const {
  return as_text(typed(*this, slot, {kText}));
}

ByteView ValidEvent::bytes(std::uint8_t slot) const {
  const SlotValue* value = find_value(slots_, slot);
  CHECK_INVARIANT(value != nullptr);
  return value->value;
}

Hash ValidEvent::hash(std::uint8_t slot) const {
  return *fixed<32>(typed(*this, slot, {SlotType::kHash, kKey}), "hash");
}

KeyId ValidEvent::key_id(std::uint8_t slot) const {
  return *fixed<8>(typed(*this, slot, {kKeyId}), "key id");
}

std::vector<Hash> ValidEvent::hashes(std::uint8_t slot) const {
  if (absent(*this, slot, kHashes)) return {};
  const ByteView value = typed(*this, slot, {kHashes});
  std::vector<Hash> out(value.size() / sizeof(Hash));
  std::memcpy(out.data(), value.data(), value.size());
  return out;
}

std::vector<std::string> ValidEvent::labels(std::uint8_t slot) const {
  if (absent(*this, slot, kLabels)) return {};
  ByteView value = typed(*this, slot, {kLabels});
  std::vector<std::string> out;
  while (!value.empty()) {
    out.push_back(to_string(value.subspan(1, value[0])));
    value = value.subspan(1u + value[0]);
  }
  return out;
}

SlotValue slot_number(std::uint8_t slot, SlotType type, std::uint64_t value) {
  CHECK_INVARIANT(type == kUint || type == kTime || type == kEnum);
  Bytes bytes;
  if (type == kEnum) {
    CHECK_INVARIANT(value <= UINT16_MAX);
    append_be(bytes, static_cast<std::uint16_t>(value));
  } else {
    append_be(bytes, value);
  }
  return {slot, static_cast<std::uint16_t>(type), std::move(bytes)};
}

SlotValue slot_text(std::uint8_t slot, std::string_view text) {
  return slot_bytes(slot, kText, as_view(text));
}

SlotValue slot_bytes(std::uint8_t slot, SlotType type, ByteView value) {
  return {slot, static_cast<std::uint16_t>(type), to_bytes(value)};
}

SlotValue slot_hashes(std::uint8_t slot, std::vector<Hash> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  Bytes bytes;
  bytes.reserve(values.size() * sizeof(Hash));
  for (const Hash& hash : values) append(bytes, hash);
  return {slot, static_cast<std::uint16_t>(kHashes), std::move(bytes)};
}

SlotValue slot_labels(std::uint8_t slot, std::vector<std::string> labels) {
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  Bytes bytes;
  for (const std::string& label : labels) {
    CHECK_INVARIANT(label.size() <= UINT8_MAX);
    bytes.push_back(static_cast<std::uint8_t>(label.size()));
    append(bytes, as_view(label));
  }
  return {slot, static_cast<std::uint16_t>(kLabels), std::move(bytes)};
}

namespace {
constexpr std::size_t kPackedHeader = 1 + 2 + 4;
}

Bytes pack_slots(std::span<const SlotValue> slots) {
  std::size_t size = 0;
  for (const SlotValue& slot : slots) size += kPackedHeader + slot.value.size();
  Bytes out;
  out.reserve(size);
  for (const SlotValue& slot : slots) {
    out.push_back(slot.slot);
    append_be(out, slot.type);
    append_be(out, static_cast<std::uint32_t>(slot.value.size()));
    append(out, slot.value);
  }
  return out;
}

Result<std::vector<SlotValue>> unpack_slots(ByteView packed) {
  std::vector<SlotValue> out;
  out.reserve(kClassSlots);
  int before = -1;
  while (!packed.empty()) {
    if (packed.size() < kPackedHeader) return fail(Code::kInvalidArgument, "a packed slot is cut", kRule);
    SlotValue slot{packed[0], get_be<std::uint16_t>(&packed[1]), {}};
    const auto length = get_be<std::uint32_t>(&packed[3]);
    packed = packed.subspan(kPackedHeader);
    if (slot.slot >= kSlots || slot.slot <= before)
      return fail(Code::kInvalidArgument, "packed slots are not strictly ascending below 32", kRule);
    if (slot.type == kDecoyType)
      return fail(Code::kInvalidArgument, "a packed slot has the decoys' type", kRule);
    if (length > kSlotValueBytesMax || length > packed.size())
      return fail(Code::kInvalidArgument, "a packed slot is cut or too long", kRule);
    before = slot.slot;
    slot.value = to_bytes(packed.first(length));
    packed = packed.subspan(length);
    out.push_back(std::move(slot));
  }
  return out;
}

}  // namespace tocsin::protocol
