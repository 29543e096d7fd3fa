#pragma once
// Steps V6 and V7 of an audit: every leaf in its one form, in the order of time, and each chain of records
// unbroken.
//
// These need no opening: a public mirror can be judged so far. Where the bundle holds only a range or single
// records, what stands outside it is not missed. Errors: spill.h's. Findings: V6.leaf, V6.event; V6.time and
// V6.witness-time (breaches of R17); V7.head-cut, V7.gap, V7.fork, V7.previous, V7.index, V7.index-root;
// V7.cut (missing). Concurrency: belongs to one thread.

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "protocol/log/leaf.h"
#include "protocol/verify/finding.h"
#include "protocol/verify/index_proof.h"
#include "protocol/verify/scope.h"
#include "protocol/verify/spill.h"
#include "protocol/verify/tree.h"

namespace tocsin::protocol {

// How far a node's clock may run ahead of a witness's.
inline constexpr std::uint64_t kWitnessSkewMs = 5 * 60 * 1000;

// All of the first `size` records existed at `time_ms`, by a witness's clock or the auditor's.
struct TimeBound {
  std::uint64_t size = 0;
  std::uint64_t time_ms = 0;
};

struct ChainHead {
  Hash chain{};
  Hash hash{};  // of the last record
  std::uint64_t seq = 0;
  std::uint64_t index = 0;
};

class ChainAudit {
 public:
  // Leaves outside `span` come only as single records; `scope` names the chains whose records must all come.
  // At most `memory_bytes` of heads are held in memory, and some 20 bytes a chain.
  ChainAudit(std::vector<TimeBound> bounds, TileSpan span, const std::optional<Scope>& scope,
             std::size_t memory_bytes, Report& report);

  Status take(const LeafBlock& block);
  // What an INDEX_EPOCH record says, when the block that holds it has been taken. Judged in whole trees.
  Status judge_index(const IndexEpoch& epoch);
  // The last record of a chain, as far as leaves were taken.
  Result<std::optional<ChainHead>> head(const Hash& chain) const;
  // Its number: chains are counted from 0 as they come.
  Result<std::optional<std::uint64_t>> number(const Hash& chain) const { return heads_.find(chain); }

 private:
  struct Undo {
    std::uint64_t number = 0;
    bool created = false;
    ChainHead before;
    std::uint64_t index = 0;  // of the record that changed it
  };
  Status take(const LedgerLeaf& leaf);
  void judge_time(std::uint64_t index, std::uint64_t time_ms);
  void judge_first(std::uint64_t index, const Leaf& leaf);
  void judge_link(std::uint64_t index, const Leaf& leaf, const ChainHead& head);
  Result<ChainHead> head_at(std::uint64_t number) const;
  Status sort_new();

  const std::vector<TimeBound> bounds_;
  const TileSpan span_;
  const bool whole_;
  const std::optional<Scope>& scope_;
  Report& report_;
  KeyedRows heads_;                    // a ChainHead each
  std::vector<std::uint32_t> sorted_;  // their numbers ascending by chain, as of the last index judged
  std::deque<Undo> undo_;              // the last kIndexLagMax changes
  std::uint64_t last_ms_ = 0;
};

}  // namespace tocsin::protocol
