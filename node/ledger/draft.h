#pragma once
// What callers hand to the ledger: drafts of records, and what they are about.
//
// Concurrency: values. Source: SPEC §3-§4.

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/process/event.h"

namespace tocsin::node {

// What a record is about; the ledger blinds it into a chain id (SPEC §3).
struct Subject {
  enum class Kind : std::uint8_t { kSignal, kBatch, kNode, kChain } kind = Kind::kNode;
  Hash signal{};           // kSignal; of kChain the chain itself
  FixedBytes<16> batch{};  // kBatch

  static Subject of_signal(const Hash& signal) { return {Kind::kSignal, signal, {}}; }
  static Subject of_batch(const FixedBytes<16>& batch) { return {Kind::kBatch, {}, batch}; }
  // A chain that a record of ours has begun.
  static Subject of_chain(const Hash& chain) { return {Kind::kChain, chain, {}}; }
  static Subject of_node() { return {}; }
};

struct Draft {
  protocol::Event event{};
  Subject subject;
  std::vector<protocol::SlotValue> slots;    // both classes, ascending
  std::optional<FixedBytes<32>> key_a = {};  // chosen by the caller when a human signed over it
  std::vector<Hash> audience = {};           // groups; computed by the ledger for origin events when empty
  bool members = false;                      // every member may open it
};

}  // namespace tocsin::node
