// What a record about an action or an appeal must satisfy in its case.
#include <algorithm>

#include "protocol/process/attestation.h"
#include "protocol/process/checks.h"
#include "protocol/process/matter.h"

namespace tocsin::protocol::check {
namespace {

Found on_emergency(const Judged& j, const EmergencyOverride& declared) {
  const auto signal = fixed<32>(as_view(j.state.signal()), "signal");
  if (!signal || !std::binary_search(declared.signals.begin(), declared.signals.end(), *signal))
    return Breach{"the action rests on an emergency that was declared for other signals",
                  "record an EMERGENCY_OVERRIDE for this one"};
  if (j.time() < declared.until_ms && j.time() - declared.time_ms <= j.clocks().ms(Clock::kEmergencyReviewed))
    return {};
  return Breach{"the emergency was over when the action was taken", "review the signal first"};
}

Found by_same_eyes(const Judged& j, const google::protobuf::RepeatedPtrField<std::string>& reviewers) {
  for (const std::string& reviewer : reviewers) {
    const auto id = fixed<8>(as_view(reviewer), "key id");
    if (id && same_person(j, j.event().key_id(kSlotReviewer), *id))
      return Breach{"the appeal was decided by somebody who had reviewed the signal",
                    "have an officer decide who has not reviewed it"};
  }
  return {};
}

}  // namespace

Found acts_on_review(const Judged& j) {
  const std::uint64_t rests_on = j.event().number(12);
  if (const auto* declared = j.context.registry.emergency(rests_on, j.record.index))
    return on_emergency(j, *declared);
  if (j.context.shown != nullptr && !(*j.context.shown)(rests_on)) return {};
  const bool own = !j.event().has(kSlotOrigin);
  const bool reviewed =
      own ? j.origin().review_ms() != 0 : j.entry != nullptr && j.entry->phase() == v1::ACTIONABLE;
  if (!reviewed)
    return Breach{"an action needs this node's own confirming review of the signal",
                  "review the signal first"};
  if (rests_on != (own ? j.origin().review_index() : j.entry->review_index()))
    return Breach{"the action names a record that is not this node's last confirming review",
                  "name that review"};
  if (j.time() < (own ? j.origin().review_expires_ms() : j.entry->review_expires_ms())) return {};
  return Breach{"the review that the action rests on had lapsed", "review the signal again"};
}

Found begins_chain(const Judged& j) {
  if (j.record.leaf.chain_seq != 0) return Breach{"an action does not begin a chain of its own"};
  if (j.entry != nullptr && j.entry->matters_size() >= kMattersMax)
    return Breach{"there are too many matters about one signal"};
  return {};
}

Found begins_at_origin(const Judged& j) {
  if (j.matter != nullptr) return {};
  if (j.event().has(kSlotOrigin) || j.event().hash(3) == j.context.issuer)
    return Breach{"an appeal against this node's action does not stand in the action's chain",
                  "name the action that it is about"};
  return begins_chain(j);
}

Found one_notice(const Judged& j) {
  if (j.matter == nullptr || j.matter->taken_ms() == 0) return Breach{"there is no action to give notice of"};
  if (j.matter->notice_ms() == 0 && j.matter->waived_ms() == 0) return {};
  return Breach{"the action has its notice or waiver already",
                "one of notice, deferral and waiver is enough"};
}

Found notice_of_statement(const Judged& j) {
  if (equal(as_view(j.matter->statement()), j.event().hash(0))) return {};
  return Breach{"the notice is of another statement of reasons than the action's", "send the action's own"};
}

Found deferred_once_more(const Judged& j) {
  constexpr std::uint64_t kWaived = 2;
  constexpr std::uint32_t kDeferralsMax = 2;
  if (j.event().number(0) == kWaived || j.matter->deferrals() == 0) return {};
  if (j.matter->deferrals() >= kDeferralsMax)
    return Breach{"a notice is deferred once, and once more, not a third time", "send the notice"};
  if (j.time() <= j.matter->deferred_until_ms()) return {};
  return Breach{"the first deferral was over: the notice is due", "send the notice"};
}

Found same_appeal(const Judged& j) {
  if (j.matter != nullptr && equal(as_view(j.matter->appeal()), j.event().hash(0))) return {};
  return Breach{quoted(j.event()) + " is about another appeal than this chain's"};
}

Found by_fresh_eyes(const Judged& j) {
  if (!j.event().has(kSlotOrigin))
    if (auto found = by_same_eyes(j, j.origin().reviewer_keys())) return found;
  return j.entry == nullptr ? Found{} : by_same_eyes(j, j.entry->reviewer_keys());
}

Found undoes_action(const Judged& j) {
  if (j.matter != nullptr && j.matter->taken_ms() != 0 && j.event().number(2) == j.matter->taken_index())
    return {};
  return Breach{"it does not name the action that it undoes", "name the action of this chain"};
}

}  // namespace tocsin::protocol::check
