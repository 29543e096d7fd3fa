#pragma once
// Bundles for people outside: the whole ledger, a range, what concerns some signals, all records of a kind in
// a time, or proofs of a few records (SPEC §9).
//
// Whatever is opened is first recorded as DISCLOSED (R18); a bundle of proofs rests on an INDEX_EPOCH record
// appended for it. The bundle is written beside its place and renamed, so a reader never sees half of one.
// Errors: kInvalidArgument "export/..." for a request that makes no sense; kFailedPrecondition "export/key"
// when the operational key in use is not the ledger's now; the ledger's and the store's own. Concurrency:
// run() on workers, one at a time (it takes a lock); keep_index() likewise.

#include <functional>
#include <mutex>

#include "node/ledger/ledger.h"
#include "node/ledger/published.h"
#include "node/runtime/runtime.h"
#include "node/signals/signals.h"
#include "protocol/verify/bundle_writer.h"
#include "protocol/verify/index_proof.h"

namespace tocsin::node {

// The index of a ledger's chains, kept up with the ledger by reading what is new.
class ChainIndex {
 public:
  Status catch_up(const Ledger& ledger, std::uint64_t size);
  std::uint64_t size() const { return size_; }  // of the ledger that it is of
  std::vector<protocol::IndexEntry> entries() const;
  protocol::IndexEpoch epoch() const;  // its index is not known yet

 private:
  std::map<Hash, protocol::IndexEntry> heads_;
  std::uint64_t size_ = 0;
};

class LedgerExport {
 public:
  struct Parts {
    Ledger& ledger;
    const Signals& signals;
    const storage::Store& store;
    // The operational key of now.
    std::function<const crypto::SigningKey&()> key;
    // The newest checkpoint with its cosignatures.
    std::function<Published()> published;
  };
  explicit LedgerExport(Parts parts) : parts_(std::move(parts)) {}

  Result<v1::ExportReply> run(const v1::ExportRequest& request);
  // An INDEX_EPOCH record when the last is older than `every_ms` and something was recorded since.
  Status keep_index(std::uint64_t now_ms, std::uint64_t every_ms);

 private:
  struct Plan;
  Result<Plan> plan_of(const v1::ExportRequest& request) const;
  Status add_windowed_chains(Plan& plan) const;
  Result<std::vector<std::uint64_t>> records_of(const Plan& plan, std::uint64_t size) const;
  Result<bool> is_batch_of(const Plan& plan, std::uint64_t index) const;
  Status disclose(Plan& plan);
  Status append_index(Plan& plan);
  Status add_proofs(const Plan& plan, protocol::BundleContents& contents) const;
  Status add_peers(const Plan& plan, protocol::BundleContents& contents) const;
  Status add_gossip(protocol::BundleContents& contents) const;
  Status add_receipts(const Plan& plan, protocol::BundleContents& contents) const;
  Result<protocol::BundleContents> contents_of(const Plan& plan) const;
  Result<std::uint64_t> write(const protocol::BundleContents& contents, const std::string& path) const;

  const Parts parts_;
  std::mutex mu_;
  ChainIndex index_;  // guarded by mu_
};

}  // namespace tocsin::node
