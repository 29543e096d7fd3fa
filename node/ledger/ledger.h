#pragma once
// Ledger: the node's own append-only log and its one sequencer. Everything that happens enters here.
//
// append() takes drafts from any thread and answers when they are durable: indices assigned, one synced RocksDB batch
// written with leaves, sealed bodies, tiles, projections and the signed checkpoint. Drafts of one append stand or fall
// together; a draft that breaks a rule fails its append alone, with the rule's id, and nothing of it is written.
// A page of a peer's ledger travels the same way (`foreign`), so that what it changes and our own receipts for it are
// one commit. Nothing is acknowledged before the sync; after a failed write the ledger refuses everything until it is
// reopened.
// Concurrency: append() and the readers from any thread; sequence_once() on Lane::kSequencer alone.
// Source: ledger.md of the design; SPEC §3-§6.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/base/secret.h"
#include "protocol/process/event.h"

namespace tocsin::node {

inline constexpr std::size_t kDraftsPerAppendMax = 4096;   // bounds one commit's memory
inline constexpr std::size_t kPendingAppendsMax = 16384;   // beyond it append() answers kResourceExhausted

// What a record is about; the ledger blinds it into a chain id (SPEC §3).
struct Subject {
  enum class Kind : std::uint8_t { kSignal, kBatch, kNode } kind = Kind::kNode;
  Hash signal{};               // kSignal
  FixedBytes<16> batch{};      // kBatch
};

struct Draft {
  protocol::Event event{};
  Subject subject;
  std::vector<protocol::SlotValue> slots;         // both classes, ascending
  std::optional<FixedBytes<32>> key_a;            // chosen by the caller when a human signed over it
  std::vector<Hash> audience;                     // groups; computed by the ledger for origin events when empty
  bool members = false;                           // every member may open it
};

struct Appended {
  std::uint64_t first_index = 0;
  std::uint64_t count = 0;
  std::shared_ptr<const std::string> checkpoint;  // signed note that covers them, already durable
};

using AppendDone = std::function<void(Result<Appended>)>;

}  // namespace tocsin::node
