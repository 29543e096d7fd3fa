#pragma once
// PeerStore: what we know of each peer, how far we hold its ledger, the leaves and openings we pulled, and
// the evidence of everything of its we refused.
//
// Keys are root fingerprints. Evidence is kept up to kEvidenceMax a peer: the first half stays, the oldest of
// the rest goes, so that neither the first lie nor the latest can be flushed out. Errors: kDataLoss, rule
// "storage/peer". Concurrency: any thread reads; puts go into the sequencer's batch, add_evidence() from the
// sequencer alone.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/log/leaf.h"
#include "protocol/log/merkle.h"
#include "storage/store.h"

namespace tocsin::v1 {
class Evidence;
class Opening;
class PeerCursor;
class PeerRow;
}  // namespace tocsin::v1

namespace tocsin::storage {

inline constexpr std::size_t kEvidenceMax = 1000;
inline constexpr std::size_t kEvidenceBytesMax =
    64 * 1024;  // one exhibit list; longer ones are cut, last first

class PeerStore {
 public:
  explicit PeerStore(const Store& store) : store_(store) {}

  static void put(Batch& batch, const v1::PeerRow& peer);
  Result<std::optional<v1::PeerRow>> get(const Hash& peer) const;
  // By fingerprint, ascending.
  Result<std::vector<v1::PeerRow>> list() const;

  static void put_cursor(Batch& batch, const Hash& peer, const v1::PeerCursor& cursor);
  // An empty cursor (no leaves, no checkpoint) for a peer not yet pulled from.
  Result<v1::PeerCursor> cursor(const Hash& peer) const;

  static void put_leaf(Batch& batch, const Hash& peer, std::uint64_t index, const protocol::LeafBytes& leaf);
  Result<std::optional<protocol::LeafBytes>> leaf(const Hash& peer, std::uint64_t index) const;
  // Leaves [from, from + count) as far as held without a gap, 128 bytes each.
  Result<Bytes> leaves(const Hash& peer, std::uint64_t from, std::uint64_t count) const;

  static void put_opening(Batch& batch, const Hash& peer, const v1::Opening& opening);
  Result<std::optional<v1::Opening>> opening(const Hash& peer, std::uint64_t index) const;
  // Openings held with from <= index, ascending, at most `limit`.
  Result<std::vector<v1::Opening>> openings(const Hash& peer, std::uint64_t from, std::size_t limit) const;

  // Cuts exhibits that do not fit and drops what the bound demands. Once a peer and commit: a second one in
  // the same batch would take the first one's place.
  Status add_evidence(Batch& batch, const Hash& peer, v1::Evidence evidence) const;
  // Oldest first.
  Result<std::vector<v1::Evidence>> evidence(const Hash& peer) const;

 private:
  const Store& store_;
};

}  // namespace tocsin::storage
