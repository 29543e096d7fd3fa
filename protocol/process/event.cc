#include "protocol/process/event.h"

#include <algorithm>

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "record/schema";
constexpr bool kMust = true;
constexpr bool kMay = false;
using enum SlotType;

using Words = std::string_view;
constexpr Words kSources[] = {"own-initiative", "user-notice", "trusted-flagger",
                              "referral",       "order",       "victim"};
constexpr Words kAutomation[] = {"no", "partly", "fully"};
constexpr Words kInvolvement[] = {"none", "referral", "order"};
constexpr Words kDecisions[] = {"approve", "reject", "more"};
constexpr Words kGrounds[] = {"law", "terms"};
constexpr Words kReviewRoles[] = {"reviewer", "appeals-officer"};
constexpr Words kTlp[] = {"clear", "green", "amber", "amber+strict", "red"};
constexpr Words kUses[] = {"review", "act"};
constexpr Words kOpinions[] = {"positive", "seed", "negative"};
constexpr Words kOpinionReasons[] = {"confirmed",        "news-coverage", "wrong-label", "not-violating",
                                     "context-excluded", "duplicate",     "other"};
constexpr Words kBases[] = {"human", "automated", "hearsay"};
constexpr Words kYesNo[] = {"yes", "no"};
constexpr Words kRetractionReasons[] = {
    "FALSE_POSITIVE",  "WRONG_LABEL",         "BASIS_LAPSED", "APPEAL_UPHELD",
    "VICTIM_WITHDREW", "IDENTIFIER_RECYCLED", "DUPLICATE",    "SECURITY_INCIDENT",
    "LEGAL_ORDER",     "TEST_DATA",           "EXPIRED"};
constexpr Words kKeyRoles[] = {"operational", "reviewer", "submitter", "appeals-officer"};
constexpr Words kConfirmations[] = {"words", "fingerprint", "record"};
constexpr Words kDisclosedTo[] = {"auditor", "authority", "person-concerned"};
constexpr Words kDisclosedWhat[] = {"class-a", "both-classes"};

constexpr SlotSpec kSubmittedSlots[] = {
    {0, kIndicator, kMust, "indicator"},
    {1, kEnum, kMust, "source", kSources},
    {2, kEnum, kMust, "automated_detection", kAutomation},
    {3, kText, kMust, "category"},
    {4, kLabels, kMust, "labels"},
    {5, kText, kMust, "taxonomy"},
    {6, kKeyId, kMust, "submitter"},
    {7, kTime, kMust, "first_seen"},
    {8, kText, kMust, "jurisdiction"},
    {9, kEnum, kMust, "state_involvement", kInvolvement},
    {10, kTime, kMust, "valid_until"},
    {11, kUint, kMay, "quality"},
    {12, kHash, kMay, "evidence_digest"},
    {13, kText, kMust, "normaliser_rule"},
    {14, kHash, kMay, "content_group"},
    {16, kText, kMay, "case_reference"},
};

