// What an issuer's record must satisfy in its case.
#include <algorithm>

#include "protocol/identity/ids.h"
#include "protocol/process/attestation.h"
#include "protocol/process/case_state.h"
#include "protocol/process/checks.h"
#include "protocol/process/matter.h"

namespace tocsin::protocol {

// A person is a pseudonym: whoever has two keys stays one person.
bool same_person(const Judged& judged, const KeyId& one, const KeyId& other) {
  if (one == other) return true;
  const RegisteredKey* first = judged.context.registry.key(one);
  const RegisteredKey* second = judged.context.registry.key(other);
  return first != nullptr && second != nullptr && same_pseudonym(first->pseudonym, second->pseudonym);
}

namespace check {
namespace {

bool attested_by(const Judged& j, const std::string& key) {
  const auto id = fixed<8>(as_view(key), "key id");
  return id && same_person(j, j.event().key_id(kSlotReviewer), *id);
}

}  // namespace

Found by_another_person(const Judged& j) {
  if (!attested_by(j, j.origin().submitter_key())) return {};
  return Breach{"the reviewer is the submitter", "have somebody else review it"};
}

Found by_a_third_person(const Judged& j) {
  if (!attested_by(j, j.origin().reviewer_key())) return {};
  return Breach{"the second reviewer is the first", "have a third person review it"};
}

Found right_signal(const Judged& j) {
  const Hash signal = signal_id(j.context.issuer, j.event().bytes(0));
  if (j.state.signal().empty() || equal(as_view(j.state.signal()), signal)) return {};
  return Breach{"the submission is of another signal"};
}

Found review_stands(const Judged& j) {
  const v1::OriginState& origin = j.origin();
  if (origin.review_ms() == 0) return Breach{"a publication needs an approving review", "review it first"};
  if (j.event().number(2) != origin.review_index())
    return Breach{"the publication names a record that is not the signal's last approving review",
                  "name that review"};
  if (origin.review_index() <= origin.amended_index())
    return Breach{"the review is older than the signal's last amendment", "review it again"};
  if (j.time() >= origin.review_expires_ms()) return Breach{"the review had lapsed", "review it again"};
  return {};
}

Found second_review_stands(const Judged& j) {
  const v1::OriginState& origin = j.origin();
  if (!origin.severe()) return {};
  if (origin.second_review_ms() != 0 && origin.second_review_index() > origin.review_index() &&
      j.time() < origin.second_review_expires_ms())
    return {};
  return Breach{"a signal of this category needs a second review by a third person",
                "have it reviewed a second time"};
}

Found not_ended(const Judged& j) {
  if (j.time() < j.origin().valid_until_ms()) return {};
  return Breach{"it was published after its end", "submit it anew"};
}

Found ends_with_signal(const Judged& j) {
  if (j.event().number(7) <= j.origin().valid_until_ms()) return {};
  return Breach{"the publication outlives the signal", "give an expiry no later than the signal's end"};
}

Found not_overturned(const Judged& j) {
  if (j.entry == nullptr) return {};
  for (const v1::Matter& matter : j.entry->matters())
    if (!matter.foreign() && matter.overturned_ms() != 0)
      return Breach{"an appeal against the signal was decided for the person", "retract it"};
  return {};
}

Found supersedes_last(const Judged& j) {
  if (j.event().number(1) == j.origin().amended_index()) return {};
  return Breach{"the amendment does not name the record it replaces",
                "name the last submission or amendment"};
}

Found amended_end_in_time(const Judged& j) {
  constexpr std::uint64_t kDayMs = 86'400'000;
  if (!j.event().has(5)) return {};
  const std::uint64_t until = j.event().number(5);
  if (until > j.time() && until <= j.origin().submitted_ms() + kContentValidityDaysMax * kDayMs) return {};
  return Breach{"the signal would end before now or live longer than 36 months", "give another end"};
}

Found hold_is_set(const Judged& j) {
  if (j.origin().hold_until_ms() != 0) return {};
  return Breach{"there is no hold to release"};
}

Found nothing_pending(const Judged& j) {
  if (j.origin().hold_until_ms() > j.time())
    return Breach{"the record is under a legal hold", "wait for the hold to end"};
  if (j.entry == nullptr) return {};
  for (const v1::Matter& matter : j.entry->matters())
    if (is_open_appeal(matter))
      return Breach{"an appeal about the signal is open", "decide the appeal first"};
  return {};
}

Found recipients_named(const Judged& j) {
  if (!j.context.complete || j.event().has(kSlotCovers)) return {};
  const std::vector<Hash> recipients = recipients_of(j.state, j.context, j.record.index);
  if (j.event().hash(2) == recipient_set_digest(recipients)) return {};
  return Breach{"the retraction does not name everybody the signal was published to", "name every recipient"};
}

Found completes_retraction(const Judged& j) {
  if (j.event().number(1) != j.origin().retraction_index())
    return Breach{"it completes another retraction than the signal's"};
  if (!j.context.complete) return {};
  const std::vector<Hash> recipients = recipients_of(j.state, j.context, j.origin().retraction_index());
  if (j.event().hash(0) == recipient_set_digest(recipients)) return {};
  return Breach{"it does not speak of everybody who had to answer"};
}

Found overdue_retraction(const Judged& j) {
  if (j.event().number(1) != j.origin().retraction_index())
    return Breach{"it is about another retraction than the signal's"};
  if (j.time() <= j.origin().retraction_due_ms())
    return Breach{"the retraction's deadline has not passed", "wait for the deadline"};
  if (!j.context.complete) return {};
  const std::vector<Hash> recipients = recipients_of(j.state, j.context, j.origin().retraction_index());
  for (const Hash& node : j.event().hashes(0))
    if (!std::binary_search(recipients.begin(), recipients.end(), node))
      return Breach{"it accuses a node that the signal was never published to", "name recipients only"};
  return {};
}

}  // namespace check
}  // namespace tocsin::protocol
