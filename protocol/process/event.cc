#include "protocol/process/event.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "protocol/log/text.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "record/schema";
constexpr std::uint64_t kTimeMax = 253'402'300'799'999;  // the last millisecond of year 9999
constexpr std::size_t kTextMax = 4096;
constexpr std::size_t kBytesMax = 4096;
constexpr std::size_t kSignedMax = 8192;
constexpr std::size_t kLabelsMax = 32;

constexpr bool kMust = true;
constexpr bool kMay = false;
using enum SlotType;

constexpr SlotSpec kSubmittedSlots[] = {
    {0, kIndicator, kMust, "indicator"},
    {1, kEnum, kMust, "source", 6},
    {2, kEnum, kMust, "automated_detection", 3},
    {3, kText, kMust, "category"},
    {4, kLabels, kMust, "labels"},
    {5, kText, kMust, "taxonomy"},
    {6, kKeyId, kMust, "submitter"},
    {7, kTime, kMust, "first_seen"},
    {8, kText, kMust, "jurisdiction"},
    {9, kEnum, kMust, "state_involvement", 3},
    {10, kTime, kMust, "valid_until"},
    {11, kUint, kMay, "quality"},
    {12, kHash, kMay, "evidence_digest"},
    {13, kText, kMust, "normaliser_rule"},
    {14, kHash, kMay, "content_group"},
    {16, kText, kMay, "case_reference"},
};

#define TOCSIN_REVIEW_SLOTS                                                                               \
  {0, kEnum, kMust, "decision", 3}, {1, kText, kMust, "clause"}, {2, kText, kMust, "clause_version"},     \
      {3, kEnum, kMust, "ground", 2}, {4, kText, kMust, "ground_reference"},                              \
      {5, kText, kMust, "data_protection_basis"}, {6, kUint, kMust, "context_exclusion"},                 \
      {7, kText, kMust, "proportionality"}, {8, kKeyId, kMust, "reviewer"}, {9, kEnum, kMust, "role", 2}, \
      {10, kText, kMust, "language"}, {11, kTime, kMust, "reviewed_at"}, {                                \
    12, kTime, kMust, "expiry"                                                                            \
  }

constexpr SlotSpec kReviewedSlots[] = {
    TOCSIN_REVIEW_SLOTS,
    {13, kHashes, kMay, "chains"},
    {15, kAttestation, kMust, "attestation"},
    {16, kText, kMay, "facts"},
};
constexpr SlotSpec kReceiverReviewedSlots[] = {
    TOCSIN_REVIEW_SLOTS,          {13, kHashes, kMust, "signals"},
    {14, kHash, kMust, "origin"}, {15, kAttestation, kMust, "attestation"},
    {16, kText, kMay, "facts"},
};
#undef TOCSIN_REVIEW_SLOTS

