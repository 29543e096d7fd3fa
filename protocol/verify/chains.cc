#include "protocol/verify/chains.h"

#include <map>
#include <string>

#include "protocol/process/event.h"

namespace tocsin::protocol {
namespace {

class ChainAudit {
 public:
  ChainAudit(std::span<const TimeBound> bounds, Report& report) : bounds_(bounds), report_(report) {}

  void take(std::uint64_t index, ByteView bytes, const Hash& hash) {
    const auto leaf = parse_leaf(bytes);
    if (!leaf) {
      report_.tampering("V6.leaf", "The record is malformed: " + leaf.error().message + ".", index);
      return;
    }
    if (!event_from_code(leaf->event))
      report_.tampering("V6.event", "The record is of a kind that the protocol does not have.", index);
    judge_time(index, leaf->time_ms);
    judge_link(index, *leaf);
    // The chain goes on from what is there, so that one break is one finding.
    heads_[leaf->chain] = {leaf->chain_seq, index, hash};
  }

  ChainFacts facts() const { return {heads_.size(), last_ms_}; }

 private:
  struct Head {
    std::uint64_t seq = 0;
    std::uint64_t index = 0;
    Hash hash{};
  };

  void judge_time(std::uint64_t index, std::uint64_t time_ms) {
    if (time_ms < last_ms_)
      report_.breach("V6.time", "R17", "The record is dated before the one in front of it.", index);
    last_ms_ = std::max(last_ms_, time_ms);
    for (const TimeBound& bound : bounds_) {
      if (index >= bound.size || time_ms <= bound.time_ms || time_ms - bound.time_ms <= kWitnessSkewMs)
        continue;
      report_.breach("V6.witness-time", "R17", "The record is dated after it was already witnessed.", index);
      break;
    }
  }

  void judge_link(std::uint64_t index, const Leaf& leaf) {
    const auto at = heads_.find(leaf.chain);
    if (at == heads_.end()) {
      if (leaf.chain_seq != 0)
        report_.tampering("V7.head-cut", "The chain's earlier records are not in the ledger.", index);
      return;
    }
    const Head& head = at->second;
    if (leaf.chain_seq <= head.seq) {
      report_.tampering("V7.fork", "The chain already has a record in this place: it was forked.", index);
    } else if (leaf.chain_seq - head.seq != 1) {
      report_.tampering("V7.gap", "A record of the chain before this one is not in the ledger.", index);
    } else if (leaf.previous != head.hash) {
      report_.tampering("V7.previous", "The record follows on another one than its chain's last.", index);
    } else if (leaf.previous_index != head.index) {
      report_.tampering("V7.index", "The record names the wrong place of its chain's last record.", index);
    }
  }

  const std::span<const TimeBound> bounds_;
  Report& report_;
  std::map<Hash, Head> heads_;  // a hash table would let whoever chose the chain ids choose the collisions
  std::uint64_t last_ms_ = 0;
};

}  // namespace

ChainFacts audit_chains(const AuditedTree& tree, std::span<const TimeBound> bounds, Report& report) {
  ChainAudit audit(bounds, report);
  for (std::size_t i = 0; i < tree.leaves.size(); ++i) audit.take(i, tree.leaves[i], tree.hashes[i]);
  return audit.facts();
}

}  // namespace tocsin::protocol
