#include "protocol/process/rules.h"

#include <algorithm>

#include "protocol/identity/ids.h"
#include "protocol/process/attestation.h"
#include "protocol/process/case_state.h"

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
     "with a "
     "ground, and the publication names it"},
    {"R2",
     "a review carries the signature of a reviewer's key that was valid then, whose person is not the "
     "submitter's; automation holds no reviewer key"},
    {"R5", "a publication names a group whose members the ledger lists"},
    {"R6", "a receiver accepts only what is proved to stand in a checkpoint it has verified"},
    {"R13", "every recipient answers a retraction with a receipt in its own ledger, matching stopped"},
    {"R14", "nothing is published after its retraction or expiry"},
    {"R16", "keys, members, groups and charter change only by the node's own 05xx records"},
    {"R17", "time never decreases in a ledger, and a record tells of nothing later than itself"},
    {"R18", "what is opened to an auditor or an authority is recorded as disclosed"},
    {"R19", "every signal has an end: content at most 36 months after it was submitted"},
};

struct Judged {
  const v1::Case& state;
  const RecordView& record;
  const FoldContext& context;

  const ValidEvent& event() const { return *record.event; }
  const v1::OriginState& origin() const { return state.origin(); }
  std::uint64_t time() const { return record.leaf.time_ms; }
};

struct Finding {
  std::string message;
  std::string fix = {};
};
using Found = std::optional<Finding>;
using Finder = Found (*)(const Judged&);

struct Check {
  std::string_view rule;
  Finder find;
};

tl::unexpected<Error> broken(std::string_view rule, Finding finding) {
  return fail({Code::kFailedPrecondition, std::move(finding.message), "due-process/" + std::string(rule),
               std::string(rule_text(rule)), std::move(finding.fix)});
}

std::string quoted(const ValidEvent& event) {
  return std::string(event_name(event.event()));
}

// --- what a record must satisfy by itself
// -------------------------------------------------------------------------

Found not_before(const Judged& j, std::uint8_t slot, std::string_view what) {
  if (j.event().number(slot) <= j.time()) return {};
  return Finding{quoted(j.event()) + ": " + std::string(what) + " lies after the record itself",
                 "check the clock"};
}

Found submitter_known(const Judged& j) {
  const KeyId id = j.event().key_id(6);
  if (j.context.registry.key_valid_at(id, j.time(), j.record.index) != nullptr) return {};
  return Finding{"the submitter's key is not a key of this node, or no longer", "add the key first"};
}

Found issuer_key_known(const Judged& j) {
  const KeyId id = j.event().key_id(8);
  if (j.context.registry.key_valid_at(id, j.time(), j.record.index) != nullptr) return {};
  return Finding{"the key that issued the retraction is not a key of this node, or no longer",
                 "add the key first"};
}

Found ends_in_time(const Judged& j) {
  constexpr std::uint64_t kDayMs = 86'400'000;
  const std::uint64_t until = j.event().number(10);
  if (until <= j.time()) return Finding{"the signal ended before it was submitted", "give a later end"};
  if (until - j.time() > kContentValidityDaysMax * kDayMs)
    return Finding{"the signal would live longer than 36 months", "give an end within 1096 days"};
  return {};
}

Found review_complete(const Judged& j) {
  constexpr std::uint64_t kAllExclusions = 31;
  if (j.event().number(6) != kAllExclusions)
    return Finding{
        "the review did not consider every exclusion: journalism, education, art, research, counter-speech",
        "consider each of the five and say so"};
  if (j.event().number(12) <= j.time())
    return Finding{"the review lapsed before it was recorded", "review again"};
  return {};
}

Found reviewed_before(const Judged& j) {
  return not_before(j, 11, "the review");
}
Found given_before(const Judged& j) {
  return not_before(j, 11, "the opinion");
}
Found expired_before(const Judged& j) {
  return not_before(j, 1, "the expiry");
}
Found stopped_before(const Judged& j) {
  return not_before(j, 0, "the stop");
}

