#pragma once
// SimNetwork: five companies' nodes with the real ledger, rooms and sync on RocksDB in memory; between them
// links that delay, lose, double, reorder and part.
//
// Nothing of the node is replaced but the three determinism seams: Runtime (Machine), PeerLink (SimLink) and
// RocksDB's Env.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "crypto/hpke.h"
#include "node/ledger/ledger.h"
#include "node/members/members.h"
#include "node/peer/feed_service.h"
#include "node/peer/sync.h"
#include "node/signals/signals.h"
#include "tests/simulation/world.h"

namespace rocksdb {
class Env;
}

namespace tocsin::simulation {

class SimNetwork;

// One company: what survives a crash (keys, disk) and what does not (everything made by start()).
struct SimNode {
  SimNode(SimNetwork& network, World& world, std::size_t number);
  ~SimNode();

  void start();
  void crash();
  bool up() const { return ledger != nullptr; }

  SimNetwork& network;
  Machine machine;
  const std::size_t number;
  const std::string name;
  crypto::SigningKey root, operational, reviewer, second_reviewer;
  crypto::KemKey envelope;
  std::unique_ptr<protocol::ValidDescriptor> descriptor;
  std::unique_ptr<rocksdb::Env> disk;

  std::unique_ptr<storage::Store> store;
  std::unique_ptr<node::Ledger> ledger;
  std::unique_ptr<node::Members> members;
  std::unique_ptr<node::Signals> signals;
  std::unique_ptr<node::FeedOwner> owner;
  std::unique_ptr<node::FeedService> service;
  std::unique_ptr<node::Sync> sync;

  // What it promised, over all its lives.
  struct Promise {
    std::uint64_t size = 0;
    std::string checkpoint;
  };
  std::vector<Promise> promises;
  bool joined = false;

  // Appends and remembers the promise; `then` runs in this life only.
  void append(node::Append append, std::function<void(Result<node::Appended>)> then = nullptr);
};

class SimNetwork {
 public:
  SimNetwork(World& world, std::size_t nodes);

  World& world() { return world_; }
  std::vector<std::unique_ptr<SimNode>>& nodes() { return nodes_; }
  SimNode* find(const Hash& fingerprint);

  bool parted(std::size_t a, std::size_t b) const {
    return parted_.contains({std::min(a, b), std::max(a, b)});
  }
  void part(std::size_t a, std::size_t b) { parted_.insert({std::min(a, b), std::max(a, b)}); }
  void heal() {
    parted_.clear();
    faults_ = false;
  }
  // Whether a message between the two is lost now, and how long it takes.
  bool lost(std::size_t a, std::size_t b) { return parted(a, b) || (faults_ && world_.chance(3)); }
  std::uint64_t delay() { return faults_ ? 1 + world_.below(400) : 5; }
  bool doubled() { return faults_ && world_.chance(3); }

 private:
  World& world_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::set<std::pair<std::size_t, std::size_t>> parted_;
  bool faults_ = true;
};

}  // namespace tocsin::simulation
