#include "protocol/verify/cross.h"

#include <algorithm>
#include <string>

#include "protocol/log/merkle.h"

namespace tocsin::protocol {
namespace {

Audit* ledger_of(std::span<Audit> audits, const Hash& node) {
  const auto at = std::find_if(audits.begin(), audits.end(), [&](const Audit& audit) {
    return audit.ledger.issuer == node && audit.ledger.registry.self() != nullptr;
  });
  return at == audits.end() ? nullptr : &*at;
}

Status check_claim(const PeerClaim& claim, Audit& receiver, const Audit& issuer) {
  if (issuer.history == nullptr || !issuer.history->whole()) return {};
  History& history = *issuer.history;
  if (claim.receipt) {
    // A receipt for more than the issuer shows here is of a newer state, which this bundle cannot deny.
    if (claim.place > history.size()) return {};
    TRY_ASSIGN(const Hash root, history.root_at(claim.place));
    if (root == claim.hash) return {};
    receiver.report.tampering(
        "V12.receipt", "The receipt saw another history of " + issuer.facts.name + " than its bundle shows.",
        claim.index);
    return {};
  }
  if (claim.place >= history.size()) return {};
  TRY_ASSIGN(const Leaf leaf, history.leaf_at(claim.place));
  if (leaf_hash(encode_leaf(leaf)) == claim.hash &&
      leaf.event == static_cast<std::uint16_t>(Event::kRetractionIssued))
    return {};
  receiver.report.tampering("V12.retraction",
                            "The answer is to a retraction that " + issuer.facts.name + " never issued.",
                            claim.index);
  return {};
}

Status check_seen(const Checkpoint& seen, Audit& holder, const Audit& shown) {
  if (shown.history == nullptr || !shown.history->whole() || seen.tree.size > shown.history->size())
    return {};
  TRY_ASSIGN(const Hash root, shown.history->root_at(seen.tree.size));
  if (root != seen.tree.root)
    holder.report.tampering("V12.peer", "The bundle has a checkpoint of " + shown.facts.name +
                                            " that is of another history than that ledger's bundle.");
  return {};
}

const Answer* answer_of(const Audit* receiver, const Audit& issuer, const Hash& node,
                        const Retracted& retracted) {
  const Answer* found = nullptr;
  if (receiver != nullptr) {
    const auto at = receiver->ledger.answers.find({issuer.ledger.issuer, retracted.signal});
    if (at != receiver->ledger.answers.end()) found = &at->second;
  } else if (const auto at = issuer.received.find({node, retracted.signal}); at != issuer.received.end()) {
    found = &at->second;
  }
  return found != nullptr && found->retraction == retracted.leaf ? found : nullptr;
}

void count_answer(std::span<Audit> audits, Audit& issuer, const Retracted& retracted, const Hash& node,
                  std::optional<std::uint64_t> now_ms) {
  const Audit* receiver = ledger_of(audits, node);
  const Answer* answer = answer_of(receiver, issuer, node, retracted);
  if (receiver == nullptr && answer == nullptr) return;
  ++issuer.facts.recipients_shown;
  const Member* member = issuer.ledger.registry.member(node);
  const std::string name = receiver != nullptr ? receiver->facts.name
                           : member != nullptr ? std::string(member->descriptor.name())
                                               : "A recipient";
  if (answer != nullptr) {
    ++issuer.facts.answers;
    if (answer->time_ms > retracted.due_ms)
      issuer.report.breach("V11.late", "R13", name + " answered the retraction after its deadline.",
                           retracted.index);
  } else if (now_ms.value_or(receiver->ledger.last_ms) > retracted.due_ms) {
    issuer.report.breach("V11.unanswered", "R13",
                         name + " has not answered the retraction, and its deadline has passed.",
                         retracted.index);
  }
}

}  // namespace

Status compare_ledgers(std::span<Audit> audits, std::optional<std::uint64_t> now_ms) {
  for (Audit& receiver : audits)
    for (const PeerClaim& claim : receiver.ledger.claims)
      if (const Audit* issuer = ledger_of(audits, claim.origin)) TRY(check_claim(claim, receiver, *issuer));
  for (Audit& holder : audits)
    for (const Checkpoint& seen : holder.seen)
      for (const Audit& shown : audits)
        if (&shown != &holder && shown.facts.origin == seen.origin) TRY(check_seen(seen, holder, shown));
  for (Audit& issuer : audits)
    for (const Retracted& retracted : issuer.ledger.retracted)
      for (const Hash& node : retracted.recipients) count_answer(audits, issuer, retracted, node, now_ms);
  for (Audit& audit : audits) audit.report.sort();
  return {};
}

}  // namespace tocsin::protocol