// Reviewer, or appeals officer where slot `role_slot` says so; zero: either.
Found attested(const Judged& j, std::uint8_t role_slot) {
  const ValidEvent& event = j.event();
  const RegisteredKey* key = j.context.registry.key_valid_at(event.key_id(kSlotReviewer),
                                                             event.number(kSlotReviewedAt), j.record.index);
  if (key == nullptr)
    return Finding{quoted(event) + ": the key that attests it is not a key of this node that was valid then",
                   "attest with a reviewer's key that is in force"};
  const bool officer = key->role == KeyRole::kAppealsOfficer;
  if (key->role != KeyRole::kReviewer && !officer)
    return Finding{quoted(event) + ": the key that attests it is not a reviewer's",
                   "attest with a reviewer's key"};
  if (role_slot != 0 && officer != (event.number(role_slot) == 2))
    return Finding{quoted(event) + ": the record claims another role than the key has",
                   "name the key's own role"};
  if (j.record.attested_by == key->key) return {};
  const AttestationContext context{j.context.issuer, event.event(), j.record.leaf.chain};
  const auto verified = verify_attestation(context, j.record.key_a, event, key->key);
  if (!verified) return Finding{quoted(event) + ": " + verified.error().message, "attest this very record"};
  return {};
}

Found review_attested(const Judged& j) {
  return attested(j, 9);
}
Found opinion_attested(const Judged& j) {
  return j.event().has(kSlotAttestation) ? attested(j, 0) : Found{};
}

Found group_named(const Judged& j) {
  const GroupEpoch* group = j.context.registry.group_at(j.event().hash(0), j.record.index);
  if (group == nullptr)
    return Finding{"the publication names a group that the ledger does not know", "name a group"};
  if (group->epoch != j.event().number(1))
    return Finding{"the publication names an epoch of the group that is not in force",
                   "publish to the current epoch"};
  return {};
}

Found publication_ends(const Judged& j) {
  if (j.event().number(7) > j.time()) return {};
  return Finding{"the publication expired before it was made", "give a later expiry"};
}

Found due_after(const Judged& j) {
  if (j.event().number(3) >= j.time()) return {};
  return Finding{"the retraction was due before it was issued", "give a later deadline"};
}

Found matching_stopped(const Judged& j) {
  if (j.event().number(1) == 0) return {};
  return Finding{"the receipt admits matches after the retraction", "stop matching before answering"};
}

Found range_ordered(const Judged& j) {
  const ValidEvent& event = j.event();
  if (event.number(0) <= event.number(1) && event.number(1) <= event.number(3)) return {};
  return Finding{"the receipt's range does not lie within its checkpoint",
                 "acknowledge what the checkpoint covers"};
}

// --- what a record must satisfy in its case
// -----------------------------------------------------------------------

// A person is a pseudonym: whoever has two keys stays one person.
Found by_another_person(const Judged& j) {
  const KeyId reviewer = j.event().key_id(kSlotReviewer);
  const auto submitter = fixed<8>(as_view(j.origin().submitter_key()), "key id");
  const Registry& registry = j.context.registry;
  const RegisteredKey* submitted = submitter ? registry.key(*submitter) : nullptr;
  const RegisteredKey* reviewed = registry.key(reviewer);
  const bool same_person = submitted != nullptr && reviewed != nullptr &&
                           same_pseudonym(submitted->pseudonym, reviewed->pseudonym);
  if (!same_person && !(submitter && *submitter == reviewer)) return {};
  return Finding{"the reviewer is the submitter", "have somebody else review it"};
}

Found right_signal(const Judged& j) {
  const Hash signal = signal_id(j.context.issuer, j.event().bytes(0));
  if (j.state.signal().empty() || equal(as_view(j.state.signal()), signal)) return {};
  return Finding{"the submission is of another signal"};
}

Found review_stands(const Judged& j) {
  const v1::OriginState& origin = j.origin();
  if (origin.review_ms() == 0) return Finding{"a publication needs an approving review", "review it first"};
  if (j.event().number(2) != origin.review_index())
    return Finding{"the publication names a record that is not the signal's last approving review",
                   "name that review"};
  if (origin.review_index() <= origin.amended_index())
    return Finding{"the review is older than the signal's last amendment", "review it again"};
  if (j.time() >= origin.review_expires_ms()) return Finding{"the review had lapsed", "review it again"};
  return {};
}

