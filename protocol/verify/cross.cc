#include "protocol/verify/cross.h"

#include <algorithm>
#include <string>

namespace tocsin::protocol {
namespace {

Audit* ledger_of(std::span<Audit> audits, const Hash& node) {
  const auto at = std::find_if(audits.begin(), audits.end(), [&](const Audit& audit) {
    return audit.ledger.issuer == node && audit.ledger.registry.self() != nullptr;
  });
  return at == audits.end() ? nullptr : &*at;
}

Hash root_at(const Audit& audit, std::uint64_t size) {
  return tree_root(std::span(audit.hashes).first(static_cast<std::size_t>(size)));
}

void check_claim(const PeerClaim& claim, Audit& receiver, const Audit& issuer) {
  if (claim.receipt) {
    // A receipt for more than the issuer shows here is of a newer state, which this bundle cannot deny.
    if (claim.place > issuer.hashes.size() || root_at(issuer, claim.place) == claim.hash) return;
    receiver.report.tampering(
        "V12.receipt", "The receipt saw another history of " + issuer.facts.name + " than its bundle shows.",
        claim.index);
  } else if (claim.place < issuer.hashes.size() &&
             issuer.hashes[static_cast<std::size_t>(claim.place)] != claim.hash) {
    receiver.report.tampering("V12.retraction",
                              "The answer is to a retraction that " + issuer.facts.name + " never issued.",
                              claim.index);
  }
}

bool has_answered(const Audit& receiver, const Hash& issuer, const v1::Case& retracted) {
  const auto signal = fixed<32>(as_view(retracted.signal()), "signal");
  if (!signal) return false;
  const auto held = receiver.ledger.received.find({issuer, *signal});
  if (held == receiver.ledger.received.end()) return false;
  const v1::ReceiverState* state = find_receiver(held->second, receiver.ledger.issuer);
  return state != nullptr && state->phase() == v1::CLOSED &&
         state->applied_retraction() == retracted.origin().retraction_leaf();
}

void count_answers(std::span<Audit> audits, Audit& issuer, const v1::Case& retracted,
                   std::optional<std::uint64_t> now_ms) {
  const v1::OriginState& origin = retracted.origin();
  for (const std::string& recipient : origin.recipients()) {
    const auto node = fixed<32>(as_view(recipient), "recipient");
    Audit* receiver = node ? ledger_of(audits, *node) : nullptr;
    if (receiver == nullptr) continue;
    ++issuer.facts.recipients_shown;
    if (has_answered(*receiver, issuer.ledger.issuer, retracted)) {
      ++issuer.facts.answers;
    } else if (now_ms.value_or(receiver->ledger.last_ms) > origin.retraction_due_ms()) {
      issuer.report.breach(
          "V10.rule", "R13",
          receiver->facts.name + " has not answered the retraction, and its deadline has passed.",
          origin.retraction_index());
    }
  }
}

}  // namespace

void compare_ledgers(std::span<Audit> audits, std::optional<std::uint64_t> now_ms) {
  for (Audit& receiver : audits)
    for (const PeerClaim& claim : receiver.ledger.claims)
      if (const Audit* issuer = ledger_of(audits, claim.origin)) check_claim(claim, receiver, *issuer);
  for (Audit& issuer : audits)
    for (const auto& [chain, state] : issuer.ledger.cases)
      if (state.origin().retraction_ms() != 0) count_answers(audits, issuer, state, now_ms);
}

}  // namespace tocsin::protocol
