#pragma once
// Node::Parts: what a node is made of, in the order in which it is opened and taken apart.
//
// One struct over a few files, each a part of the daemon's work: node.cc (the states a start goes through,
// the order of stopping), node_ledger.cc (store, ledger, witnesses), node_peers.cc (the peer port and
// joining), node_http.cc (the servers and what they call), node_recovery.cc (quarantine and repair),
// node_keys.cc (its keys and their changes), node_upkeep.cc (what a node does by the clock). Concurrency: as
// said at each field; open() on one thread, everything else from the runtime's lanes.

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "node/cases/desk.h"
#include "node/daemon/key_change.h"
#include "node/daemon/ledger_export.h"
#include "node/daemon/node.h"
#include "node/daemon/node_state.h"
#include "node/daemon/read_plane.h"
#include "node/daemon/upkeep.h"
#include "node/gossip/gossip.h"
#include "node/http/admin_routes.h"
#include "node/http/quarantine_routes.h"
#include "node/http/server.h"
#include "node/http/witness_routes.h"
#include "node/identity/keystore.h"
#include "node/media/media_hasher.h"
#include "node/peer/feed_owner.h"
#include "node/peer/feed_service.h"
#include "node/peer/peer_port.h"
#include "node/peer/sync.h"
#include "node/recovery/repair.h"
#include "node/recovery/second_look.h"
#include "node/runtime/asio_runtime.h"
#include "node/witness/outside.h"
#include "storage/disk_room.h"

namespace tocsin::node {

struct Node::Parts {
  Parts(const Config& c, std::function<void()> w) : config(c), wake(std::move(w)), runtime(c.workers) {}

  const Config config;
  const std::function<void()> wake;
  AsioRuntime runtime;
  Metrics metrics;
  StateKeeper state{metrics};
  bool open_again = false;  // what open() found is to be opened from the start
  std::mutex rotate_mu;     // one rotation of the keystore at a time
  std::mutex keys_mu;
  std::vector<std::unique_ptr<Keys>>
      keys;  // newest last; older envelope keys stay readable; guarded by keys_mu
  std::unique_ptr<storage::DiskRoom> room;
  std::unique_ptr<storage::Store> store;
  // In quarantine; then nothing below is there but the port, the router and the HTTP server.
  std::optional<Quarantined> quarantined;
  std::unique_ptr<RecordSealer> sealer;
  std::unique_ptr<PeerService> silent;
  std::unique_ptr<Repair> repair;
  std::atomic<std::uint64_t> renewed_ms{0};
  std::unique_ptr<SecondLook> second_look;
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<Members> members;
  std::unique_ptr<Signals> signals;
  std::unique_ptr<Desk> desk;
  std::unique_ptr<KnownLogs> known_logs;
  std::unique_ptr<Cosigner> cosigner;
  std::unique_ptr<OutsideWitnesses> outside;
  std::unique_ptr<Witnessed> witnessed;
  std::unique_ptr<Gossip> gossip;
  std::unique_ptr<WitnessCalls> witness_calls;
  std::mutex alarm_mu;
  std::string alarm;  // guarded by alarm_mu
  std::unique_ptr<LedgerExport> ledger_export;
  std::unique_ptr<MediaHasher> media;
  std::unique_ptr<Tokens> tokens;
  std::unique_ptr<FeedOwner> feed_owner;
  std::unique_ptr<KeptLedgers> kept_ledgers;
  std::unique_ptr<FeedService> feed_service;
  std::unique_ptr<PeerPort> port;
  std::unique_ptr<Sync> sync;
  std::unique_ptr<Upkeep> upkeep;
  std::unique_ptr<AdminParts> admin;
  std::unique_ptr<Router> router;
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<ReadPlane> read_plane;
  std::unique_ptr<KeyChange> key_change;
  std::uint16_t peer_port = 0;
  std::uint16_t http_port = 0;
  std::atomic<bool> stopping{false};
  // Only the newest of the scheduled looks at the invitation counts.
  std::atomic<std::uint64_t> join_turn{0};

  struct Refusal {
    std::uint64_t at_ms = 0;
    std::string reason;
  };
  std::mutex refusals_mu;
  std::map<Hash, Refusal> refusals;  // of nodes with a peer row; guarded by refusals_mu
  std::string join_trouble;          // guarded by refusals_mu

  Result<KeystoreLock> keystore_lock() const;
  Status open();
  Status open_store();
  Status open_witnesses();
  void ask_to_cosign(const WitnessTarget& target, const std::string& body, Witnessed::Asked asked);
  void on_ahead(const Witnessed::Ahead& ahead);
  Status open_peers();
  void open_gossip();
  Status open_http();
  Status open_read_plane();
  Status open_ledger();
  Status open_port();
  Status open_quarantined(Error why);
  Status open_quarantine_port();
  Status open_quarantine_http();
  void describe(v1::StatusReply& reply);
  std::optional<Error> look_again();
  void quarantine(const Error& why, std::function<void()> then);
  Status open_again_quarantined(const Error& why);
  void renew_refused();
  void connect(const protocol::ValidDescriptor& peer, Sync::Connected done);
  void on_commit(const Ledger::Committed& committed);
  void follow_up(const v1::Case& value);
  LinkVerdict judge(const PeerCertificate& peer);
  Result<v1::JoinReply> on_join(const v1::JoinRequest& request, const Hash& exporter);
  void schedule_join(std::uint64_t delay_ms);
  void poll_join();
  void send_join(const v1::JoinRow& row);
  void poll_expiry();
  void poll_hourly();
  void forget_old_answers();
  void renew_when_due();
  void open_key_change();
  const Keys& newest_keys();
  Status install(Keys fresh);
  Result<v1::RotateReply> rotate(const v1::RotateRequest& request);
  Result<Keys> rotated(const v1::RotateRequest& request, const KeystoreLock& lock);
  const crypto::SigningKey& operational_key();
  void poll_index();
  void poll_witnessed();
  protocol::ValidDescriptor descriptor();
  std::vector<const crypto::KemKey*> envelope_keys();
};

}  // namespace tocsin::node