Found not_ended(const Judged& j) {
  if (j.time() < j.origin().valid_until_ms()) return {};
  return Finding{"it was published after its end", "submit it anew"};
}

Found ends_with_signal(const Judged& j) {
  if (j.event().number(7) <= j.origin().valid_until_ms()) return {};
  return Finding{"the publication outlives the signal", "give an expiry no later than the signal's end"};
}

Found recipients_named(const Judged& j) {
  if (!j.context.complete || j.event().has(kSlotCovers)) return {};
  const std::vector<Hash> recipients = recipients_of(j.state, j.context, j.record.index);
  if (j.event().hash(2) == recipient_set_digest(recipients)) return {};
  return Finding{"the retraction does not name everybody the signal was published to",
                 "name every recipient"};
}

// --- the table
// ----------------------------------------------------------------------------------------------------

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
constexpr unsigned kOpen = any_of(v1::DRAFT, v1::SHAREABLE, v1::LIVE, v1::REFUSED);
constexpr unsigned kUndecided = any_of(v1::RECEIVER_PHASE_UNSPECIFIED, v1::HELD, v1::ACTIONABLE);
constexpr unsigned kNotClosed = kUndecided | bit(v1::DECLINED);

constexpr Check kSubmittedAlone[] = {{"R19", ends_in_time}, {"R16", submitter_known}};
constexpr Check kReviewedAlone[] = {
    {"R1", review_complete}, {"R17", reviewed_before}, {"R2", review_attested}};
constexpr Check kPublishedAlone[] = {{"R5", group_named}, {"R19", publication_ends}};
constexpr Check kExpiredAlone[] = {{"R17", expired_before}};
constexpr Check kReceiptAlone[] = {{"R6", range_ordered}};
constexpr Check kOpinionAlone[] = {{"R17", given_before}, {"R2", opinion_attested}};
constexpr Check kRetractionAlone[] = {{"R13", due_after}, {"R16", issuer_key_known}};
constexpr Check kAppliedAlone[] = {{"R13", matching_stopped}, {"R17", stopped_before}};

constexpr Check kSubmittedThere[] = {{kOrder, right_signal}};
constexpr Check kReviewedThere[] = {{"R2", by_another_person}};
constexpr Check kPublishedThere[] = {{"R1", review_stands}, {"R14", not_ended}, {"R19", ends_with_signal}};
constexpr Check kRetractionThere[] = {{"R13", recipients_named}};

// One row: an event, the decision in its slot 0 where that matters (else 0), the phases it may find, the
// phase that follows, what it must satisfy by itself and in its case. Receiver events speak of ReceiverPhase.
struct Row {
  Event event;
  unsigned decision;
  unsigned from;
  int to;
  std::span<const Check> alone;
  std::span<const Check> there = {};
};

constexpr Row kTable[] = {
    {Event::kSubmitted, 0, kNew, v1::DRAFT, kSubmittedAlone, kSubmittedThere},
    {Event::kReviewed, 1, kUnpublished, v1::SHAREABLE, kReviewedAlone, kReviewedThere},
    {Event::kReviewed, 1, bit(v1::LIVE), kSame, kReviewedAlone, kReviewedThere},
    {Event::kReviewed, 2, kUnpublished, v1::REJECTED, kReviewedAlone, kReviewedThere},
    {Event::kReviewed, 3, kUnpublished, v1::DRAFT, kReviewedAlone, kReviewedThere},
    {Event::kReviewed, 3, bit(v1::LIVE), kSame, kReviewedAlone, kReviewedThere},
    {Event::kWithdrawn, 0, kUnpublished, v1::WITHDRAWN, {}},
    {Event::kPublished, 0, any_of(v1::SHAREABLE, v1::LIVE), v1::LIVE, kPublishedAlone, kPublishedThere},
    {Event::kExpired, 0, kOpen, v1::EXPIRED, kExpiredAlone},
    {Event::kRetractionIssued, 0, kOpen | bit(v1::EXPIRED), v1::RETRACTING, kRetractionAlone,
     kRetractionThere},
    {Event::kReceipt, 0, 0, kSame, kReceiptAlone},
    {Event::kReceiverReviewed, 1, kUndecided, v1::ACTIONABLE, kReviewedAlone},
    {Event::kReceiverReviewed, 2, kUndecided, v1::DECLINED, kReviewedAlone},
    {Event::kReceiverReviewed, 3, kUndecided, v1::HELD, kReviewedAlone},
    {Event::kDeclined, 0, kUndecided, v1::DECLINED, {}},
    {Event::kOpinion, 0, kNotClosed | bit(v1::CLOSED), kSame, kOpinionAlone},
    {Event::kRetractionApplied, 0, kNotClosed, v1::CLOSED, kAppliedAlone},
};

