#include "protocol/verify/chains.h"

#include <algorithm>
#include <map>
#include <string>
#include <type_traits>

#include "crypto/base/encoding.h"
#include "protocol/process/event.h"

namespace tocsin::protocol {
namespace {

static_assert(std::is_trivially_copyable_v<ChainHead> && sizeof(ChainHead) == 2 * sizeof(Hash) + 16);

ByteView row_of(const ChainHead& head) {
  return {reinterpret_cast<const std::uint8_t*>(&head), sizeof head};
}

}  // namespace

ChainAudit::ChainAudit(std::vector<TimeBound> bounds, TileSpan span, const std::optional<Scope>& scope,
                       std::size_t memory_bytes, Report& report)
    : bounds_(std::move(bounds)),
      span_(span),
      whole_(!scope || scope->evidence == Evidence::kTiles),
      scope_(scope),
      report_(report),
      heads_(sizeof(Hash), sizeof(ChainHead), memory_bytes) {}

Result<ChainHead> ChainAudit::head_at(std::uint64_t number) const {
  ChainHead head;
  TRY(heads_.get(number, {reinterpret_cast<std::uint8_t*>(&head), sizeof head}));
  return head;
}

Result<std::optional<ChainHead>> ChainAudit::head(const Hash& chain) const {
  TRY_ASSIGN(const auto number, heads_.find(chain));
  if (!number) return std::optional<ChainHead>();
  TRY_ASSIGN(const ChainHead head, head_at(*number));
  return std::optional(head);
}

Status ChainAudit::take(const LeafBlock& block) {
  for (const LedgerLeaf& leaf : block.leaves) TRY(take(leaf));
  return {};
}

Status ChainAudit::take(const LedgerLeaf& in) {
  const auto leaf = parse_leaf(in.bytes);
  if (!leaf) {
    report_.tampering("V6.leaf", "The record is malformed: " + leaf.error().message + ".", in.index);
    return {};
  }
  if (!event_from_code(leaf->event))
    report_.tampering("V6.event", "The record is of a kind that the protocol does not have.", in.index);
  judge_time(in.index, leaf->time_ms);
  // The chain goes on from what is there, so that one break is one finding.
  const ChainHead now{leaf->chain, in.hash, leaf->chain_seq, in.index};
  TRY_ASSIGN(const KeyedRows::Place place, heads_.find_or_add(row_of(now)));
  ChainHead before;
  if (place.added) {
    judge_first(in.index, *leaf);
  } else {
    TRY_ASSIGN(before, head_at(place.number));
    judge_link(in.index, *leaf, before);
    TRY(heads_.set(place.number, row_of(now)));
  }
  if (!whole_) return {};
  undo_.push_back({place.number, place.added, before, in.index});
  if (undo_.size() > kIndexLagMax) undo_.pop_front();
  return {};
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

// Brings the chains that came since the last time into the order of all.
Status ChainAudit::sort_new() {
  struct New {
    std::uint64_t prefix = 0;  // of the chain: the order of all but a few is settled by it
    std::uint32_t number = 0;
  };
  std::vector<New> fresh;
  for (std::uint64_t number = sorted_.size(); number < heads_.size(); ++number) {
    TRY_ASSIGN(const ChainHead head, head_at(number));
    fresh.push_back({get_be<std::uint64_t>(head.chain.data()), static_cast<std::uint32_t>(number)});
  }
  Status read;
  const auto chain_of = [&](std::uint32_t number) {
    const auto head = head_at(number);
    if (!head) read = tl::unexpected<Error>(head.error());
    return head ? head->chain : Hash{};
  };
  std::sort(fresh.begin(), fresh.end(), [&](const New& a, const New& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    return a.number != b.number && chain_of(a.number) < chain_of(b.number);
  });
  std::vector<std::uint32_t> merged;
  merged.reserve(static_cast<std::size_t>(heads_.size()));
  auto next = fresh.begin();
  for (const std::uint32_t old : sorted_) {
    if (next != fresh.end()) {
      const Hash chain = chain_of(old);
      for (; next != fresh.end() && chain_of(next->number) < chain; ++next) merged.push_back(next->number);
    }
    merged.push_back(old);
  }
  for (; next != fresh.end(); ++next) merged.push_back(next->number);
  sorted_.swap(merged);
  return read;
}

Status ChainAudit::judge_index(const IndexEpoch& epoch) {
  if (!whole_) return {};
  const auto wrong = [&](const char* why) {
    report_.tampering("V7.index-root", why, epoch.index);
    return Status();
  };
  if (epoch.size > epoch.index || epoch.index - epoch.size > kIndexLagMax)
    return wrong("The index is of a ledger that its record does not follow on.");
  TRY(sort_new());
  // What changed behind the index's size, as it was before: the oldest change of each head says so.
  std::map<std::uint64_t, const Undo*> earlier;
  for (const Undo& undo : undo_)
    if (undo.index >= epoch.size) earlier.emplace(undo.number, &undo);
  IndexTree tree;
  for (const std::uint32_t number : sorted_) {
    const auto undone = earlier.find(number);
    if (undone != earlier.end() && undone->second->created) continue;
    ChainHead head;
    if (undone != earlier.end()) {
      head = undone->second->before;
    } else {
      TRY_ASSIGN(head, head_at(number));
    }
    tree.add({head.chain, head.seq, head.index, head.hash});
  }
  if (tree.size() != epoch.chains || tree.root() != epoch.root)
    return wrong("The index does not list the chains that the ledger has.");
  return {};
}

}  // namespace tocsin::protocol
