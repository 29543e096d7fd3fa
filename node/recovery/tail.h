#pragma once
// Tail: the records of our own ledger behind what our store can prove, as peers give them back.
//
// Pages are written as they come and count for nothing until prove() has held them against a head that we
// signed: the leaves are then ours by arithmetic, whoever sent them. A body is the one in the store when that
// still fits its leaf, else the opening that a peer had been given, sealed again; where nobody has it, the
// record is marked lost: evidence that is missing for ever, and no damage. Errors: kInvalidArgument
// "recovery/shape"; kDataLoss "recovery/altered" for pages that do not lead to the head; the store's.
// Concurrency: one thread, the one that writes to the store.

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "node/ledger/record_seal.h"
#include "node/recovery/own_prefix.h"
#include "node/runtime/runtime.h"
#include "protocol/feed/opening.h"
#include "protocol/identity/descriptor.h"

namespace tocsin::node {

class Tail {
 public:
  struct Parts {
    storage::Store& store;
    const RecordSealer& sealer;
    Runtime& runtime;
  };
  Tail(Parts parts, OwnPrefix base)
      : in_(parts), base_(base.range.size()), range_(base.range), proven_(base.range) {}

  std::uint64_t base() const { return base_; }
  std::uint64_t size() const { return range_.size(); }  // with what is not proven yet
  protocol::TreeHead proven() const { return {proven_.size(), proven_.root()}; }
  // Behind all that was added before: whole leaves and openings of some of them.
  Status add(ByteView leaves, const v1::Openings& openings);
  // What was added leads to `head`, or is forgotten.
  Status prove(const protocol::TreeHead& head);
  void forget_unproven();
  // Openings of lost records, from another peer.
  Status fill(const v1::Openings& openings);

  // Of the proven records: bodies that nobody has given so far, by index, with their event.
  const std::map<std::uint64_t, std::uint16_t>& lost() const { return lost_; }
  // Members that the records since the base added or resumed (with their descriptor), or removed or
  // suspended.
  struct Membership {
    std::uint64_t index = 0;
    Hash node{};
    std::optional<protocol::ValidDescriptor> added;
  };
  const std::vector<Membership>& memberships() const { return memberships_; }

 private:
  Result<bool> kept_body(storage::LogReader& reader, std::uint64_t index, const protocol::Leaf& leaf);
  Status seal_body(storage::Batch& batch, const v1::Opening& opening, const protocol::Leaf& leaf);
  void note_membership(const protocol::OpenedRecord& record);

  const Parts in_;
  const std::uint64_t base_;
  protocol::CompactRange range_;
  protocol::CompactRange proven_;
  std::map<std::uint64_t, std::uint16_t> lost_;
  std::vector<Membership> memberships_;
};

}  // namespace tocsin::node
