#pragma once
// Steps V6 and V7 of an audit: every leaf in its one form, in the order of time, and each chain of records
// unbroken.
//
// These need no opening: a public mirror can be judged so far. Findings: V6.leaf, V6.event; V6.time and
// V6.witness-time (breaches of R17); V7.head-cut, V7.gap, V7.fork, V7.previous, V7.index. Concurrency: pure.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocol/log/leaf.h"
#include "protocol/verify/finding.h"
#include "protocol/verify/tree.h"

namespace tocsin::protocol {

// How far a node's clock may run ahead of a witness's.
inline constexpr std::uint64_t kWitnessSkewMs = 5 * 60 * 1000;

// All of the first `size` records existed at `time_ms`, by a witness's clock or the auditor's.
struct TimeBound {
  std::uint64_t size = 0;
  std::uint64_t time_ms = 0;
};

struct ChainFacts {
  std::size_t chains = 0;
  std::uint64_t last_ms = 0;
};
ChainFacts audit_chains(const AuditedTree& tree, std::span<const TimeBound> bounds, Report& report);

}  // namespace tocsin::protocol
