#pragma once
// The chain index: what an INDEX_EPOCH record commits to, and the proofs that it lists a chain or does not.
//
// The index of a ledger of some size is the RFC 6962 tree over one entry a chain, ascending by chain id:
// chain || u64 last sequence || u64 last index || last leaf hash. An entry proves a chain's head, from which
// its records are walked back; two neighbours prove that a chain is not there. Errors: kInvalidArgument,
// rule "bundle/index"; kDataLoss when an entry does not lead to the root. Concurrency: an IndexTree belongs
// to one thread; the rest is pure. Source: SPEC §9, ledger.md "Completeness".

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/log/proof.h"

namespace tocsin::protocol {

// How far an INDEX_EPOCH record may stand behind the ledger that it is an index of, records.
inline constexpr std::uint64_t kIndexLagMax = 65536;
inline constexpr std::size_t kIndexEntryBytes = 80;

struct IndexEntry {
  Hash chain{};
  std::uint64_t last_seq = 0;
  std::uint64_t last_index = 0;
  Hash last_hash{};
};
Bytes encode_index_entry(const IndexEntry& entry);

// What an INDEX_EPOCH record says.
struct IndexEpoch {
  std::uint64_t index = 0;  // of the record
  Hash root{};
  std::uint64_t chains = 0;
  std::uint64_t size = 0;  // of the ledger that the index is of
};

// Takes the entries in ascending order and keeps a few hundred bytes.
class IndexTree {
 public:
  void add(const IndexEntry& entry);
  std::uint64_t size() const { return range_.size() + pending_.size() / kIndexEntryBytes; }
  Hash root();

 private:
  void flush();
  Bytes pending_;
  CompactRange range_;
};

struct IndexProof {
  struct Place {
    std::uint64_t position = 0;
    IndexEntry entry;
    Proof proof;
  };
  bool present = false;
  std::vector<Place> places;  // the chain's own; or the neighbours, ascending
};
// From all entries, ascending.
IndexProof prove_in_index(const std::vector<IndexEntry>& entries, const Hash& chain);
std::string format_index_proof(const IndexProof& proof);
Result<IndexProof> parse_index_proof(std::string_view text);
// That the index lists `chain` (proof.present) or does not.
Status verify_index_proof(const IndexProof& proof, const Hash& chain, const IndexEpoch& epoch);

}  // namespace tocsin::protocol