constexpr SlotSpec kWithdrawnSlots[] = {{0, kText, kMust, "reason"}};
constexpr SlotSpec kExpiredSlots[] = {
    {0, kText, kMust, "policy"},
    {1, kTime, kMust, "expired_at"},
    {13, kHashes, kMay, "chains"},
};
constexpr SlotSpec kPublishedSlots[] = {
    {0, kHash, kMust, "group"},     {1, kUint, kMust, "group_epoch"}, {2, kUint, kMust, "review_index"},
    {3, kText, kMust, "purpose"},   {4, kEnum, kMust, "tlp", 5},      {5, kEnum, kMust, "permitted_use", 2},
    {6, kUint, kMust, "hop_limit"}, {7, kTime, kMust, "expiry"},      {13, kHashes, kMay, "chains"},
};
constexpr SlotSpec kReceiptSlots[] = {
    {0, kUint, kMust, "from"},
    {1, kUint, kMust, "to"},
    {2, kHash, kMust, "checkpoint_root"},
    {3, kUint, kMust, "checkpoint_size"},
    {14, kHash, kMust, "origin"},
};
constexpr SlotSpec kDeclinedSlots[] = {
    {0, kText, kMust, "reason"},
    {13, kHashes, kMust, "signals"},
    {14, kHash, kMust, "origin"},
};
constexpr SlotSpec kOpinionSlots[] = {
    {0, kEnum, kMust, "opinion", 3},     {1, kEnum, kMust, "reason", 7},
    {2, kHash, kMust, "label_set"},      {3, kEnum, kMust, "basis", 3},
    {4, kEnum, kMust, "independent", 2}, {8, kKeyId, kMay, "author"},
    {11, kTime, kMust, "given_at"},      {13, kHashes, kMust, "signals"},
    {14, kHash, kMust, "origin"},        {15, kAttestation, kMay, "attestation"},
};
constexpr SlotSpec kRetractionIssuedSlots[] = {
    {0, kEnum, kMust, "reason", 11}, {1, kText, kMust, "cause"},      {2, kHash, kMust, "recipient_set"},
    {3, kTime, kMust, "due"},        {8, kKeyId, kMust, "issued_by"}, {13, kHashes, kMay, "chains"},
};
constexpr SlotSpec kRetractionAppliedSlots[] = {
    {0, kTime, kMust, "stopped_at"},
    {1, kUint, kMust, "matches_after"},
    {2, kUint, kMust, "re_reviewed"},
    {3, kUint, kMust, "reversed"},
    {4, kUint, kMust, "open"},
    {5, kUint, kMust, "retraction_index"},
    {6, kHash, kMust, "retraction_leaf"},
    {13, kHashes, kMust, "signals"},
    {14, kHash, kMust, "origin"},
};
constexpr SlotSpec kGenesisSlots[] = {{0, kSigned, kMust, "descriptor"}};
constexpr SlotSpec kKeyAddedSlots[] = {
    {0, kKey, kMust, "key"},         {1, kEnum, kMust, "role", 4},     {2, kText, kMust, "pseudonym"},
    {3, kTime, kMust, "valid_from"}, {4, kTime, kMust, "valid_until"}, {5, kSigned, kMay, "descriptor"},
};
constexpr SlotSpec kKeyGoneSlots[] = {
    {0, kKeyId, kMust, "key"},
    {1, kText, kMust, "reason"},
};
constexpr SlotSpec kGroupSetSlots[] = {
    {0, kHash, kMust, "group"},     {1, kUint, kMust, "epoch"},        {2, kText, kMust, "name"},
    {3, kHashes, kMust, "members"}, {14, kHash, kMust, "coordinator"},
};
constexpr SlotSpec kMemberAddedSlots[] = {
    {0, kSigned, kMust, "descriptor"},
    {1, kHash, kMust, "network"},
    {2, kEnum, kMust, "confirmed_by", 3},
};
constexpr SlotSpec kMemberRemovedSlots[] = {
    {0, kHash, kMust, "member"},
    {1, kText, kMust, "reason"},
};
constexpr SlotSpec kIndexEpochSlots[] = {
    {0, kHash, kMust, "root"}, {1, kUint, kMust, "chains"}, {2, kUint, kMust, "ledger_size"}};
constexpr SlotSpec kDisclosedSlots[] = {
    {0, kEnum, kMust, "to_whom", 3},      {1, kEnum, kMust, "classes", 2}, {2, kUint, kMust, "records"},
    {3, kHash, kMust, "scope_digest"},    {16, kText, kMay, "recipient"},
};
constexpr SlotSpec kCharterVersionSlots[] = {
    {0, kHash, kMust, "network"}, {1, kText, kMust, "name"},         {2, kUint, kMust, "version"},
    {3, kText, kMust, "text"},    {14, kHash, kMust, "coordinator"},
};
constexpr SlotSpec kWitnessPolicySlots[] = {{0, kText, kMust, "policy"}};
constexpr SlotSpec kPeerSlots[] = {
    {0, kHash, kMust, "peer"},
    {1, kText, kMust, "reason"},
};

struct EventSpec {
  Event event;
  std::string_view name;
  std::span<const SlotSpec> slots;
};

constexpr EventSpec kEvents[] = {
    {Event::kSubmitted, "SUBMITTED", kSubmittedSlots},
    {Event::kReviewed, "REVIEWED", kReviewedSlots},
    {Event::kWithdrawn, "WITHDRAWN", kWithdrawnSlots},
    {Event::kExpired, "EXPIRED", kExpiredSlots},
    {Event::kPublished, "PUBLISHED", kPublishedSlots},
    {Event::kReceipt, "RECEIPT", kReceiptSlots},
    {Event::kDeclined, "DECLINED", kDeclinedSlots},
    {Event::kReceiverReviewed, "RECEIVER_REVIEWED", kReceiverReviewedSlots},
    {Event::kOpinion, "OPINION", kOpinionSlots},
    {Event::kRetractionIssued, "RETRACTION_ISSUED", kRetractionIssuedSlots},
    {Event::kRetractionApplied, "RETRACTION_APPLIED", kRetractionAppliedSlots},
    {Event::kGenesis, "GENESIS", kGenesisSlots},
    {Event::kKeyAdded, "KEY_ADDED", kKeyAddedSlots},
    {Event::kKeyRetired, "KEY_RETIRED", kKeyGoneSlots},
    {Event::kKeyCompromised, "KEY_COMPROMISED", kKeyGoneSlots},
    {Event::kGroupSet, "GROUP_SET", kGroupSetSlots},
    {Event::kMemberAdded, "MEMBER_ADDED", kMemberAddedSlots},
    {Event::kMemberRemoved, "MEMBER_REMOVED", kMemberRemovedSlots},
    {Event::kCharterVersion, "CHARTER_VERSION", kCharterVersionSlots},
    {Event::kWitnessPolicy, "WITNESS_POLICY", kWitnessPolicySlots},
    {Event::kIndexEpoch, "INDEX_EPOCH", kIndexEpochSlots},
    {Event::kDisclosed, "DISCLOSED", kDisclosedSlots},
    {Event::kPeerSuspended, "PEER_SUSPENDED", kPeerSlots},
    {Event::kPeerResumed, "PEER_RESUMED", kPeerSlots},
};

