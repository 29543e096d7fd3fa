#include "protocol/process/rules.h"

#include <algorithm>

#include "protocol/process/case_state.h"
#include "protocol/process/checks.h"
#include "protocol/process/matter.h"

namespace tocsin::protocol {
namespace {

struct RuleText {
  std::string_view rule;
  std::string_view text;
};

constexpr std::string_view kOrder = "order";

constexpr RuleText kRules[] = {
    {kOrder, "a record follows only the records that the table of due process lets it follow"},
    {"R1",
     "a publication needs an approving review of the same signal, later than its last amendment, unexpired, "
     "with a ground, and the publication names it"},
    {"R2",
     "a review carries the signature of a reviewer's key that was valid then, whose person is not the "
     "submitter's; automation holds no reviewer key"},
    {"R3", "a signal of a severe category needs a second review by a third person"},
    {"R4", "what comes from an authority says so, and nobody can drop it"},
    {"R5", "a publication names a group whose members the ledger lists"},
    {"R6", "a receiver accepts only what is proved to stand in a checkpoint it has verified"},
    {"R7",
     "an action on a shared signal needs the node's own confirming review, or an emergency that is reviewed "
     "within a day"},
    {"R8",
     "every action gets one notice with a whole statement of reasons, or a waiver, or a deferral that ends "
     "in "
     "a notice"},
    {"R9", "a person has at least six months to complain"},
    {"R10",
     "an appeal is decided by a human who has not reviewed the signal, an appeals officer, with reasons and "
     "further redress"},
    {"R11", "what was overturned is put right, and its origin is told"},
    {"R12", "a signal that an appeal overturned is retracted, and shared no more"},
    {"R13", "every recipient answers a retraction with a receipt in its own ledger, matching stopped"},
    {"R14", "nothing is published or acted on after its retraction, restriction or expiry"},
    {"R15", "nothing is erased under a hold or an open appeal"},
    {"R16", "keys, members, groups and charter change only by the node's own 05xx records"},
    {"R17", "time never decreases in a ledger, and a record tells of nothing later than itself"},
    {"R18", "what is opened to an auditor or an authority is recorded as disclosed"},
    {"R19", "every signal has an end: content at most 36 months after it was submitted"},
    {"R20", "no deadline lies beyond the charter's clock, and none is missed"},
};

using Finder = Found (*)(const Judged&);

struct Check {
  std::string_view rule;
  Finder find;
};

tl::unexpected<Error> broken(std::string_view rule, Breach finding) {
  return fail({Code::kFailedPrecondition, std::move(finding.message), "due-process/" + std::string(rule),
               std::string(rule_text(rule)), std::move(finding.fix)});
}

constexpr unsigned bit(int phase) {
  return 1u << phase;
}
template <typename... Phases>
constexpr unsigned any_of(Phases... phases) {
  return (bit(phases) | ...);
}

constexpr int kSame = -1;  // the phase stays

constexpr unsigned kNew = bit(v1::PHASE_UNSPECIFIED);
constexpr unsigned kUnpublished = any_of(v1::DRAFT, v1::SHAREABLE);
constexpr unsigned kOpen = any_of(v1::DRAFT, v1::SHAREABLE, v1::LIVE, v1::RESTRICTED, v1::REFUSED);
constexpr unsigned kEnded = any_of(v1::REJECTED, v1::WITHDRAWN, v1::EXPIRED, v1::RETRACTING, v1::RETRACTED);
constexpr unsigned kUndecided = any_of(v1::RECEIVER_PHASE_UNSPECIFIED, v1::HELD, v1::ACTIONABLE);
constexpr unsigned kNotClosed = kUndecided | bit(v1::DECLINED);
constexpr unsigned kBegins = bit(v1::MATTER_PHASE_UNSPECIFIED);
constexpr unsigned kUntold = any_of(v1::ACTED, v1::NOTICE_DEFERRED);
constexpr unsigned kAction = kUntold | any_of(v1::NOTICED, v1::NOTICE_WAIVED);
constexpr unsigned kDecided = any_of(v1::UPHELD, v1::OVERTURNED, v1::REINSTATED);
constexpr unsigned kAny = kAction | kDecided | any_of(v1::UNDER_APPEAL, v1::IN_DISPUTE);

using namespace check;

constexpr Check kSubmittedAlone[] = {
    {"R19", ends_in_time}, {"R16", submitter_known}, {"R4", involvement_fits}};
constexpr Check kReviewedAlone[] = {
    {"R1", review_complete}, {"R17", reviewed_before}, {"R2", review_attested}};
constexpr Check kAmendedAlone[] = {{"R16", issuer_key_known}};
constexpr Check kPublishedAlone[] = {{"R5", group_named}, {"R19", publication_ends}};
constexpr Check kExpiredAlone[] = {{"R17", second_slot_before}};
constexpr Check kHoldAlone[] = {{"R15", hold_ends_later}};
constexpr Check kReceiptAlone[] = {{"R6", range_ordered}};
constexpr Check kOpinionAlone[] = {{"R17", reviewed_before}, {"R2", opinion_attested}};
constexpr Check kFirstSlotAlone[] = {{"R17", first_slot_before}};
constexpr Check kActionAlone[] = {{"R17", applied_before}};
constexpr Check kNoticeAlone[] = {
    {"R17", third_slot_before}, {"R8", notice_complete}, {"R9", window_long_enough}};
constexpr Check kDeferralAlone[] = {{"R8", deferral_grounded}, {"R20", deferral_short}};
constexpr Check kThirdSlotAlone[] = {{"R17", third_slot_before}};
constexpr Check kAppealAlone[] = {{"R17", second_slot_before}, {"R20", appeal_due_in_time}};
constexpr Check kAckedAlone[] = {{"R17", second_slot_before}};
constexpr Check kDecidedAlone[] = {
    {"R17", reviewed_before}, {"R10", decided_by_officer}, {"R2", review_attested}};
constexpr Check kReferredAlone[] = {{"R17", fourth_slot_before}, {"R20", dispute_due_in_time}};
constexpr Check kOutcomeAlone[] = {{"R17", fourth_slot_before}};
constexpr Check kRetractionAlone[] = {{"R13", due_after}, {"R16", issuer_key_known}, {"R20", due_in_time}};
constexpr Check kAppliedAlone[] = {{"R13", matching_stopped}, {"R17", first_slot_before}};

constexpr Check kSubmittedThere[] = {{kOrder, right_signal}};
constexpr Check kReviewedThere[] = {{"R2", by_another_person}};
constexpr Check kSecondReviewThere[] = {{"R2", by_another_person}, {"R3", by_a_third_person}};
constexpr Check kAmendedThere[] = {{kOrder, supersedes_last}, {"R19", amended_end_in_time}};
constexpr Check kPublishedThere[] = {{"R1", review_stands},
                                     {"R3", second_review_stands},
                                     {"R14", not_ended},
                                     {"R19", ends_with_signal},
                                     {"R12", not_overturned}};
constexpr Check kUnrestrictedThere[] = {{"R12", not_overturned}};
constexpr Check kErasedThere[] = {{"R15", nothing_pending}};
constexpr Check kReleasedThere[] = {{kOrder, hold_is_set}};
constexpr Check kRetractionThere[] = {{"R13", recipients_named}};
constexpr Check kCompleteThere[] = {{"R13", completes_retraction}};
constexpr Check kOverdueThere[] = {{"R13", overdue_retraction}};
constexpr Check kActionThere[] = {{"R7", acts_on_review}};
constexpr Check kBeginsThere[] = {{kOrder, begins_chain}};
constexpr Check kNoticeThere[] = {{"R8", one_notice}, {"R8", notice_of_statement}};
constexpr Check kDeferralThere[] = {{"R8", one_notice}, {"R8", deferred_once_more}};
constexpr Check kAppealThere[] = {{kOrder, begins_at_origin}};
constexpr Check kAppealStepThere[] = {{kOrder, same_appeal}};
constexpr Check kDecidedThere[] = {{kOrder, same_appeal}, {"R10", by_fresh_eyes}};
constexpr Check kReinstatedThere[] = {{kOrder, undoes_action}};

// One row: an event, the decision it takes where that matters (else 0), whose phase it changes, the phases it
// may find, the phase that follows, what it must satisfy by itself and in its case.
struct Row {
  Event event;
  unsigned decision;
  Stage stage;
  unsigned from;
  int to;
  std::span<const Check> alone;
  std::span<const Check> there = {};
};

constexpr Row kTable[] = {
    {Event::kSubmitted, 0, Stage::kOrigin, kNew, v1::DRAFT, kSubmittedAlone, kSubmittedThere},
    {Event::kReviewed, 1, Stage::kOrigin, kUnpublished, v1::SHAREABLE, kReviewedAlone, kReviewedThere},
    {Event::kReviewed, 1, Stage::kOrigin, bit(v1::LIVE), kSame, kReviewedAlone, kReviewedThere},
    {Event::kReviewed, 2, Stage::kOrigin, kUnpublished, v1::REJECTED, kReviewedAlone, kReviewedThere},
    {Event::kReviewed, 3, Stage::kOrigin, kUnpublished, v1::DRAFT, kReviewedAlone, kReviewedThere},
    {Event::kReviewed, 3, Stage::kOrigin, bit(v1::LIVE), kSame, kReviewedAlone, kReviewedThere},
    {Event::kSecondReview, 1, Stage::kOrigin, any_of(v1::SHAREABLE, v1::LIVE), kSame, kReviewedAlone,
     kSecondReviewThere},
    {Event::kSecondReview, 2, Stage::kOrigin, bit(v1::SHAREABLE), v1::REJECTED, kReviewedAlone,
     kSecondReviewThere},
    {Event::kSecondReview, 3, Stage::kOrigin, bit(v1::SHAREABLE), v1::DRAFT, kReviewedAlone,
     kSecondReviewThere},
    {Event::kWithdrawn, 0, Stage::kOrigin, kUnpublished, v1::WITHDRAWN, {}},
    {Event::kAmended, 0, Stage::kOrigin, any_of(v1::DRAFT, v1::SHAREABLE, v1::LIVE, v1::RESTRICTED),
     v1::DRAFT, kAmendedAlone, kAmendedThere},
    {Event::kRestricted, 0, Stage::kOrigin, bit(v1::LIVE), v1::RESTRICTED, {}},
    {Event::kUnrestricted, 0, Stage::kOrigin, bit(v1::RESTRICTED), v1::LIVE, {}, kUnrestrictedThere},
    {Event::kExpired, 0, Stage::kOrigin, kOpen, v1::EXPIRED, kExpiredAlone},
    {Event::kErased, 0, Stage::kOrigin, kEnded, v1::ERASED, {}, kErasedThere},
    {Event::kHoldSet, 0, Stage::kOrigin, kOpen | kEnded, kSame, kHoldAlone},
    {Event::kHoldReleased, 0, Stage::kOrigin, kOpen | kEnded, kSame, {}, kReleasedThere},
    {Event::kPublished, 0, Stage::kOrigin, any_of(v1::SHAREABLE, v1::LIVE), v1::LIVE, kPublishedAlone,
     kPublishedThere},
    {Event::kRetractionIssued, 0, Stage::kOrigin, kOpen | bit(v1::EXPIRED), v1::RETRACTING, kRetractionAlone,
     kRetractionThere},
    {Event::kPropagationComplete, 0, Stage::kOrigin, bit(v1::RETRACTING), v1::RETRACTED, {}, kCompleteThere},
    {Event::kPropagationOverdue, 0, Stage::kOrigin, bit(v1::RETRACTING), kSame, {}, kOverdueThere},
    {Event::kReceipt, 0, Stage::kNone, 0, kSame, kReceiptAlone},
    {Event::kReceiverReviewed, 1, Stage::kReceiver, kUndecided, v1::ACTIONABLE, kReviewedAlone},
    {Event::kReceiverReviewed, 2, Stage::kReceiver, kUndecided, v1::DECLINED, kReviewedAlone},
    {Event::kReceiverReviewed, 3, Stage::kReceiver, kUndecided, v1::HELD, kReviewedAlone},
    {Event::kDeclined, 0, Stage::kReceiver, kUndecided, v1::DECLINED, {}},
    {Event::kOpinion, 0, Stage::kReceiver, kNotClosed | bit(v1::CLOSED), kSame, kOpinionAlone},
    {Event::kMatched, 0, Stage::kReceiver, kNotClosed | bit(v1::CLOSED), kSame, kFirstSlotAlone},
    {Event::kRetractionApplied, 0, Stage::kReceiver, kNotClosed, v1::CLOSED, kAppliedAlone},
    {Event::kActionTaken, 0, Stage::kReceiver, kNotClosed, kSame, kActionAlone, kActionThere},
    {Event::kActionTaken, 0, Stage::kMatter, kBegins, v1::ACTED, kActionAlone, kBeginsThere},
    {Event::kNoticeSent, 0, Stage::kMatter, kUntold, v1::NOTICED, kNoticeAlone, kNoticeThere},
    {Event::kNoticeSent, 0, Stage::kMatter, kAny & ~kUntold, kSame, kNoticeAlone, kNoticeThere},
    {Event::kNoticeDeferred, 1, Stage::kMatter, kUntold, v1::NOTICE_DEFERRED, kDeferralAlone, kDeferralThere},
    {Event::kNoticeDeferred, 2, Stage::kMatter, kUntold, v1::NOTICE_WAIVED, kDeferralAlone, kDeferralThere},
    {Event::kNoticeDeferred, 0, Stage::kMatter, kAny & ~kUntold, kSame, kDeferralAlone, kDeferralThere},
    {Event::kStatementFiled, 0, Stage::kMatter, kAny, kSame, kThirdSlotAlone},
    {Event::kAppealReceived, 0, Stage::kMatter, kBegins | kAction, v1::UNDER_APPEAL, kAppealAlone,
     kAppealThere},
    {Event::kAppealAcked, 0, Stage::kMatter, bit(v1::UNDER_APPEAL), kSame, kAckedAlone, kAppealStepThere},
    {Event::kAppealDecided, 1, Stage::kMatter, bit(v1::UNDER_APPEAL), v1::UPHELD, kDecidedAlone,
     kDecidedThere},
    {Event::kAppealDecided, 0, Stage::kMatter, bit(v1::UNDER_APPEAL), v1::OVERTURNED, kDecidedAlone,
     kDecidedThere},
    {Event::kDisputeReferred, 0, Stage::kMatter, any_of(v1::UNDER_APPEAL, v1::UPHELD), v1::IN_DISPUTE,
     kReferredAlone, kAppealStepThere},
    {Event::kDisputeOutcome, 1, Stage::kMatter, bit(v1::IN_DISPUTE), v1::UPHELD, kOutcomeAlone,
     kAppealStepThere},
    {Event::kDisputeOutcome, 2, Stage::kMatter, bit(v1::IN_DISPUTE), v1::OVERTURNED, kOutcomeAlone,
     kAppealStepThere},
    {Event::kCourtOutcome, 1, Stage::kMatter, any_of(v1::UNDER_APPEAL, v1::UPHELD, v1::IN_DISPUTE),
     v1::UPHELD, kOutcomeAlone, kAppealStepThere},
    {Event::kCourtOutcome, 2, Stage::kMatter, any_of(v1::UNDER_APPEAL, v1::UPHELD, v1::IN_DISPUTE),
     v1::OVERTURNED, kOutcomeAlone, kAppealStepThere},
    {Event::kReinstated, 0, Stage::kMatter, kAny & ~bit(v1::REINSTATED), v1::REINSTATED, kFirstSlotAlone,
     kReinstatedThere},
    {Event::kAuthorityReferral, 0, Stage::kMatter, kAny, kSame, kThirdSlotAlone},
    {Event::kOutcomeReported, 0, Stage::kMatter, any_of(v1::OVERTURNED, v1::REINSTATED), kSame,
     kFirstSlotAlone},
};

std::uint8_t deciding_slot(Event event) {
  if (event == Event::kAppealDecided) return 1;
  return event == Event::kDisputeOutcome || event == Event::kCourtOutcome ? 2 : 0;
}

bool fits(const Row& row, const ValidEvent& event) {
  return row.event == event.event() &&
         (row.decision == 0 || row.decision == event.number(deciding_slot(event.event())));
}

const Row* row_alone(const ValidEvent& event) {
  for (const Row& row : kTable)
    if (fits(row, event)) return &row;
  return nullptr;
}

// The first row that fits: a narrower one stands before a wider one.
const Row* row_from(const ValidEvent& event, Stage stage, int phase) {
  for (const Row& row : kTable)
    if (row.stage == stage && fits(row, event) && (row.from & bit(phase)) != 0) return &row;
  return nullptr;
}

bool has_stage(Event event, Stage stage) {
  return std::any_of(std::begin(kTable), std::end(kTable),
                     [&](const Row& row) { return row.event == event && row.stage == stage; });
}

Status run(std::span<const Check> checks, const Judged& judged) {
  for (const Check& check : checks)
    if (auto found = check.find(judged)) return broken(check.rule, std::move(*found));
  return {};
}

tl::unexpected<Error> out_of_order(const ValidEvent& event, v1::Phase phase) {
  const bool publication = event.event() == Event::kPublished;
  if (publication &&
      (phase == v1::RETRACTING || phase == v1::RETRACTED || phase == v1::EXPIRED || phase == v1::RESTRICTED))
    return broken("R14",
                  {"it was published after its " + std::string(phase == v1::EXPIRED      ? "expiry"
                                                               : phase == v1::RESTRICTED ? "restriction"
                                                                                         : "retraction"),
                   "submit it anew if it is to be shared again"});
  if (publication && phase != v1::REFUSED)
    return broken("R1", {"a publication needs an approving review", "review it first"});
  const std::string state = phase == v1::PHASE_UNSPECIFIED ? "unknown" : v1::Phase_Name(phase);
  return broken(kOrder, {quoted(event) + " cannot follow while the signal is " + state});
}

Status judge_origin(const Judged& judged) {
  const ValidEvent& event = judged.event();
  const v1::OriginState& origin = judged.origin();
  if (!judged.state.issuer().empty() && !equal(as_view(judged.state.issuer()), judged.context.issuer))
    return broken(kOrder, {quoted(event) + " stands in another node's ledger than the signal's"});
  const Row* row = row_from(event, Stage::kOrigin, origin.phase());
  if (row == nullptr) return out_of_order(event, origin.phase());
  const auto chain = fixed<32>(as_view(origin.chain()), "chain");
  if (event.event() != Event::kSubmitted && !(chain && covers(judged.record.leaf, event, *chain)))
    return broken(kOrder, {quoted(event) + " does not name this signal's chain"});
  return run(row->there, judged);
}

// A node's word about a signal of its own names the chain, about another's the signal and its issuer.
bool names_signal(const Judged& judged) {
  const ValidEvent& event = judged.event();
  const bool own = !event.has(kSlotOrigin);
  const auto id = fixed<32>(as_view(own ? judged.origin().chain() : judged.state.signal()), "id");
  if (!id || !covers(judged.record.leaf, event, *id)) return false;
  if (!own && is_matter_event(event.event()) && event.hash(kSlotOrigin) == judged.context.issuer)
    return false;
  return equal(as_view(judged.state.issuer()), own ? judged.context.issuer : event.hash(kSlotOrigin));
}

// What is over for the issuer is over for its own actions.
int receiver_phase(const Judged& judged) {
  if (judged.event().has(kSlotOrigin))
    return judged.entry == nullptr ? v1::RECEIVER_PHASE_UNSPECIFIED : judged.entry->phase();
  const v1::Phase phase = judged.origin().phase();
  const bool over = phase == v1::RETRACTING || phase == v1::RETRACTED || phase == v1::RESTRICTED ||
                    phase == v1::EXPIRED || phase == v1::ERASED;
  return over ? v1::CLOSED : v1::RECEIVER_PHASE_UNSPECIFIED;
}

Status judge_matter(const Judged& judged) {
  const ValidEvent& event = judged.event();
  if (judged.matter == nullptr && begins_unseen(judged.record, judged.context)) return {};
  const v1::MatterPhase phase =
      judged.matter == nullptr ? v1::MATTER_PHASE_UNSPECIFIED : judged.matter->phase();
  if (phase == v1::UNSEEN) return {};
  if (const Row* row = row_from(event, Stage::kMatter, phase)) return run(row->there, judged);
  if (event.event() == Event::kOutcomeReported)
    return broken("R11",
                  {"the outcome of an appeal is reported that no appeal had", "decide the appeal first"});
  return broken(kOrder, {quoted(event) + (judged.matter == nullptr ? std::string(" follows on nothing")
                                                                   : " cannot follow: the matter is " +
                                                                         v1::MatterPhase_Name(phase))});
}

Status judge_receiver(Judged judged) {
  const ValidEvent& event = judged.event();
  if (!names_signal(judged)) return broken(kOrder, {quoted(event) + " does not name this signal"});
  judged.matter =
      is_matter_event(event.event()) ? find_matter(judged.entry, judged.record.leaf.chain) : nullptr;
  if (has_stage(event.event(), Stage::kReceiver)) {
    const int phase = receiver_phase(judged);
    const Row* row = row_from(event, Stage::kReceiver, phase);
    if (row == nullptr && event.event() == Event::kActionTaken)
      return broken("R14", {"an action was taken on a signal that is over", "take no action on it"});
    if (row == nullptr)
      return broken(kOrder, {quoted(event) + " cannot follow: the receiver's case is " +
                             v1::ReceiverPhase_Name(static_cast<v1::ReceiverPhase>(phase))});
    TRY(run(row->there, judged));
  }
  return is_matter_event(event.event()) ? judge_matter(judged) : Status();
}

int after(int phase, Stage stage, const ValidEvent& event) {
  const Row* row = row_from(event, stage, phase);
  if (row == nullptr) return 0;
  return row->to == kSame ? phase : row->to;
}

}  // namespace

std::string_view rule_text(std::string_view rule) {
  constexpr std::string_view kPrefix = "due-process/";
  if (rule.starts_with(kPrefix)) rule.remove_prefix(kPrefix.size());
  for (const RuleText& known : kRules)
    if (known.rule == rule) return known.text;
  return {};
}

std::vector<TransitionRow> transition_table() {
  std::vector<TransitionRow> out;
  for (const Row& row : kTable) {
    TransitionRow& copy =
        out.emplace_back(TransitionRow{row.event, row.decision, row.stage, row.from, row.to, {}});
    for (const auto& checks : {row.alone, row.there})
      for (const Check& check : checks) copy.rules.push_back(check.rule);
  }
  return out;
}

Status judge_record(const RecordView& record, const FoldContext& context) {
  const ValidEvent& event = *record.event;
  if (record.leaf.event != static_cast<std::uint16_t>(event.event()))
    return broken(kOrder, {"the leaf is of another event than its slots"});
  if (is_node_event(event.event())) return context.registry.judge(record, context.issuer);
  if (event.event() != Event::kReceipt && context.registry.node_chain() == record.leaf.chain)
    return broken("R16", {quoted(event) + " stands in the node's own chain"});
  const Row* row = row_alone(event);
  CHECK_INVARIANT(row != nullptr);
  return run(row->alone, Judged{v1::Case::default_instance(), record, context});
}

Status judge(const v1::Case& state, const RecordView& record, const FoldContext& context) {
  if (!context.record_judged) TRY(judge_record(record, context));
  const Event event = record.event->event();
  if (is_node_event(event) || event == Event::kReceipt) return {};
  const Judged judged{state, record, context, find_receiver(state, context.issuer)};
  return is_receiver_event(event) ? judge_receiver(judged) : judge_origin(judged);
}

Status judge_time(std::uint64_t previous_ms, const Leaf& leaf) {
  if (leaf.time_ms >= previous_ms) return {};
  return broken("R17", {"a record is dated before the one that precedes it", "check the clock"});
}

Status judge_proved(std::uint64_t index, std::uint64_t verified_size) {
  if (index < verified_size) return {};
  return broken("R6", {"the record lies beyond the newest verified checkpoint",
                       "wait for a checkpoint that covers it"});
}

v1::Phase origin_after(v1::Phase phase, const ValidEvent& event) {
  return static_cast<v1::Phase>(after(phase, Stage::kOrigin, event));
}
v1::ReceiverPhase receiver_after(v1::ReceiverPhase phase, const ValidEvent& event) {
  return static_cast<v1::ReceiverPhase>(after(phase, Stage::kReceiver, event));
}
v1::MatterPhase matter_after(v1::MatterPhase phase, const ValidEvent& event) {
  return static_cast<v1::MatterPhase>(after(phase, Stage::kMatter, event));
}

}  // namespace tocsin::protocol
