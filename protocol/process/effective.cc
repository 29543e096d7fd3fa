#include "protocol/process/effective.h"

#include "protocol/process/matter.h"

namespace tocsin::protocol {
namespace {

constexpr std::uint32_t kBasisHuman = 1;

struct Opinions {
  v1::Stance own = v1::STANCE_UNSPECIFIED;
  bool disputed = false;  // a person elsewhere says no
};

Opinions count(const v1::Case& state, const Hash& self, Effective& out) {
  Opinions opinions;
  const std::string labels = to_string(labels_of(state));
  for (const v1::ReceiverState& receiver : state.receivers()) {
    if (receiver.stance() == v1::STANCE_UNSPECIFIED || receiver.label_set() != labels) continue;
    const bool own = equal(as_view(receiver.node()), self);
    out.positive += receiver.stance() == v1::POSITIVE;
    out.seed += receiver.stance() == v1::SEED;
    out.negative += receiver.stance() == v1::NEGATIVE;
    if (own) opinions.own = receiver.stance();
    if (!own && receiver.stance() == v1::NEGATIVE && receiver.stance_basis() == kBasisHuman)
      opinions.disputed = true;
  }
  return opinions;
}

void settle(Effective& out, std::string_view state, Handling handling, std::string reason) {
  out.state = state;
  out.handling = handling;
  out.reason = std::move(reason);
}

std::string plural(std::size_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

void settle_retracted(Effective& out, const v1::Case& state, bool own_issue, std::uint64_t now_ms) {
  const v1::OriginState& origin = state.origin();
  const std::string why =
      origin.retraction_ms() == 0
          ? "this node has applied its retraction"
          : "its issuer retracted it: " + std::string(retraction_reason_name(origin.retraction_reason()));
  const MissingReceipts missing = missing_receipts(state, now_ms);
  if (!own_issue || missing.nodes.empty()) return settle(out, "RETRACTED", Handling::kNone, why);
  settle(out, "RETRACTING", Handling::kNone,
         why + "; " + plural(missing.nodes.size(), "member") +
             (missing.nodes.size() == 1 ? " has" : " have") + " not answered" +
             (missing.overdue ? ", overdue" : ""));
}

// Somebody's appeal about it is open, or its own issuer has decided one for the person.
bool appealed(const v1::Case& state) {
  for (const v1::ReceiverState& receiver : state.receivers())
    for (const v1::Matter& matter : receiver.matters()) {
      const bool found_wrong = matter.phase() == v1::OVERTURNED || matter.overturned_ms() != 0;
      if (is_open_appeal(matter) || (found_wrong && receiver.node() == state.issuer())) return true;
    }
  return false;
}

// The signal is over, or never began: nothing anybody thinks of it matters any more.
bool settle_ended(Effective& out, const v1::Case& state, const v1::ReceiverState* mine, bool own_issue,
                  std::uint64_t now_ms) {
  const v1::OriginState& origin = state.origin();
  const v1::Phase phase = origin.phase();
  const bool applied = mine != nullptr && mine->phase() == v1::CLOSED;
  if (applied || origin.retraction_ms() != 0 || phase == v1::RETRACTING || phase == v1::RETRACTED)
    settle_retracted(out, state, own_issue, now_ms);
  else if (phase == v1::PHASE_UNSPECIFIED)
    settle(out, "UNKNOWN", Handling::kNone, "its submission has not arrived");
  else if (phase == v1::REFUSED || !origin.refused_rule().empty())
    settle(out, "REFUSED", Handling::kNone, "its issuer broke rule " + origin.refused_rule());
  else if (phase == v1::ERASED)
    settle(out, "ERASED", Handling::kNone, "what it was about is erased");
  else if (phase == v1::RESTRICTED)
    settle(out, "RESTRICTED", Handling::kNone, "its issuer restricted it");
  else if (phase == v1::EXPIRED || now_ms >= origin.valid_until_ms())
    settle(out, "EXPIRED", Handling::kNone, "its time is over");
  else if (phase == v1::WITHDRAWN)
    settle(out, "WITHDRAWN", Handling::kNone, "its submitter withdrew it");
  else if (phase == v1::REJECTED)
    settle(out, "REJECTED", Handling::kNone, "its reviewer rejected it");
  else if (phase == v1::DRAFT)
    settle(out, "DRAFT", Handling::kNone, "nobody has reviewed it yet");
  else if (phase == v1::SHAREABLE && !own_issue)
    settle(out, "SHAREABLE", Handling::kNone, "it is not published");
  else
    return false;
  return true;
}

}  // namespace

std::string_view handling_name(Handling handling) {
  switch (handling) {
    case Handling::kNone:
      return "none";
    case Handling::kReview:
      return "review";
    case Handling::kAlert:
      return "alert";
  }
  return "none";
}

std::string_view retraction_reason_name(std::uint32_t reason) {
  const auto words = find_slot(Event::kRetractionIssued, 0)->words;
  return reason >= 1 && reason <= words.size() ? words[reason - 1] : "UNKNOWN";
}

Effective effective(const v1::Case& state, const Hash& self, std::uint64_t now_ms, bool quarantined) {
  Effective out;
  const Opinions opinions = count(state, self, out);
  const v1::ReceiverState* mine = find_receiver(state, self);
  const bool own_issue = equal(as_view(state.issuer()), self);
  if (settle_ended(out, state, mine, own_issue, now_ms)) return out;
  if (quarantined)
    settle(out, "QUARANTINED", Handling::kNone, "its issuer signed two histories of its ledger");
  else if (opinions.own == v1::NEGATIVE)
    settle(out, "NEGATIVE", Handling::kNone, "this node's own opinion is negative");
  else if (mine != nullptr && mine->phase() == v1::DECLINED)
    settle(out, "DECLINED", Handling::kNone, "this node declined it");
  else if (opinions.disputed && opinions.own != v1::POSITIVE)
    settle(out, "DISPUTED", Handling::kNone, "a person at another member disagrees");
  else if (appealed(state) && opinions.own != v1::POSITIVE)
    settle(out, "DISPUTED", Handling::kNone, "an appeal about it is open");
  else if (own_issue && state.origin().phase() == v1::SHAREABLE)
    settle(out, "SHAREABLE", Handling::kAlert, "this node's own signal, reviewed");
  else if (own_issue)
    settle(out, "LIVE", Handling::kAlert, "this node's own signal, reviewed and shared");
  else if (mine != nullptr && mine->phase() == v1::ACTIONABLE)
    settle(out, "ACTIONABLE", Handling::kAlert, "this node's own reviewer confirmed it");
  else
    settle(out, "HELD", Handling::kReview, "this node has not reviewed it yet");
  return out;
}

}  // namespace tocsin::protocol
