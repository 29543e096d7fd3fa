#pragma once
// Sync: keeps what we hold of every member's ledger up to its newest checkpoint.
//
// One conversation a peer: connect, hello, pull page after page, then watch; a notice or the poll timer
// starts the next pull. While a page is written to the store, the next is proved on a worker and the one
// after that fetched, one at each step. A failure closes the link and tries again later, longer each time; a
// refused page is evidence and waits longest. One slow or lying peer delays no other. Members come and go
// with the peer rows, read again every kRefreshMs. Concurrency: start() once; status() from any thread; the
// rest runs on Lane::kIo. Outlives the Runtime's lanes. Source: SPEC §7; reliability.md I19, I22, I24.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "node/gossip/gossip.h"
#include "node/members/members.h"
#include "node/metrics/metrics.h"
#include "node/peer/foreign_ledger.h"
#include "node/peer/peer_link.h"

namespace tocsin::node {

inline constexpr std::uint64_t kRefreshMs = 1'000;
inline constexpr std::uint64_t kPollMs = 10'000;  // when no notice comes
inline constexpr std::uint64_t kRetryFirstMs = 500;
inline constexpr std::uint64_t kRetryLastMs = 30'000;
inline constexpr std::uint64_t kRefusedRetryMs = 60'000;  // after a page that lied

class Sync {
 public:
  using Connected = std::function<void(Result<std::shared_ptr<PeerLink>>)>;
  using Connect = std::function<void(const protocol::ValidDescriptor& peer, Connected done)>;
  // Newest first; the pointers live as long as the node.
  using EnvelopeKeys = std::function<std::vector<const crypto::KemKey*>()>;

  struct Parts {
    storage::Store& store;
    Ledger& ledger;
    Runtime& runtime;
    const Members& members;
    Connect connect;
    EnvelopeKeys envelope_keys;
    Metrics* metrics = nullptr;  // null: nothing is counted
    Gossip* gossip = nullptr;    // null: nothing is told and nothing heard
  };
  explicit Sync(Parts parts) : parts_(std::move(parts)) {}
  ~Sync();

  void start();
  void stop();  // starts nothing new; what is outstanding ends by itself

  struct PeerStatus {
    bool connected = false;
    std::uint64_t held = 0;
    std::uint64_t head_size = 0;
    std::uint64_t last_sync_ms = 0;
    std::string last_error;
    std::string notice;  // what its operators did that ours should know
  };
  PeerStatus status(const Hash& peer) const;
  // On Lane::kIo: the link to a peer, null while there is none.
  std::shared_ptr<PeerLink> link_of(const Hash& peer) const;

 private:
  struct Peer;
  using PeerPtr = std::shared_ptr<Peer>;

  void refresh();
  void adopt(const v1::PeerRow& row);
  void drop_link(const PeerPtr& peer);
  void forget_pages(const PeerPtr& peer);
  void connect(const PeerPtr& peer);
  void greet(const PeerPtr& peer);
  void pull(const PeerPtr& peer);
  void advance(const PeerPtr& peer);
  void ask(const PeerPtr& peer);
  void learn(const PeerPtr& peer, const v1::RecordsReply& reply);
  void prove(const PeerPtr& peer);
  void proven(const PeerPtr& peer, std::uint64_t batch, Result<ForeignLedger::PagePtr> page);
  void refuse(const PeerPtr& peer, std::shared_ptr<const v1::RecordsReply> reply, const Error& why);
  void write(const PeerPtr& peer);
  void written(const PeerPtr& peer, const ForeignLedger::PagePtr& page, Result<std::uint64_t> refused);
  void caught_up(const PeerPtr& peer);
  void wait(const PeerPtr& peer, std::string why);
  void watch(const PeerPtr& peer);
  void poll(const PeerPtr& peer);
  void failed(const PeerPtr& peer, const Error& why);
  void retry(const PeerPtr& peer, const Error& why, std::uint64_t delay_ms);
  void count();
  void hear(const PeerPtr& peer, const v1::Gossip& told, const std::string& head);
  void tell_held(const PeerPtr& peer);
  void note(const PeerPtr& peer, const std::function<void(PeerStatus&)>& change);

  const Parts parts_;
  bool stopped_ = false;           // Lane::kIo
  std::map<Hash, PeerPtr> peers_;  // Lane::kIo
  mutable std::mutex mu_;
  std::map<Hash, PeerStatus> status_;  // guarded by mu_
};

}  // namespace tocsin::node
