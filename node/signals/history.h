#pragma once
// HistoryReader: the records of one ledger that tell a signal's life, our own ledger or one we hold of a
// peer.
//
// Records are found by what the case remembers, by walking chains back, and by the receipts' projection; an
// opening is checked against its leaf again before anything of it is told. Errors: the stores', kDataLoss.
// Concurrency: one thread; the ledger and the store outlive it. Source: SPEC §4, §6.

#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/ledger/ledger.h"
#include "protocol/feed/opening.h"
#include "storage/peer_store.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::node {

inline constexpr std::size_t kHistoryMax =
    10'000;  // entries of one reply: one page of JSON that a client takes

class HistoryReader {
 public:
  HistoryReader(const storage::Store& store, const Ledger& ledger, const Hash& node)
      : store_(store), ledger_(ledger), peers_(store), node_(node), own_(node == ledger.self()) {}

  // The record and those before it in its chain, as far as they are about `subject`: a chain id in the
  // issuer's ledger, a signal id in a receiver's.
  Status follow(std::uint64_t index, const Hash& subject);
  // One record; nothing when it is not held.
  Status add(std::uint64_t index);
  std::vector<std::uint64_t> indices_of(std::initializer_list<protocol::Event> events) const;
  // What was found, ascending, under the node's name.
  Status describe(const std::string& name, std::vector<v1::HistoryEntry>& out) const;

 private:
  struct Record {
    protocol::Leaf leaf;
    std::optional<protocol::OpenedRecord> opened;
  };
  Result<std::optional<Record>> read(std::uint64_t index) const;
  Result<std::shared_ptr<const protocol::Registry>> registry() const;

  const storage::Store& store_;
  const Ledger& ledger_;
  const storage::PeerStore peers_;
  const Hash node_;
  const bool own_;
  std::map<std::uint64_t, Record> records_;
};

// By time, then ledger origin, then index: within one ledger that is its own order, for its times never
// decrease.
v1::HistoryReply merge_history(std::vector<v1::HistoryEntry> entries);

}  // namespace tocsin::node
