#pragma once
// Events: what kinds of record there are, which slots each carries, and the one parser that turns slots into
// a valid record (SPEC §4's table). A ValidEvent holds only known slots of the right type with every
// mandatory one present.
//
// Errors: kInvalidArgument, rule "record/schema", naming the event and the slot.
// Concurrency: values and pure functions.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "protocol/log/leaf.h"
#include "protocol/log/slots.h"

namespace tocsin::protocol {

enum class Event : std::uint16_t {
  kSubmitted = 0x0101,
  kReviewed = 0x0102,
  kSecondReview = 0x0103,
  kWithdrawn = 0x0104,
  kAmended = 0x0105,
  kRestricted = 0x0106,
  kUnrestricted = 0x0107,
  kExpired = 0x0108,
  kErased = 0x0109,
  kHoldSet = 0x010A,
  kHoldReleased = 0x010B,
  kPublished = 0x0201,
  kReceipt = 0x0202,
  kDeclined = 0x0204,
  kReceiverReviewed = 0x0205,
  kOpinion = 0x0206,
  kMatched = 0x0207,
  kActionTaken = 0x0301,
  kNoticeSent = 0x0302,
  kNoticeDeferred = 0x0303,
  kStatementFiled = 0x0304,
  kAppealReceived = 0x0305,
  kAppealAcked = 0x0306,
  kAppealDecided = 0x0307,
  kDisputeReferred = 0x0308,
  kDisputeOutcome = 0x0309,
  kCourtOutcome = 0x030A,
  kReinstated = 0x030B,
  kAuthorityReferral = 0x030C,
  kRetractionIssued = 0x0401,
  kRetractionApplied = 0x0404,
  kPropagationComplete = 0x0405,
  kPropagationOverdue = 0x0406,
  kOutcomeReported = 0x0407,
  kGenesis = 0x0501,
  kKeyAdded = 0x0502,
  kKeyRetired = 0x0503,
  kKeyCompromised = 0x0504,
  kGroupSet = 0x0505,
  kMemberAdded = 0x0506,
  kMemberRemoved = 0x0507,
  kCharterVersion = 0x0508,
  kWitnessPolicy = 0x0509,
  kIndexEpoch = 0x050C,
  kDisclosed = 0x050D,
  kEquivocationEvidence = 0x0510,
  kEmergencyOverride = 0x0511,
  kPeerSuspended = 0x0514,
  kPeerResumed = 0x0515,
};

enum class SlotType : std::uint16_t {
  kUint = 1,
  kTime = 2,
  kText = 3,
  kBytes = 4,
  kHash = 5,
  kHashes = 6,
  kIndicator = 7,
  kEnum = 8,
  kAttestation = 9,
  kKey = 10,
  kLabels = 11,
  kKeyId = 12,
  kSigned = 13,
};

using KeyId = FixedBytes<8>;
inline constexpr std::uint8_t kSlotCovers = 13;  // chains or signals a record covers
inline constexpr std::uint8_t kSlotOrigin = 14;  // whose they are
inline constexpr std::uint8_t kSlotAttestation = 15;
inline constexpr std::size_t kCoversMax = 2048;  // one page of the feed holds a whole batch's openings

struct SlotSpec {
  std::uint8_t slot;
  SlotType type;
  bool mandatory;
  std::string_view name;  // snake_case, as JSON and the CLI print it
  std::span<const std::string_view> words =
      {};  // ENUM: of the values 1, 2, …; LABELS: the only ones there are, none: any
};

std::string_view event_name(Event event);  // "SUBMITTED"
std::optional<Event> event_from_code(std::uint16_t code);
std::span<const SlotSpec> event_slots(Event event);
const SlotSpec* find_slot(Event event, std::uint8_t slot);  // null when the event has no such slot
std::string_view enum_word(const SlotSpec& spec, std::uint64_t value);  // "unknown" beyond the words
// kInvalidArgument, rule "record/schema", with the words there are. Precondition: the slot is an ENUM.
Result<std::uint64_t> enum_value(Event event, std::uint8_t slot, std::string_view word);

// A record's opened slots, parsed. Accessors abort on a slot the schema does not give that type (a bug of
// ours); optional slots have has().
class ValidEvent {
 public:
  static Result<ValidEvent> parse(Event event, std::vector<SlotValue> slots);

  Event event() const { return event_; }
  bool has(std::uint8_t slot) const;
  std::uint64_t number(std::uint8_t slot) const;   // UINT, TIME, ENUM
  std::string_view text(std::uint8_t slot) const;  // TEXT
  ByteView bytes(std::uint8_t slot) const;         // the raw value, any type
  Hash hash(std::uint8_t slot) const;              // HASH, KEY
  KeyId key_id(std::uint8_t slot) const;
  std::vector<Hash> hashes(std::uint8_t slot) const;  // HASHES; empty when absent
  std::vector<std::string> labels(std::uint8_t slot) const;
  std::span<const SlotValue> slots() const { return slots_; }

 private:
  Event event_{};
  std::vector<SlotValue> slots_;  // ascending
};

// Builders of slot values, one for each SlotType.
SlotValue slot_number(std::uint8_t slot, SlotType type, std::uint64_t value);  // UINT, TIME, ENUM
SlotValue slot_text(std::uint8_t slot, std::string_view text);
SlotValue slot_bytes(std::uint8_t slot, SlotType type, ByteView value);
SlotValue slot_hashes(std::uint8_t slot, std::vector<Hash> values);  // sorts, drops doubles
SlotValue slot_labels(std::uint8_t slot, std::vector<std::string> labels);

// The packed slot list of SPEC §4, for one class or both.
Bytes pack_slots(std::span<const SlotValue> slots);
Result<std::vector<SlotValue>> unpack_slots(ByteView packed);

}  // namespace tocsin::protocol
