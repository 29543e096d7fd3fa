#pragma once
// FeedService: what we answer to a peer: who we are, our ledger's next records, and a word whenever the
// ledger grows.
//
// Concurrency: any thread; moved_on() is told of each commit by the sequencer.
// Source: SPEC §7.

#include <map>
#include <mutex>

#include "node/gossip/gossip.h"
#include "node/peer/feed_owner.h"
#include "node/peer/kept_ledgers.h"
#include "node/peer/peer_link.h"
#include "node/witness/cosigner.h"

namespace tocsin::node {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr const char* kSoftware = "tocsin/0.1.0";

class FeedService : public PeerService {
 public:
  // Without a cosigner, cosign is kUnimplemented; without kept pages, held is; without gossip nothing is told
  // and nothing heard.
  FeedService(const Ledger& ledger, const FeedOwner& owner, Cosigner* cosigner = nullptr,
              const KeptLedgers* kept = nullptr, Gossip* gossip = nullptr)
      : ledger_(ledger), owner_(owner), cosigner_(cosigner), kept_(kept), gossip_(gossip) {}

  Result<v1::HelloReply> hello(const Hash& caller, const v1::HelloRequest& request) override;
  Result<v1::RecordsReply> records(const Hash& caller, const v1::RecordsRequest& request) override;
  void cosign(const Hash& caller, const v1::CosignRequest& request, CosignDone done) override;
  Result<v1::HeldReply> held(const Hash& caller, const v1::HeldRequest& request) override;
  std::uint64_t add_watcher(const Hash& caller, OnHead on_head) override;
  void remove_watcher(std::uint64_t id) override;

  void moved_on(const std::string& checkpoint);

 private:
  const Ledger& ledger_;
  const FeedOwner& owner_;
  struct Watcher {
    Hash caller{};
    OnHead on_head;
  };
  v1::HeadNotice notice_for(const Hash& caller, const std::string& checkpoint) const;

  Cosigner* const cosigner_;
  const KeptLedgers* const kept_;
  Gossip* const gossip_;
  std::mutex mu_;
  std::map<std::uint64_t, Watcher> watchers_;  // guarded by mu_
  std::uint64_t next_watcher_ = 1;             // guarded by mu_
};

}  // namespace tocsin::node