#define TOCSIN_REVIEW_SLOTS                                                              \
  {0, kEnum, kMust, "decision", kDecisions}, {1, kText, kMust, "clause"},                \
      {2, kText, kMust, "clause_version"}, {3, kEnum, kMust, "ground", kGrounds},        \
      {4, kText, kMust, "ground_reference"}, {5, kText, kMust, "data_protection_basis"}, \
      {6, kUint, kMust, "context_exclusion"}, {7, kText, kMust, "proportionality"},      \
      {8, kKeyId, kMust, "reviewer"}, {9, kEnum, kMust, "role", kReviewRoles},           \
      {10, kText, kMust, "language"}, {11, kTime, kMust, "reviewed_at"}, {               \
    12, kTime, kMust, "expiry"                                                           \
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
    {0, kHash, kMust, "group"},        {1, kUint, kMust, "group_epoch"},
    {2, kUint, kMust, "review_index"}, {3, kText, kMust, "purpose"},
    {4, kEnum, kMust, "tlp", kTlp},    {5, kEnum, kMust, "permitted_use", kUses},
    {6, kUint, kMust, "hop_limit"},    {7, kTime, kMust, "expiry"},
    {13, kHashes, kMay, "chains"},
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
    {0, kEnum, kMust, "opinion", kOpinions},
    {1, kEnum, kMust, "reason", kOpinionReasons},
    {2, kHash, kMust, "label_set"},
    {3, kEnum, kMust, "basis", kBases},
    {4, kEnum, kMust, "independent", kYesNo},
    {8, kKeyId, kMay, "author"},
    {11, kTime, kMust, "given_at"},
    {13, kHashes, kMust, "signals"},
    {14, kHash, kMust, "origin"},
    {15, kAttestation, kMay, "attestation"},
};
constexpr SlotSpec kRetractionIssuedSlots[] = {
    {0, kEnum, kMust, "reason", kRetractionReasons},
    {1, kText, kMust, "cause"},
    {2, kHash, kMust, "recipient_set"},
    {3, kTime, kMust, "due"},
    {8, kKeyId, kMust, "issued_by"},
    {13, kHashes, kMay, "chains"},
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
    {0, kKey, kMust, "key"},         {1, kEnum, kMust, "role", kKeyRoles}, {2, kText, kMust, "pseudonym"},
    {3, kTime, kMust, "valid_from"}, {4, kTime, kMust, "valid_until"},     {5, kSigned, kMay, "descriptor"},
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
    {2, kEnum, kMust, "confirmed_by", kConfirmations},
};
constexpr SlotSpec kMemberRemovedSlots[] = {
    {0, kHash, kMust, "member"},
    {1, kText, kMust, "reason"},
};
constexpr SlotSpec kIndexEpochSlots[] = {
    {0, kHash, kMust, "root"}, {1, kUint, kMust, "chains"}, {2, kUint, kMust, "ledger_size"}};
constexpr SlotSpec kDisclosedSlots[] = {
    {0, kEnum, kMust, "to_whom", kDisclosedTo},
    {1, kEnum, kMust, "classes", kDisclosedWhat},
    {2, kUint, kMust, "records"},
    {3, kHash, kMust, "scope_digest"},
    {16, kText, kMay, "recipient"},
};
constexpr SlotSpec kCharterVersionSlots[] = {
    {0, kHash, kMust, "network"}, {1, kText, kMust, "name"},         {2, kUint, kMust, "version"},
    {3, kText, kMust, "text"},    {14, kHash, kMust, "coordinator"},
};
constexpr SlotSpec kWitnessPolicySlots[] = {{0, kText, kMust, "policy"}};
constexpr SlotSpec kEquivocationSlots[] = {
    {0, kSigned, kMust, "descriptor"}, {1, kText, kMust, "first"},
    {2, kText, kMust, "second"},       {3, kHash, kMay, "root"},
    {4, kBytes, kMay, "consistency"},  {5, kSigned, kMay, "later_descriptor"},
    {14, kHash, kMust, "issuer"},
};
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
    {Event::kEquivocationEvidence, "EQUIVOCATION_EVIDENCE", kEquivocationSlots},
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

const SlotSpec* find_slot(Event event, std::uint8_t slot) {
  for (const SlotSpec& spec : event_slots(event))
    if (spec.slot == slot) return &spec;
  return nullptr;
}

std::string_view enum_word(const SlotSpec& spec, std::uint64_t value) {
  return value >= 1 && value <= spec.words.size() ? spec.words[value - 1] : "unknown";
}

Result<std::uint64_t> enum_value(Event event, std::uint8_t slot, std::string_view word) {
  const SlotSpec* spec = find_slot(event, slot);
  CHECK_INVARIANT(spec != nullptr && spec->type == kEnum);
  std::string all;
  for (std::size_t i = 0; i < spec->words.size(); ++i) {
    if (spec->words[i] == word) return i + 1;
    all += (i == 0 ? "" : ", ") + std::string(spec->words[i]);
  }
  return fail(Error{Code::kInvalidArgument,
                    "there is no " + std::string(spec->name) + " \"" + std::string(word) + "\"",
                    kRule,
                    {},
                    "one of " + all});
}

}  // namespace tocsin::protocol
