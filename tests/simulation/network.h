#pragma once
// SimNetwork: five companies' nodes with the real ledger, rooms and sync on real RocksDB over a disk that
// tears (disk.h); between them links that delay, lose, double, reorder, part and forge.
//
// Nothing of the node is replaced but the three determinism seams: Runtime (Machine), PeerLink (SimLink) and
// RocksDB's Env.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "crypto/hpke.h"
#include "node/gossip/gossip.h"
#include "node/ledger/ledger.h"
#include "node/members/members.h"
#include "node/peer/feed_service.h"
#include "node/peer/sync.h"
#include "node/recovery/repair.h"
#include "node/signals/signals.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/watch.h"
#include "tests/simulation/world.h"

namespace tocsin::simulation {

class SimNetwork;

// One company: what survives a crash (keys, disk) and what does not (everything made by start()).
struct SimNode {
  SimNode(SimNetwork& network, World& world, std::size_t number);
  ~SimNode();

  // False when the power went meanwhile; the node is down then.
  bool start();
  // `power`: the disk loses what was not synced; otherwise the process alone dies.
  void crash(bool power);
  bool up() const { return ledger != nullptr; }
  // Up, or in quarantine.
  bool running() const { return store != nullptr; }
  // Down; its disk is another one with an earlier state on it, as a backup restores it.
  void put_back(const Disk::Image& image);
  bool well() const { return up() && !store->broken(); }

  SimNetwork& network;
  Machine machine;
  const std::size_t number;
  const std::string name;
  crypto::SigningKey root, operational, reviewer, second_reviewer;
  crypto::KemKey envelope;
  std::unique_ptr<protocol::ValidDescriptor> descriptor;
  Disk disk;
  const std::uint64_t wal_bytes;

  std::unique_ptr<storage::Store> store;
  std::unique_ptr<node::Ledger> ledger;
  std::unique_ptr<node::Members> members;
  std::unique_ptr<node::Signals> signals;
  std::unique_ptr<node::Gossip> gossip;
  std::unique_ptr<node::FeedOwner> owner;
  std::unique_ptr<node::KeptLedgers> kept;
  std::unique_ptr<node::FeedService> service;
  std::unique_ptr<node::Sync> sync;
  // In quarantine, instead of the ledger and all behind it.
  std::unique_ptr<node::RecordSealer> sealer;
  std::unique_ptr<node::Repair> repair;

  // What it promised, over all its lives.
  struct Promise {
    std::uint64_t size = 0;
    std::string checkpoint;
  };
  std::vector<Promise> promises;
  bool joined = false;
  bool lies = false;  // one face of a node that shows two histories
  bool mute = false;  // and tells nothing of what it has seen

  // Appends and remembers the promise; `then` runs in this life only.
  void append(node::Append append, std::function<void(Result<node::Appended>)> then = nullptr);

 private:
  Status open();
  Status open_repair();
  std::function<void(const protocol::ValidDescriptor&, node::Sync::Connected)> connector();
};

// What was done to the network, to be counted.
struct Faults {
  std::uint64_t messages = 0, lost = 0, doubled = 0, forged = 0, partitions = 0;
  std::uint64_t crashes = 0, power_cuts = 0, write_errors = 0, restored = 0, repaired = 0;
};

class SimNetwork {
 public:
  SimNetwork(World& world, std::size_t nodes);

  World& world() { return world_; }
  Watch& watch() { return watch_; }
  std::vector<std::unique_ptr<SimNode>>& nodes() { return nodes_; }
  SimNode* find(const Hash& fingerprint);
  // The node as `from` sees it: of one with two faces, the one that is shown to it. Null: not reachable.
  SimNode* find_for(const SimNode& from, const Hash& fingerprint);
  // From now on this node has two faces with one key, which begin with the same store; each of the others
  // sees one of them, and they see nobody but those.
  void give_two_faces(std::size_t number);
  SimNode* second_face() { return second_face_.get(); }
  bool sees_second_face(std::size_t number) const { return sees_second_.contains(number); }
  Faults& faults() { return counted_; }

  bool parted(std::size_t a, std::size_t b) const {
    return parted_.contains({std::min(a, b), std::max(a, b)});
  }
  void part(std::size_t a, std::size_t b) {
    if (a != b && parted_.insert({std::min(a, b), std::max(a, b)}).second) ++counted_.partitions;
  }
  void mend_partitions() { parted_.clear(); }
  void heal() {
    parted_.clear();
    faults_ = false;
  }
  // Whether a message between the two is lost now, comes twice, is another than was sent, how long it takes.
  bool lost(std::size_t a, std::size_t b) { return count(parted(a, b) || happens(3), counted_.lost); }
  bool doubled() { return count(happens(3), counted_.doubled); }
  bool forged() { return count(happens(1), counted_.forged); }
  std::uint64_t delay() { return faults_ ? 1 + world_.below(400) : 5; }

 private:
  bool happens(unsigned percent) { return faults_ && world_.chance(percent); }
  static bool count(bool happened, std::uint64_t& counter) {
    counter += happened ? 1 : 0;
    return happened;
  }
  void after_each();

  World& world_;
  Watch watch_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::unique_ptr<SimNode> second_face_;
  std::set<std::size_t> sees_second_;
  std::set<std::pair<std::size_t, std::size_t>> parted_;
  bool faults_ = true;
  Faults counted_;
};

}  // namespace tocsin::simulation
