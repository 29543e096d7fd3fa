#include "node/recovery/tail.h"

#include <algorithm>

#include "protocol/process/event.h"
#include "storage/log_store.h"

namespace tocsin::node {
namespace {

using protocol::Event;

void put_lost(storage::Batch& batch, std::uint64_t index) {
  v1::SealedRecord record;
  record.set_lost(true);
  storage::LogStore::put_sealed(batch, index, record);
  storage::LogStore::remove_key(batch, index, protocol::SlotClass::kAccountability);
  storage::LogStore::remove_key(batch, index, protocol::SlotClass::kPersonal);
}

}  // namespace

// What is still in our own store opens with class P, which no peer was ever given.
Result<bool> Tail::kept_body(storage::LogReader& reader, std::uint64_t index, const protocol::Leaf& leaf) {
  const auto opening = in_.sealer.open(reader, index, true);
  if (!opening) return false;
  const auto record = protocol::verify_opening(*opening, leaf);
  if (!record) return false;
  note_membership(*record);
  return true;
}

Status Tail::seal_body(storage::Batch& batch, const v1::Opening& opening, const protocol::Leaf& leaf) {
  TRY_ASSIGN(const auto record, protocol::verify_opening(opening, leaf));
  TRY_ASSIGN(const auto again,
             in_.sealer.seal_again(opening, leaf.body_root,
                                   [this](std::span<std::uint8_t> out) { in_.runtime.fill_random(out); }));
  storage::LogStore::put_sealed(batch, opening.index(), again.sealed);
  storage::LogStore::put_key(batch, opening.index(), protocol::SlotClass::kAccountability, again.key_a);
  storage::LogStore::remove_key(batch, opening.index(), protocol::SlotClass::kPersonal);
  note_membership(record);
  return {};
}

void Tail::note_membership(const protocol::OpenedRecord& record) {
  const auto add = [&](const Hash& node, std::optional<protocol::ValidDescriptor> added) {
    memberships_.push_back({record.index, node, std::move(added)});
  };
  switch (record.event.event()) {
    case Event::kMemberAdded:
      if (auto descriptor = protocol::parse_descriptor(record.event.bytes(0))) {
        const Hash node = descriptor->fingerprint();
        add(node, std::move(*descriptor));
      }
      return;
    case Event::kMemberRemoved:
    case Event::kPeerSuspended:
      return add(record.event.hash(0), std::nullopt);
    default:
      return;
  }
}

Status Tail::add(ByteView leaves, const v1::Openings& openings) {
  if (leaves.empty() || leaves.size() % protocol::kLeafBytes != 0)
    return fail(Code::kInvalidArgument, "a page of our records is not whole", "recovery/shape");
  const std::uint64_t from = range_.size();
  const std::uint64_t count = leaves.size() / protocol::kLeafBytes;
  std::vector<protocol::Leaf> parsed;
  parsed.reserve(count);
  storage::Batch rows;
  for (std::uint64_t i = 0; i < count; ++i) {
    TRY_ASSIGN(const auto bytes,
               fixed<protocol::kLeafBytes>(leaves.subspan(i * protocol::kLeafBytes, protocol::kLeafBytes),
                                           "a leaf"));
    TRY_ASSIGN(parsed.emplace_back(), protocol::parse_leaf(bytes));
    storage::LogStore::put_leaf(rows, from + i, bytes);
  }
  TRY(in_.store.mend(rows));
  std::map<std::uint64_t, const v1::Opening*> given;
  for (const v1::Opening& opening : openings.openings()) given[opening.index()] = &opening;
  storage::Batch bodies;
  storage::LogReader reader = storage::LogStore(in_.store).reader();
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t index = from + i;
    TRY_ASSIGN(const bool kept, kept_body(reader, index, parsed[i]));
    if (kept) continue;
    const auto found = given.find(index);
    if (found != given.end() && seal_body(bodies, *found->second, parsed[i])) continue;
    put_lost(bodies, index);
    lost_[index] = parsed[i].event;
  }
  TRY(in_.store.mend(bodies));
  std::vector<Hash> hashes(count);
  crypto::leaf_hashes(leaves, protocol::kLeafBytes, hashes);
  range_.append(hashes);
  return {};
}

Status Tail::prove(const protocol::TreeHead& head) {
  if (range_.size() == head.size && range_.root() == head.root) {
    proven_ = range_;
    return {};
  }
  forget_unproven();
  return fail(Code::kDataLoss, "these records do not lead to the checkpoint that we signed",
              "recovery/altered");
}

void Tail::forget_unproven() {
  range_ = proven_;
  lost_.erase(lost_.lower_bound(range_.size()), lost_.end());
  std::erase_if(memberships_, [&](const Membership& change) { return change.index >= range_.size(); });
}

Status Tail::fill(const v1::Openings& openings) {
  const storage::LogStore log(in_.store);
  storage::Batch bodies;
  for (const v1::Opening& opening : openings.openings()) {
    if (opening.index() >= proven_.size() || !lost_.contains(opening.index())) continue;
    TRY_ASSIGN(const auto bytes, log.leaf(opening.index()));
    TRY_ASSIGN(const protocol::Leaf leaf, protocol::parse_leaf(bytes));
    if (seal_body(bodies, opening, leaf)) lost_.erase(opening.index());
  }
  return bodies.rows() == 0 ? Status() : in_.store.mend(bodies);
}

}  // namespace tocsin::node