constexpr const EventSpec* find_event(std::uint16_t code) {
  for (const EventSpec& spec : kEvents)
    if (static_cast<std::uint16_t>(spec.event) == code) return &spec;
  return nullptr;
}

const EventSpec& spec_of(Event event) {
  const EventSpec* spec = find_event(static_cast<std::uint16_t>(event));
  CHECK_INVARIANT(spec != nullptr);
  return *spec;
}

const SlotSpec* find_slot(std::span<const SlotSpec> slots, std::uint8_t slot) {
  for (const SlotSpec& spec : slots)
    if (spec.slot == slot) return &spec;
  return nullptr;
}

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

bool legal_labels(ByteView value) {
  std::size_t count = 0;
  std::string_view before;
  while (!value.empty()) {
    const std::size_t length = value[0];
    if (length == 0 || value.size() < 1 + length || ++count > kLabelsMax) return false;
    const ByteView label = value.subspan(1, length);
    if (!plain_text(label, false) || as_text(label) <= before) return false;
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
      return number >= 1 && number <= spec.enum_max;
    }
    case kAttestation:
      return size == 8 + 64;
    case kLabels:
      return legal_labels(value);
    case kKeyId:
      return size == sizeof(KeyId);
    case kSigned:
      return size >= 1 && size <= kSignedMax;
  }
  return false;
}

tl::unexpected<Error> refuse(const EventSpec& event, std::string_view what) {
  return fail(Code::kInvalidArgument, std::string(event.name) + ": " + std::string(what), kRule);
}

std::string quoted(const SlotSpec& spec) {
  return "slot " + std::string(spec.name);
}

Status check_mandatory(const EventSpec& event, std::span<const SlotValue> slots) {
  const auto present = [&](std::uint8_t slot) {
    return std::any_of(slots.begin(), slots.end(), [&](const SlotValue& v) { return v.slot == slot; });
  };
  for (const SlotSpec& spec : event.slots)
    if (spec.mandatory && !present(spec.slot)) return refuse(event, quoted(spec) + " is missing");
  return {};
}

}  // namespace

std::string_view event_name(Event event) {
  return spec_of(event).name;
}

std::optional<Event> event_from_code(std::uint16_t code) {
  const EventSpec* spec = find_event(code);
  return spec == nullptr ? std::nullopt : std::optional(spec->event);
}

std::span<const SlotSpec> event_slots(Event event) {
  return spec_of(event).slots;
}

Result<ValidEvent> ValidEvent::parse(Event event, std::vector<SlotValue> slots) {
  const EventSpec* spec = find_event(static_cast<std::uint16_t>(event));
  if (spec == nullptr) return fail(Code::kInvalidArgument, "there is no such event", kRule);
  int before = -1;
  for (const SlotValue& value : slots) {
    if (value.slot <= before) return refuse(*spec, "slots are not strictly ascending");
    before = value.slot;
    const SlotSpec* slot = find_slot(spec->slots, value.slot);
    if (slot == nullptr) return refuse(*spec, "it has no slot " + std::to_string(value.slot));
    if (value.type != static_cast<std::uint16_t>(slot->type))
      return refuse(*spec, quoted(*slot) + " is of another type");
    if (!legal_value(*slot, value.value)) return refuse(*spec, quoted(*slot) + " has an illegal value");
  }
  TRY(check_mandatory(*spec, slots));
  ValidEvent out;
  out.event_ = event;
  out.slots_ = std::move(slots);
  constexpr std::uint64_t kBasisHuman = 1;
  if (event == Event::kOpinion && out.number(3) == kBasisHuman && !(out.has(8) && out.has(kSlotAttestation)))
    return refuse(*spec, "a human's opinion needs its author and an attestation");
  if (event == Event::kOpinion && out.has(kSlotAttestation) && !out.has(8))
    return refuse(*spec, "an attestation needs its author");
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
  const SlotSpec* spec = find_slot(event_slots(event.event()), slot);
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
