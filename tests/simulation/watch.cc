#include "tests/simulation/watch.h"

#include "crypto/base/encoding.h"
#include "protocol/log/checkpoint.h"
#include "protocol/log/note.h"
#include "protocol/signal/indicator.h"
#include "storage/peer_store.h"
#include "tests/simulation/network.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::simulation {
namespace {

constexpr std::size_t kComplaintsMax = 20;

}  // namespace

bool matches(SimNode& at, const std::string& indicator) {
  const auto decoded = protocol::decode_indicator(as_view(indicator));
  if (!decoded) return false;
  v1::MatchRequest request;
  v1::MatchQuery& query = *request.add_queries();
  query.set_type(std::string(protocol::indicator_type_name(decoded->type())));
  query.set_value(decoded->text());
  const auto reply = at.signals->match(request);
  return !reply || !reply->results(0).hits().empty();
}

void Watch::complain(const SimNode& at, const std::string& what) {
  if (wrong_.size() < kComplaintsMax) wrong_.push_back(at.name + ": " + what);
}

std::uint64_t Watch::put_back(SimNode& at) {
  Seen& seen = seen_[at.number];
  std::uint64_t taken = 0;
  for (const auto& [number, other] : seen_) {
    if (number == at.number) continue;
    if (const auto held = other.held.find(at.number); held != other.held.end())
      taken = std::max(taken, held->second.cursor);
  }
  seen.before = seen.leaves;
  seen.leaves.resize(std::min<std::size_t>(seen.leaves.size(), taken));
  seen.range = {};
  seen.range.append(seen.leaves);
  seen.acknowledged = std::min(seen.acknowledged, taken);
  seen.told = std::min(seen.told, taken);
  seen.held.clear();
  // What it knew of others comes again with their records: its own answers to retractions end what they end.
  seen.ended.clear();
  seen.bound = taken;
  return taken;
}

void Watch::told(const SimNode& at) {
  if (at.number == left_out_) return;
  Seen& seen = seen_[at.number];
  seen.told = std::max(seen.told, at.ledger->size());
}

void Watch::acknowledged(SimNode& at, const node::Appended& what) {
  if (at.number == left_out_) return;
  Seen& seen = seen_[at.number];
  if (at.store->broken()) complain(at, "I9: acknowledged after a write had failed");
  seen.acknowledged = std::max(seen.acknowledged, what.first_index + what.count);
  if (what.checkpoint == nullptr || !seen.notes.contains(*what.checkpoint))
    complain(at, "I6: acknowledged under a checkpoint that was never synced");
}

void Watch::add_own(SimNode& at, Seen& seen, std::uint64_t size) {
  for (std::uint64_t i = seen.leaves.size(); i < size; ++i) {
    const auto leaf = at.ledger->leaf(i);
    if (!leaf) return complain(at, "I4: record " + std::to_string(i) + " is not there");
    seen.leaves.push_back(protocol::leaf_hash(*leaf));
    seen.range.append(seen.leaves.back());
  }
}

void Watch::compare_root(SimNode& at, const Seen& seen, const node::LedgerHead& head) {
  if (seen.range.size() != head.tree.size || seen.range.root() != head.tree.root)
    complain(at, "I5: the tree of size " + std::to_string(head.tree.size) + " is not that of its records");
  network_.world().mark(head.tree.root);
}

void Watch::recovered(SimNode& at) {
  if (at.number == left_out_) return;
  Seen& seen = seen_[at.number];
  const node::LedgerHead head = at.ledger->head();
  const auto size = "; holds " + std::to_string(head.tree.size);
  if (head.tree.size < seen.acknowledged)
    complain(at, "I1: acknowledged " + std::to_string(seen.acknowledged) + size);
  if (head.tree.size < seen.told) complain(at, "I6: told a peer of " + std::to_string(seen.told) + size);
  if (head.tree.size < seen.leaves.size())
    return complain(at, "I2: synced " + std::to_string(seen.leaves.size()) + size);
  for (std::uint64_t i = 0; i < seen.leaves.size(); ++i) {
    const auto leaf = at.ledger->leaf(i);
    if (!leaf || protocol::leaf_hash(*leaf) != seen.leaves[i])
      return complain(at, "I2: record " + std::to_string(i) + " is not what it was before the crash");
  }
  add_own(at, seen, head.tree.size);
  seen.notes.insert(*head.checkpoint);
  compare_root(at, seen, head);
  held(at, seen);
  for (const auto& [signal, indicator] : seen.ended) still_ended(at, signal, indicator);
}

void Watch::committed(SimNode& at, const node::Ledger::Committed& what) {
  if (at.number == left_out_) return;
  Seen& seen = seen_[at.number];
  add_own(at, seen, what.head.tree.size);
  seen.notes.insert(*what.head.checkpoint);
  compare_root(at, seen, what.head);
  held(at, seen);
  for (const v1::Case& value : what.changed) {
    if (value.origin().retraction_ms() == 0) continue;
    seen.ended[value.signal()] = value.indicator();
    still_ended(at, value.signal(), value.indicator());
  }
}

void Watch::still_ended(SimNode& at, const std::string& signal, const std::string& indicator) {
  if (matches(at, indicator))
    complain(at, "I14: " + hex_encode(as_view(signal).first(4)) + " matches after its retraction");
}

void Watch::held(SimNode& at, Seen& seen) {
  for (auto& other : network_.nodes())
    if (other.get() != &at && other->number != left_out_) held_of(at, *other, seen.held[other->number]);
}

void Watch::held_of(SimNode& at, SimNode& issuer, Held& held) {
  const storage::PeerStore peers(*at.store);
  const Hash id = issuer.descriptor->fingerprint();
  const auto cursor = peers.cursor(id);
  if (!cursor) return complain(at, "the cursor on " + issuer.name + " cannot be read");
  if (cursor->checkpoint().empty()) {
    if (held.cursor > 0) complain(at, "I22: what it held of " + issuer.name + " is gone");
    return;
  }
  const std::uint64_t size = get_be<std::uint64_t>(as_view(cursor->range()).data());
  const Seen& theirs = seen_[issuer.number];
  if (size < held.cursor)
    complain(at, "I22: the cursor on " + issuer.name + " went back to " + std::to_string(size));
  if (size == held.cursor) return;
  if (!theirs.notes.contains(cursor->checkpoint()))
    complain(at, "I17: holds a head of " + issuer.name + " that " + issuer.name + " never synced");
  for (std::uint64_t i = held.cursor; i < size; ++i) {
    const auto leaf = peers.leaf(id, i);
    const auto is_of = [&](const std::vector<Hash>& leaves) {
      return leaf && *leaf && i < leaves.size() && protocol::leaf_hash(**leaf) == leaves[i];
    };
    if (!is_of(theirs.leaves) && (i < theirs.leaves.size() || !is_of(theirs.before))) {
      complain(at, "I3: record " + std::to_string(i) + " of " + issuer.name + " differs here");
      break;
    }
  }
  const auto note = protocol::parse_note(cursor->checkpoint());
  const auto head = note ? protocol::parse_checkpoint(note->text)
                         : Result<protocol::Checkpoint>(fail(Code::kDataLoss, "no note"));
  if (!head || head->tree.size < held.head)
    complain(at, "I22: the head held of " + issuer.name + " went back");
  held.cursor = size;
  if (head) held.head = head->tree.size;
}

}  // namespace tocsin::simulation
