#pragma once
// Records for the ledger builder: the slots of each event as a correct node fills them, and a whole correct
// ledger.

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/support/ledger_builder.h"

namespace tocsin::test {

using Slots = std::vector<protocol::SlotValue>;

// Replaces the slot of the same number, or adds it.
void set_slot(Slots& slots, protocol::SlotValue value);
void drop_slot(Slots& slots, std::uint8_t slot);

const Hash& test_group();
const Hash& test_network();
Hash signal_of(const TestNode& issuer, std::uint8_t number);
Hash chain_of(const TestNode& issuer, std::uint8_t number);
Hash node_chain(const TestNode& node);

Slots genesis_slots(const TestNode& node);
// role: 1 operational, 2 reviewer, 3 submitter, 4 appeals officer
Slots key_slots(const crypto::SigningKey& key, std::uint64_t role, std::uint64_t from_ms);
Slots member_slots(const TestNode& member);
Slots group_slots(const TestNode& owner, const std::vector<const TestNode*>& members, std::uint64_t epoch);
Slots charter_slots(const TestNode& coordinator);
Slots submitted_slots(const TestNode& node, std::uint8_t number, std::uint64_t now_ms);
Slots reviewed_slots(const crypto::SigningKey& reviewer, std::uint64_t now_ms);
Slots published_slots(std::uint64_t review_index, std::uint64_t now_ms);
Slots retraction_slots(const TestNode& node, const std::vector<const TestNode*>& recipients,
                       std::uint64_t now_ms);
// By `receiver`, about the issuer's retraction at `index`.
Slots applied_slots(const TestNode& issuer, std::uint8_t number, std::uint64_t index, const Hash& leaf,
                    std::uint64_t now_ms);

// What a record about an action or an appeal is about: signals of `origin`, or without it chains of one's
// own.
struct Whose {
  std::vector<Hash> ids;
  std::optional<Hash> origin = {};
};
Slots action_slots(const Whose& whose, std::uint64_t rests_on, std::uint64_t now_ms);
Slots notice_slots(const Whose& whose, std::uint64_t now_ms);
// kind 1: deferred by ten days, 2: waived
Slots deferral_slots(const Whose& whose, std::uint64_t kind, std::uint64_t now_ms);
Slots filed_slots(const Whose& whose, std::uint64_t now_ms);
Slots appeal_slots(const Whose& whose, const Hash& appeal, const Hash& channel, std::uint64_t now_ms);
Slots acked_slots(const Whose& whose, const Hash& appeal, std::uint64_t now_ms);
// To be attested by `officer`.
Slots decided_slots(const Whose& whose, const Hash& appeal, std::uint64_t outcome,
                    const crypto::SigningKey& officer, std::uint64_t now_ms);
Slots referred_slots(const Whose& whose, const Hash& appeal, std::uint64_t now_ms);
Slots outcome_slots(const Whose& whose, const Hash& appeal, std::uint64_t outcome, std::uint64_t now_ms);
Slots reinstated_slots(const Whose& whose, std::uint64_t action, std::uint64_t now_ms);
Slots reported_slots(const Whose& whose, std::uint64_t now_ms);
void set_whose(Slots& slots, const Whose& whose);

// What was opened: `classes` 1 for class A, 2 for both, of at most `records` records.
Slots disclosed_slots(std::string_view scope, std::uint64_t classes, std::uint64_t records);

// Where the records of a signal of the correct ledger stand.
struct SignalPlaces {
  std::uint64_t submitted = 0, reviewed = 0, published = 0;
};
struct CorrectLedger {
  explicit CorrectLedger(const TestNode& issuer, const TestNode& first_peer, const TestNode& second_peer);
  // Genesis, keys, members, charter, group; then two signals, of which the second is retracted.
  LedgerBuilder builder;
  SignalPlaces one, two;
  std::uint64_t group = 0;
  std::uint64_t retracted = 0;
};
// Submits, reviews and publishes a signal.
SignalPlaces append_signal(LedgerBuilder& builder, std::uint8_t number);
// What every ledger of the network begins with; returns the index of GROUP_SET, which is the last.
std::uint64_t append_foundation(LedgerBuilder& builder, const TestNode& coordinator,
                                const std::vector<const TestNode*>& members);

}  // namespace tocsin::test
