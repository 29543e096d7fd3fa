#include "protocol/process/event_table.h"

namespace tocsin::protocol {
namespace {

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

constexpr Words kRequesters[] = {"own", "authority", "court", "person-concerned", "member"};
constexpr Words kAuthorities[] = {"court", "police", "prosecutor", "regulator", "other"};
constexpr Words kKeyClasses[] = {"personal", "both"};
constexpr Words kDsaDecisions[] = {"DECISION_ACCOUNT_SUSPENDED",
                                   "DECISION_ACCOUNT_TERMINATED",
                                   "DECISION_MONETARY_OTHER",
                                   "DECISION_MONETARY_SUSPENSION",
                                   "DECISION_MONETARY_TERMINATION",
                                   "DECISION_PROVISION_PARTIAL_SUSPENSION",
                                   "DECISION_PROVISION_PARTIAL_TERMINATION",
                                   "DECISION_PROVISION_TOTAL_SUSPENSION",
                                   "DECISION_PROVISION_TOTAL_TERMINATION",
                                   "DECISION_VISIBILITY_CONTENT_AGE_RESTRICTED",
                                   "DECISION_VISIBILITY_CONTENT_DEMOTED",
                                   "DECISION_VISIBILITY_CONTENT_DISABLED",
                                   "DECISION_VISIBILITY_CONTENT_INTERACTION_RESTRICTED",
                                   "DECISION_VISIBILITY_CONTENT_LABELLED",
                                   "DECISION_VISIBILITY_CONTENT_REMOVED",
                                   "DECISION_VISIBILITY_OTHER"};
constexpr Words kDecisionGrounds[] = {"DECISION_GROUND_ILLEGAL_CONTENT",
                                      "DECISION_GROUND_INCOMPATIBLE_CONTENT"};
constexpr Words kStatementCategories[] = {
    "STATEMENT_CATEGORY_ANIMAL_WELFARE",
    "STATEMENT_CATEGORY_CONSUMER_INFORMATION",
    "STATEMENT_CATEGORY_CYBER_VIOLENCE",
    "STATEMENT_CATEGORY_CYBER_VIOLENCE_AGAINST_WOMEN",
    "STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS",
    "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH",
    "STATEMENT_CATEGORY_INTELLECTUAL_PROPERTY_INFRINGEMENTS",
    "STATEMENT_CATEGORY_NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS",
    "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE",
    "STATEMENT_CATEGORY_OTHER_VIOLATION_TC",
    "STATEMENT_CATEGORY_PROTECTION_OF_MINORS",
    "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY",
    "STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
    "STATEMENT_CATEGORY_SELF_HARM",
    "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS",
    "STATEMENT_CATEGORY_VIOLENCE"};
constexpr Words kContentTypes[] = {
    "CONTENT_TYPE_APP",     "CONTENT_TYPE_AUDIO",           "CONTENT_TYPE_IMAGE", "CONTENT_TYPE_OTHER",
    "CONTENT_TYPE_PRODUCT", "CONTENT_TYPE_SYNTHETIC_MEDIA", "CONTENT_TYPE_TEXT",  "CONTENT_TYPE_VIDEO"};
constexpr Words kSourceTypes[] = {"SOURCE_ARTICLE_16", "SOURCE_TRUSTED_FLAGGER",
                                  "SOURCE_TYPE_OTHER_NOTIFICATION", "SOURCE_VOLUNTARY"};
constexpr Words kDetections[] = {"Yes", "No"};
constexpr Words kAutomatedDecisions[] = {"AUTOMATED_DECISION_FULLY", "AUTOMATED_DECISION_PARTIALLY",
                                         "AUTOMATED_DECISION_NOT_AUTOMATED"};
constexpr Words kNoticeChannels[] = {"in-product", "email", "post", "other"};
constexpr Words kDeferrals[] = {"deferred", "waived"};
constexpr Words kDeferralGrounds[] = {"authority-order", "investigation", "deceptive-commercial",
                                      "unknown-contact"};
constexpr Words kAppellants[] = {"person-affected", "notifier", "representative"};
constexpr Words kOutcomes[] = {"upheld", "overturned", "partial"};
constexpr Words kFinalOutcomes[] = {"upheld", "overturned"};
constexpr Words kReinstatements[] = {"appeal", "dispute", "court", "retraction", "own-review"};

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
constexpr SlotSpec kSecondReviewSlots[] = {
    TOCSIN_REVIEW_SLOTS,
    {13, kHashes, kMay, "chains"},
    {15, kAttestation, kMust, "attestation"},
    {16, kText, kMay, "facts"},
};
#undef TOCSIN_REVIEW_SLOTS

constexpr SlotSpec kWithdrawnSlots[] = {{0, kText, kMust, "reason"}};
constexpr SlotSpec kAmendedSlots[] = {
    {0, kText, kMust, "what"},        {1, kUint, kMust, "supersedes"}, {2, kText, kMay, "category"},
    {3, kLabels, kMay, "labels"},     {4, kText, kMay, "taxonomy"},    {5, kTime, kMay, "valid_until"},
    {8, kKeyId, kMust, "amended_by"},
};
constexpr SlotSpec kRestrictedSlots[] = {
    {0, kEnum, kMust, "requester", kRequesters},
    {1, kText, kMust, "ground"},
    {13, kHashes, kMay, "chains"},
};
constexpr SlotSpec kErasedSlots[] = {
    {0, kText, kMust, "ground"},
    {1, kEnum, kMust, "key_classes", kKeyClasses},
    {2, kUint, kMust, "shred_epoch"},
    {13, kHashes, kMay, "chains"},
};
constexpr SlotSpec kHoldSetSlots[] = {
    {0, kEnum, kMust, "authority", kAuthorities},
    {1, kTime, kMust, "until"},
    {2, kText, kMay, "reference"},
    {13, kHashes, kMay, "chains"},
};
constexpr SlotSpec kHoldReleasedSlots[] = {
    {0, kEnum, kMust, "authority", kAuthorities},
    {1, kText, kMust, "ground"},
    {13, kHashes, kMay, "chains"},
};
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
constexpr SlotSpec kMatchedSlots[] = {
    {0, kTime, kMust, "day"},
    {1, kUint, kMust, "count_bucket"},
    {13, kHashes, kMust, "signals"},
    {14, kHash, kMust, "origin"},
};
// What covers a signal of the node's own names its chains in slot 13 and has no slot 14.
#define TOCSIN_WHOSE_SLOTS           \
  {13, kHashes, kMust, "signals"}, { \
    14, kHash, kMay, "origin"        \
  }
constexpr SlotSpec kActionTakenSlots[] = {
    {0, kLabels, kMust, "decisions", kDsaDecisions},
    {1, kEnum, kMust, "decision_ground", kDecisionGrounds},
    {2, kText, kMust, "ground_reference"},
    {3, kHash, kMust, "statement"},
    {4, kEnum, kMust, "category", kStatementCategories},
    {5, kLabels, kMust, "content_type", kContentTypes},
    {6, kLabels, kMust, "territorial_scope"},
    {7, kEnum, kMust, "source_type", kSourceTypes},
    {8, kTime, kMust, "ends_at"},
    {9, kEnum, kMust, "automated_detection", kDetections},
    {10, kEnum, kMust, "automated_decision", kAutomatedDecisions},
    {11, kTime, kMust, "application_date"},
    {12, kUint, kMust, "rests_on"},
    TOCSIN_WHOSE_SLOTS,
    {16, kText, kMay, "facts"},
    {17, kText, kMay, "explanation"},
    {18, kText, kMay, "content_reference"},
    {19, kTime, kMay, "content_date"},
};
constexpr SlotSpec kNoticeSentSlots[] = {
    {0, kHash, kMust, "statement"},     {1, kUint, kMust, "checklist"},
    {2, kTime, kMust, "sent_at"},       {3, kEnum, kMust, "channel", kNoticeChannels},
    {4, kTime, kMust, "redress_until"}, TOCSIN_WHOSE_SLOTS,
    {16, kText, kMay, "recipient"},
};
constexpr SlotSpec kNoticeDeferredSlots[] = {
    {0, kEnum, kMust, "kind", kDeferrals},
    {1, kEnum, kMust, "ground", kDeferralGrounds},
    {2, kTime, kMust, "until"},
    TOCSIN_WHOSE_SLOTS,
};
constexpr SlotSpec kStatementFiledSlots[] = {
    {0, kText, kMust, "puid"},
    {1, kHash, kMust, "payload"},
    {2, kTime, kMust, "filed_at"},
    TOCSIN_WHOSE_SLOTS,
};
constexpr SlotSpec kAppealReceivedSlots[] = {
    {0, kHash, kMust, "appeal"},
    {1, kTime, kMust, "received_at"},
    {2, kTime, kMust, "due"},
    {3, kHash, kMust, "channel"},
    {4, kEnum, kMust, "appellant", kAppellants},
    {5, kHash, kMust, "statement"},
    TOCSIN_WHOSE_SLOTS,
    {16, kText, kMay, "text"},
    {17, kText, kMay, "contact"},
};
constexpr SlotSpec kAppealAckedSlots[] = {
    {0, kHash, kMust, "appeal"},
    {1, kTime, kMust, "acked_at"},
    TOCSIN_WHOSE_SLOTS,
};
constexpr SlotSpec kAppealDecidedSlots[] = {
    {0, kHash, kMust, "appeal"},
    {1, kEnum, kMust, "outcome", kOutcomes},
    {2, kEnum, kMust, "human", kYesNo},
    {3, kHash, kMust, "reasons_digest"},
    {4, kText, kMust, "further_redress"},
    {8, kKeyId, kMust, "decider"},
    {9, kEnum, kMust, "role", kReviewRoles},
    {10, kText, kMust, "language"},
    {11, kTime, kMust, "decided_at"},
    TOCSIN_WHOSE_SLOTS,
    {15, kAttestation, kMust, "attestation"},
    {16, kText, kMay, "reasons"},
};
constexpr SlotSpec kDisputeReferredSlots[] = {
    {0, kHash, kMust, "appeal"},      {1, kText, kMust, "body"}, {2, kTime, kMust, "due"},
    {3, kTime, kMust, "referred_at"}, TOCSIN_WHOSE_SLOTS,
};
constexpr SlotSpec kDisputeOutcomeSlots[] = {
    {0, kHash, kMust, "appeal"},     {1, kText, kMust, "body"}, {2, kEnum, kMust, "outcome", kFinalOutcomes},
    {3, kTime, kMust, "decided_at"}, TOCSIN_WHOSE_SLOTS,
};
constexpr SlotSpec kReinstatedSlots[] = {
    {0, kTime, kMust, "at"},
    {1, kEnum, kMust, "cause", kReinstatements},
    {2, kUint, kMust, "action"},
    TOCSIN_WHOSE_SLOTS,
};
constexpr SlotSpec kAuthorityReferralSlots[] = {
    {0, kEnum, kMust, "authority", kAuthorities},
    {1, kText, kMust, "ground"},
    {2, kTime, kMust, "at"},
    TOCSIN_WHOSE_SLOTS,
};
constexpr SlotSpec kOutcomeReportedSlots[] = {
    {0, kTime, kMust, "at"},
    {1, kEnum, kMust, "because_of_signal", kYesNo},
    {13, kHashes, kMust, "signals"},
    {14, kHash, kMust, "origin"},
};
#undef TOCSIN_WHOSE_SLOTS
constexpr SlotSpec kPropagationCompleteSlots[] = {
    {0, kHash, kMust, "recipient_set"},
    {1, kUint, kMust, "retraction_index"},
};
constexpr SlotSpec kPropagationOverdueSlots[] = {
    {0, kHashes, kMust, "missing"},
    {1, kUint, kMust, "retraction_index"},
};
constexpr SlotSpec kEmergencyOverrideSlots[] = {
    {0, kText, kMust, "ground"},
    {1, kHashes, kMust, "signals"},
    {2, kTime, kMust, "until"},
    {8, kKeyId, kMust, "authorised_by"},
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
constexpr SlotSpec kWitnessPolicySlots[] = {{0, kText, kMust, "policy"},
                                            {1, kText, kMay, "override_reason"},
                                            {2, kBytes, kMay, "override_signature"}};
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

constexpr EventSpec kEvents[] = {
    {Event::kSubmitted, "SUBMITTED", kSubmittedSlots},
    {Event::kReviewed, "REVIEWED", kReviewedSlots},
    {Event::kSecondReview, "SECOND_REVIEW", kSecondReviewSlots},
    {Event::kWithdrawn, "WITHDRAWN", kWithdrawnSlots},
    {Event::kAmended, "AMENDED", kAmendedSlots},
    {Event::kRestricted, "RESTRICTED", kRestrictedSlots},
    {Event::kUnrestricted, "UNRESTRICTED", kRestrictedSlots},
    {Event::kExpired, "EXPIRED", kExpiredSlots},
    {Event::kErased, "ERASED", kErasedSlots},
    {Event::kHoldSet, "LEGAL_HOLD_SET", kHoldSetSlots},
    {Event::kHoldReleased, "LEGAL_HOLD_RELEASED", kHoldReleasedSlots},
    {Event::kPublished, "PUBLISHED", kPublishedSlots},
    {Event::kReceipt, "RECEIPT", kReceiptSlots},
    {Event::kDeclined, "DECLINED", kDeclinedSlots},
    {Event::kReceiverReviewed, "RECEIVER_REVIEWED", kReceiverReviewedSlots},
    {Event::kOpinion, "OPINION", kOpinionSlots},
    {Event::kMatched, "MATCHED", kMatchedSlots},
    {Event::kActionTaken, "ACTION_TAKEN", kActionTakenSlots},
    {Event::kNoticeSent, "USER_NOTICE_SENT", kNoticeSentSlots},
    {Event::kNoticeDeferred, "USER_NOTICE_DEFERRED", kNoticeDeferredSlots},
    {Event::kStatementFiled, "STATEMENT_FILED", kStatementFiledSlots},
    {Event::kAppealReceived, "APPEAL_RECEIVED", kAppealReceivedSlots},
    {Event::kAppealAcked, "APPEAL_ACKED", kAppealAckedSlots},
    {Event::kAppealDecided, "APPEAL_DECIDED", kAppealDecidedSlots},
    {Event::kDisputeReferred, "DISPUTE_REFERRED", kDisputeReferredSlots},
    {Event::kDisputeOutcome, "DISPUTE_OUTCOME", kDisputeOutcomeSlots},
    {Event::kCourtOutcome, "COURT_OUTCOME", kDisputeOutcomeSlots},
    {Event::kReinstated, "REINSTATED", kReinstatedSlots},
    {Event::kAuthorityReferral, "AUTHORITY_REFERRAL", kAuthorityReferralSlots},
    {Event::kRetractionIssued, "RETRACTION_ISSUED", kRetractionIssuedSlots},
    {Event::kRetractionApplied, "RETRACTION_APPLIED", kRetractionAppliedSlots},
    {Event::kPropagationComplete, "PROPAGATION_COMPLETE", kPropagationCompleteSlots},
    {Event::kPropagationOverdue, "PROPAGATION_OVERDUE", kPropagationOverdueSlots},
    {Event::kOutcomeReported, "OUTCOME_REPORTED", kOutcomeReportedSlots},
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
    {Event::kEmergencyOverride, "EMERGENCY_OVERRIDE", kEmergencyOverrideSlots},
    {Event::kPeerSuspended, "PEER_SUSPENDED", kPeerSlots},
    {Event::kPeerResumed, "PEER_RESUMED", kPeerSlots},
};

}  // namespace

std::span<const EventSpec> event_table() {
  return kEvents;
}

}  // namespace tocsin::protocol
