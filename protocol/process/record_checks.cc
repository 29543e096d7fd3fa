// What a record must satisfy by itself.
#include "protocol/process/attestation.h"
#include "protocol/process/checks.h"

namespace tocsin::protocol {

std::string quoted(const ValidEvent& event) {
  return std::string(event_name(event.event()));
}

namespace check {
namespace {

constexpr std::uint64_t kDayMs = 86'400'000;
constexpr std::uint64_t kOfficer = 2;

Found not_before(const Judged& j, std::uint8_t slot, std::string_view what) {
  if (j.event().number(slot) <= j.time()) return {};
  return Breach{quoted(j.event()) + ": " + std::string(what) + " lies after the record itself",
                "check the clock"};
}

Found tells_of_past(const Judged& j, std::uint8_t slot) {
  std::string what(find_slot(j.event().event(), slot)->name);
  for (char& c : what)
    if (c == '_') c = ' ';
  return not_before(j, slot, "its " + what);
}

Found key_known(const Judged& j, std::uint8_t slot, const char* whose) {
  const KeyId id = j.event().key_id(slot);
  if (j.context.registry.key_valid_at(id, j.time(), j.record.index) != nullptr) return {};
  return Breach{std::string(whose) + " is not a key of this node, or no longer", "add the key first"};
}

// Reviewer, or appeals officer where slot `role_slot` says so; zero: either.
Found attested(const Judged& j, std::uint8_t role_slot) {
  const ValidEvent& event = j.event();
  const RegisteredKey* key = j.context.registry.key_valid_at(event.key_id(kSlotReviewer),
                                                             event.number(kSlotReviewedAt), j.record.index);
  if (key == nullptr)
    return Breach{quoted(event) + ": the key that attests it is not a key of this node that was valid then",
                  "attest with a reviewer's key that is in force"};
  const bool officer = key->role == KeyRole::kAppealsOfficer;
  if (key->role != KeyRole::kReviewer && !officer)
    return Breach{quoted(event) + ": the key that attests it is not a reviewer's",
                  "attest with a reviewer's key"};
  if (role_slot != 0 && officer != (event.number(role_slot) == kOfficer))
    return Breach{quoted(event) + ": the record claims another role than the key has",
                  "name the key's own role"};
  if (j.record.attested_by == key->key) return {};
  const AttestationContext context{j.context.issuer, event.event(), j.record.leaf.chain};
  const auto verified = verify_attestation(context, j.record.key_a, event, key->key);
  if (!verified) return Breach{quoted(event) + ": " + verified.error().message, "attest this very record"};
  return {};
}

// A deadline in slot `due` no later than the clock allows after the time in slot `from`, and not before it.
Found within(const Judged& j, std::uint8_t from, std::uint8_t due, Clock clock) {
  const std::uint64_t start = j.event().number(from);
  const std::uint64_t end = j.event().number(due);
  if (end >= start && end - start <= j.clocks().ms(clock)) return {};
  return Breach{
      quoted(j.event()) + ": its deadline is beyond the charter's clock " + std::string(clock_name(clock)),
      "give an earlier deadline"};
}

}  // namespace

Found submitter_known(const Judged& j) {
  return key_known(j, 6, "the submitter's key");
}
Found issuer_key_known(const Judged& j) {
  return key_known(j, 8, "the key that issued it");
}

Found ends_in_time(const Judged& j) {
  const std::uint64_t until = j.event().number(10);
  if (until <= j.time()) return Breach{"the signal ended before it was submitted", "give a later end"};
  if (until - j.time() > kContentValidityDaysMax * kDayMs)
    return Breach{"the signal would live longer than 36 months", "give an end within 1096 days"};
  return {};
}

Found involvement_fits(const Judged& j) {
  constexpr std::uint64_t kReferral = 4;
  constexpr std::uint64_t kOrder = 5;
  const std::uint64_t source = j.event().number(1);
  const std::uint64_t involvement = j.event().number(9);
  if (source == kOrder && involvement != 3)
    return Breach{"a signal from an authority's order does not say so in its state involvement",
                  "--state-involvement order"};
  if (source == kReferral && involvement == 1)
    return Breach{"a signal from an authority's referral does not say so in its state involvement",
                  "--state-involvement referral"};
  return {};
}

Found review_complete(const Judged& j) {
  constexpr std::uint64_t kAllExclusions = 31;
  if (j.event().number(6) != kAllExclusions)
    return Breach{
        "the review did not consider every exclusion: journalism, education, art, research, counter-speech",
        "consider each of the five and say so"};
  if (j.event().number(12) <= j.time())
    return Breach{"the review lapsed before it was recorded", "review again"};
  return {};
}

Found reviewed_before(const Judged& j) {
  return tells_of_past(j, kSlotReviewedAt);
}
Found first_slot_before(const Judged& j) {
  return tells_of_past(j, 0);
}
Found second_slot_before(const Judged& j) {
  return tells_of_past(j, 1);
}
Found third_slot_before(const Judged& j) {
  return tells_of_past(j, 2);
}
Found fourth_slot_before(const Judged& j) {
  return tells_of_past(j, 3);
}
Found applied_before(const Judged& j) {
  return tells_of_past(j, 11);
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
    return Breach{"the publication names a group that the ledger does not know", "name a group"};
  if (group->epoch != j.event().number(1))
    return Breach{"the publication names an epoch of the group that is not in force",
                  "publish to the current epoch"};
  return {};
}

Found publication_ends(const Judged& j) {
  if (j.event().number(7) > j.time()) return {};
  return Breach{"the publication expired before it was made", "give a later expiry"};
}

Found hold_ends_later(const Judged& j) {
  if (j.event().number(1) > j.time()) return {};
  return Breach{"the hold ended before it was set", "give a later end"};
}

Found due_after(const Judged& j) {
  if (j.event().number(3) >= j.time()) return {};
  return Breach{"the retraction was due before it was issued", "give a later deadline"};
}

Found due_in_time(const Judged& j) {
  if (j.event().number(3) - j.time() <= j.clocks().ms(Clock::kRetractionAnswered)) return {};
  return Breach{"the retraction gives its recipients more time than the charter allows",
                "give an earlier deadline"};
}

Found matching_stopped(const Judged& j) {
  if (j.event().number(1) == 0) return {};
  return Breach{"the receipt admits matches after the retraction", "stop matching before answering"};
}

Found range_ordered(const Judged& j) {
  const ValidEvent& event = j.event();
  if (event.number(0) <= event.number(1) && event.number(1) <= event.number(3)) return {};
  return Breach{"the receipt's range does not lie within its checkpoint",
                "acknowledge what the checkpoint covers"};
}

Found notice_complete(const Judged& j) {
  constexpr std::uint64_t kAllSix = 63;
  if (j.event().number(1) == kAllSix) return {};
  return Breach{"the notice does not say all that Article 17(3)(a) to (f) asks for",
                "say the measure, the facts, automation, the ground, and the ways to redress"};
}

Found window_long_enough(const Judged& j) {
  const std::uint64_t sent = j.event().number(2);
  const std::uint64_t until = j.event().number(4);
  if (until >= sent && until - sent >= j.clocks().ms(Clock::kComplaintWindow)) return {};
  return Breach{"the person has less time to complain than six months from the notice",
                "leave the window open for 183 days"};
}

Found deferral_grounded(const Judged& j) {
  constexpr std::uint64_t kWaived = 2;
  const bool lasting = j.event().number(1) >= 3;  // deceptive commercial content, or nobody to tell
  if ((j.event().number(0) == kWaived) == lasting) return {};
  return Breach{
      "the ground named does not allow this: an authority or an investigation defers a notice, deceptive "
      "commercial content or an unknown contact waives it",
      "name the ground that applies"};
}

Found deferral_short(const Judged& j) {
  constexpr std::uint64_t kWaived = 2;
  if (j.event().number(0) == kWaived) return {};
  const std::uint64_t until = j.event().number(2);
  if (until > j.time() && until - j.time() <= j.clocks().ms(Clock::kDeferral)) return {};
  return Breach{"a notice may be deferred only for as long as the charter allows", "give an earlier end"};
}

Found appeal_due_in_time(const Judged& j) {
  return within(j, 1, 2, Clock::kAppealDecided);
}

Found decided_by_officer(const Judged& j) {
  if (j.event().number(2) != 1) return Breach{"an appeal was not decided by a human", "have a person decide"};
  if (j.event().number(9) == kOfficer) return {};
  return Breach{"an appeal was not decided by an appeals officer", "decide with an appeals officer's key"};
}

Found dispute_due_in_time(const Judged& j) {
  return within(j, 3, 2, Clock::kOutOfCourt);
}

}  // namespace check
}  // namespace tocsin::protocol
