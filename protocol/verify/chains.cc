#include "protocol/verify/chains.h"

#include <algorithm>
#include <map>
#include <string>

#include "crypto/random.h"
#include "protocol/process/event.h"

namespace tocsin::protocol {
namespace {

constexpr std::uint32_t kEmpty = UINT32_MAX;
constexpr std::size_t kTableMin = 1024;

// Multilinear in the words under random keys: two chains collide with a chance of about 2^-64.
std::uint64_t keyed(const Hash& chain, const std::uint64_t (&keys)[4]) {
  std::uint64_t words[4];
  std::memcpy(words, chain.data(), sizeof words);
  using Wide = unsigned __int128;
  const Wide sum = static_cast<Wide>(words[0] + keys[0]) * (words[1] + keys[1]) +
                   static_cast<Wide>(words[2] + keys[2]) * (words[3] + keys[3]);
  return static_cast<std::uint64_t>(sum) ^ static_cast<std::uint64_t>(sum >> 64);
}

}  // namespace

ChainAudit::ChainAudit(std::vector<TimeBound> bounds, TileSpan span, const std::optional<Scope>& scope,
                       Report& report)
    : bounds_(std::move(bounds)),
      span_(span),
      whole_(!scope || scope->evidence == Evidence::kTiles),
      scope_(scope),
      report_(report),
      table_(kTableMin, kEmpty) {
  crypto::random_fill({reinterpret_cast<std::uint8_t*>(keys_), sizeof keys_});
}

std::size_t ChainAudit::slot_of(const Hash& chain) const {
  const std::size_t mask = table_.size() - 1;
  for (std::size_t at = keyed(chain, keys_) & mask;; at = (at + 1) & mask)
    if (table_[at] == kEmpty || heads_[table_[at]].chain == chain) return at;
}

const ChainHead* ChainAudit::head(const Hash& chain) const {
  const std::uint32_t at = table_[slot_of(chain)];
  return at == kEmpty ? nullptr : &heads_[at];
}

void ChainAudit::enlarge() {
  std::vector<std::uint32_t>(table_.size() * 2, kEmpty).swap(table_);
  for (std::size_t i = 0; i < heads_.size(); ++i)
    table_[slot_of(heads_[i].chain)] = static_cast<std::uint32_t>(i);
}

void ChainAudit::set_head(std::size_t slot, const ChainHead& head) {
  const bool created = table_[slot] == kEmpty;
  if (created) {
    table_[slot] = static_cast<std::uint32_t>(heads_.size());
    heads_.push_back(head);
  }
  ChainHead& place = heads_[table_[slot]];
  if (whole_) {
    undo_.push_back({table_[slot], created, place, head.index});
    if (undo_.size() > kIndexLagMax) undo_.pop_front();
  }
  place = head;
  if (created && heads_.size() * 2 > table_.size()) enlarge();
}

void ChainAudit::take(const LeafBlock& block) {
  for (const LedgerLeaf& leaf : block.leaves) take(leaf);
}

void ChainAudit::take(const LedgerLeaf& in) {
  const auto leaf = parse_leaf(in.bytes);
  if (!leaf) {
    report_.tampering("V6.leaf", "The record is malformed: " + leaf.error().message + ".", in.index);
    return;
  }
  if (!event_from_code(leaf->event))
    report_.tampering("V6.event", "The record is of a kind that the protocol does not have.", in.index);
  judge_time(in.index, leaf->time_ms);
  const std::size_t slot = slot_of(leaf->chain);
  if (table_[slot] == kEmpty)
    judge_first(in.index, *leaf);
  else
    judge_link(in.index, *leaf, heads_[table_[slot]]);
  // The chain goes on from what is there, so that one break is one finding.
  set_head(slot, {leaf->chain, in.hash, leaf->chain_seq, in.index});
}

void ChainAudit::judge_time(std::uint64_t index, std::uint64_t time_ms) {
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

void ChainAudit::judge_first(std::uint64_t index, const Leaf& leaf) {
  if (leaf.chain_seq == 0) return;
  const bool ought = leaf.previous_index >= span_.begin && leaf.previous_index < span_.end;
  if (whole_ || ought)
    report_.tampering("V7.head-cut", "The chain's earlier records are not in the ledger.", index);
  else if (scope_ && scope_->has_chain(leaf.chain))
    report_.missing("V7.cut", "The chain's earlier records are not in the bundle.", index);
}

void ChainAudit::judge_link(std::uint64_t index, const Leaf& leaf, const ChainHead& head) {
  if (leaf.chain_seq <= head.seq) {
    report_.tampering("V7.fork", "The chain already has a record in this place: it was forked.", index);
  } else if (leaf.chain_seq - head.seq != 1) {
    const bool ought = leaf.previous_index >= span_.begin && leaf.previous_index < span_.end;
    if (whole_ || ought)
      report_.tampering("V7.gap", "A record of the chain before this one is not in the ledger.", index);
    else if (scope_ && scope_->has_chain(leaf.chain))
      report_.missing("V7.cut", "A record of the chain before this one is not in the bundle.", index);
  } else if (leaf.previous != head.hash) {
    report_.tampering("V7.previous", "The record follows on another one than its chain's last.", index);
  } else if (leaf.previous_index != head.index) {
    report_.tampering("V7.index", "The record names the wrong place of its chain's last record.", index);
  }
}

void ChainAudit::judge_index(const IndexEpoch& epoch) {
  if (!whole_) return;
  const auto wrong = [&](const char* why) { report_.tampering("V7.index-root", why, epoch.index); };
  if (epoch.size > epoch.index || epoch.index - epoch.size > kIndexLagMax)
    return wrong("The index is of a ledger that its record does not follow on.");
  const std::size_t known = sorted_.size();
  for (std::size_t i = known; i < heads_.size(); ++i) sorted_.push_back(static_cast<std::uint32_t>(i));
  const auto less = [&](std::uint32_t a, std::uint32_t b) { return heads_[a].chain < heads_[b].chain; };
  const auto middle = sorted_.begin() + static_cast<std::ptrdiff_t>(known);
  std::sort(middle, sorted_.end(), less);
  std::inplace_merge(sorted_.begin(), middle, sorted_.end(), less);
  // What changed behind the index's size, as it was before: the oldest change of each head says so.
  std::map<std::uint32_t, const Undo*> earlier;
  for (const Undo& undo : undo_)
    if (undo.index >= epoch.size) earlier.emplace(undo.slot, &undo);
  IndexTree tree;
  for (const std::uint32_t slot : sorted_) {
    const auto undone = earlier.find(slot);
    if (undone != earlier.end() && undone->second->created) continue;
    const ChainHead& head = undone == earlier.end() ? heads_[slot] : undone->second->before;
    tree.add({head.chain, head.seq, head.index, head.hash});
  }
  if (tree.size() != epoch.chains || tree.root() != epoch.root)
    wrong("The index does not list the chains that the ledger has.");
}

}  // namespace tocsin::protocol