bool fits(const Row& row, const ValidEvent& event) {
  return row.event == event.event() && (row.decision == 0 || row.decision == event.number(0));
}

const Row* row_alone(const ValidEvent& event) {
  for (const Row& row : kTable)
    if (fits(row, event)) return &row;
  return nullptr;
}

const Row* row_from(const ValidEvent& event, int phase) {
  for (const Row& row : kTable)
    if (fits(row, event) && (row.from & bit(phase)) != 0) return &row;
  return nullptr;
}

Status run(std::span<const Check> checks, const Judged& judged) {
  for (const Check& check : checks)
    if (auto found = check.find(judged)) return broken(check.rule, std::move(*found));
  return {};
}

tl::unexpected<Error> out_of_order(const ValidEvent& event, v1::Phase phase) {
  const bool over = phase == v1::RETRACTING || phase == v1::RETRACTED || phase == v1::EXPIRED;
  if (event.event() == Event::kPublished && over)
    return broken(
        "R14", {"it was published after its " + std::string(phase == v1::EXPIRED ? "expiry" : "retraction"),
                "submit it anew if it is to be shared again"});
  if (event.event() == Event::kPublished && phase != v1::REFUSED)
    return broken("R1", {"a publication needs an approving review", "review it first"});
  const std::string state = phase == v1::PHASE_UNSPECIFIED ? "unknown" : v1::Phase_Name(phase);
  return broken(kOrder, {quoted(event) + " cannot follow while the signal is " + state});
}

Status judge_origin(const Judged& judged) {
  const ValidEvent& event = judged.event();
  const v1::OriginState& origin = judged.origin();
  if (!judged.state.issuer().empty() && !equal(as_view(judged.state.issuer()), judged.context.issuer))
    return broken(kOrder, {quoted(event) + " stands in another node's ledger than the signal's"});
  const Row* row = row_from(event, origin.phase());
  if (row == nullptr) return out_of_order(event, origin.phase());
  const auto chain = fixed<32>(as_view(origin.chain()), "chain");
  if (event.event() != Event::kSubmitted && !(chain && covers(judged.record.leaf, event, *chain)))
    return broken(kOrder, {quoted(event) + " does not name this signal's chain"});
  return run(row->there, judged);
}

Status judge_receiver(const Judged& judged) {
  const ValidEvent& event = judged.event();
  const auto signal = fixed<32>(as_view(judged.state.signal()), "signal");
  if (!signal || !covers(judged.record.leaf, event, *signal) ||
      !equal(as_view(judged.state.issuer()), event.hash(kSlotOrigin)))
    return broken(kOrder, {quoted(event) + " does not name this signal"});
  const v1::ReceiverState* receiver = find_receiver(judged.state, judged.context.issuer);
  const v1::ReceiverPhase phase = receiver == nullptr ? v1::RECEIVER_PHASE_UNSPECIFIED : receiver->phase();
  const Row* row = row_from(event, phase);
  if (row == nullptr)
    return broken(
        kOrder, {quoted(event) + " cannot follow: the receiver's case is " + v1::ReceiverPhase_Name(phase)});
  return run(row->there, judged);
}

int after(int phase, const ValidEvent& event) {
  const Row* row = row_from(event, phase);
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
  const Judged judged{state, record, context};
  const Event event = record.event->event();
  if (is_node_event(event) || event == Event::kReceipt) return {};
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
  return static_cast<v1::Phase>(is_receiver_event(event.event()) ? 0 : after(phase, event));
}

v1::ReceiverPhase receiver_after(v1::ReceiverPhase phase, const ValidEvent& event) {
  return static_cast<v1::ReceiverPhase>(is_receiver_event(event.event()) ? after(phase, event) : 0);
}

}  // namespace tocsin::protocol
