#pragma once
// ForeignLedger: a peer's ledger as we hold it: what we ask for next, and what a page we got does to us.
//
// accept() proves a page (protocol/feed), folds its records into the cases by the same rules that judge our
// own, and commits leaves, openings, cases, cursor and our receipts for them as one append: a retraction
// stops matching in the transaction that writes our RETRACTION_APPLIED. A page that fails the arithmetic is
// refused whole and kept as evidence, the cursor stays. A record that breaks a due-process rule is kept, its
// case is marked REFUSED and never matches, and the feed goes on. Concurrency: one call of accept() at a
// time; `done` runs on the sequencer. Source: SPEC §6, §7.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "crypto/hpke.h"
#include "node/ledger/ledger.h"
#include "node/runtime/runtime.h"
#include "protocol/feed/page.h"
#include "protocol/identity/descriptor.h"
#include "protocol/process/registry.h"
#include "storage/peer_store.h"

namespace tocsin::node {

// A checkpoint that the peer's own policy asks more witnesses for (SPEC §12): to be asked for again, no lie.
inline constexpr std::string_view kQuorumMissingRule = "feed/quorum";

class ForeignLedger {
 public:
  struct Progress {
    std::uint64_t held = 0;       // leaves, after the page
    std::uint64_t head_size = 0;  // of the newest verified checkpoint
    bool complete() const { return held == head_size; }
  };
  using Done = std::function<void(Result<Progress>)>;

  // Reads back what is held of it. The references outlive this.
  static Result<std::unique_ptr<ForeignLedger>> open(storage::Store& store, Ledger& ledger, Runtime& runtime,
                                                     const protocol::ValidDescriptor& peer);

  v1::RecordsRequest next_request() const;
  Progress progress() const;
  // `envelope_keys`: ours, newest first; the older one opens what was sealed before a rotation.
  // `coordinator`: whether this peer's membership records are mirrored into our own ledger (SPEC §8).
  void accept(const v1::RecordsReply& reply, std::span<const crypto::KemKey* const> envelope_keys,
              bool coordinator, Done done);
  // A rotated key: the descriptor the link has accepted.
  Status set_descriptor(const protocol::ValidDescriptor& peer);
  const std::shared_ptr<const protocol::Registry>& registry() const { return registry_; }
  const Hash& peer() const { return peer_; }

 private:
  struct Page;
  ForeignLedger(storage::Store& store, Ledger& ledger, Runtime& runtime, const Hash& peer)
      : store_(store), peers_(store), ledger_(ledger), runtime_(runtime), peer_(peer) {}

  Result<std::shared_ptr<Page>> judge(const v1::RecordsReply& reply,
                                      std::span<const crypto::KemKey* const> envelope_keys) const;
  Status write(Changes& changes, const Page& page) const;
  Status fold(Changes& changes, const protocol::OpenedRecord& record, const protocol::Registry& registry,
              v1::Evidence& evidence) const;
  void exhibit(const protocol::OpenedRecord& record, const Error& why, v1::Evidence& evidence) const;
  Result<std::vector<Hash>> signals_of(const Changes& changes, const protocol::OpenedRecord& record) const;
  std::vector<Draft> answers(const Page& page, bool coordinator) const;
  void keep_evidence(const v1::RecordsReply& reply, const Error& why, Done done);

  storage::Store& store_;
  const storage::PeerStore peers_;
  Ledger& ledger_;
  Runtime& runtime_;
  const Hash peer_;
  crypto::PublicKey operational_{};  // that keys_ is made of
  std::vector<protocol::VerifierKey> keys_;
  protocol::FeedPosition position_;
  std::string note_;  // of position_.known, as it was verified under keys_; empty: not yet
  std::shared_ptr<const protocol::Registry> registry_;
};

}  // namespace tocsin::node
