#pragma once
// A record as the rules see it: its place in a ledger, its leaf, and its opened slots.
//
// Concurrency: values and pure functions; a RecordView borrows its event.

#include <cstdint>
#include <optional>
#include <vector>

#include "crypto/sign.h"
#include "protocol/log/leaf.h"
#include "protocol/process/event.h"

namespace tocsin::protocol {

struct RecordView {
  std::uint64_t index = 0;  // in the ledger
  Leaf leaf;
  Hash leaf_hash{};
  const ValidEvent* event = nullptr;
  FixedBytes<32> key_a{};  // opens class A; what an attestation's commitments are recomputed from
  // The key under which slot 15 was already verified over this very record, so that it need not be again.
  std::optional<crypto::PublicKey> attested_by = {};
};

// Which cases a record changes: chains of the ledger it stands in, or signals of another node, or none.
struct Covered {
  enum class Kind : std::uint8_t { kNothing, kChains, kSignals };
  Kind kind = Kind::kNothing;
  std::vector<Hash> ids;  // ascending
  Hash origin{};          // with kSignals: the issuer's fingerprint
};

Covered covered(const Leaf& leaf, const ValidEvent& event);
// Whether `id` is among covered(leaf, event).ids, without building them.
bool covers(const Leaf& leaf, const ValidEvent& event, const Hash& id);

bool is_node_event(Event event);  // 05xx: the node's own keys, members, groups, charter
// What a node says of a signal as its receiver, or as anybody who acts on it: it changes only that node's own
// entry of the case. With slot 14 about another node's signals, without about its own.
bool is_receiver_event(Event event);
// ACTION_TAKEN and what follows it (0301 to 030C), and OUTCOME_REPORTED.
bool is_matter_event(Event event);

}  // namespace tocsin::protocol
