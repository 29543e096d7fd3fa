#pragma once
// Watch: what must hold at every commit and after every crash, not only at the end.
//
// It sees what each node has synced and told, and remembers it across the node's lives. A violation is a line
// that begins with the invariant's number (reliability.md):
//   I1, I2, I4 what was acknowledged or synced is there again after a crash, the same, in the same places
//   I3   one leaf for each issuer and index, wherever it is held
//   I5   every tree recomputes from the leaves that are stored
//   I6   nobody was told of a head that a crash could take back
//   I9   after a failed write nothing is acknowledged until the store was opened again
//   I14, I15 from the commit on that knows of a retraction the signal never matches, whatever comes after
//   I17  a head held of a peer is one that the peer signed
//   I22  heads and cursors held of a peer never go back

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "node/ledger/ledger.h"
#include "protocol/log/merkle.h"

namespace tocsin::simulation {

struct SimNode;
class SimNetwork;

class Watch {
 public:
  explicit Watch(SimNetwork& network) : network_(network) {}

  // A node has opened its store, for the first time or again.
  void recovered(SimNode& at);
  void committed(SimNode& at, const node::Ledger::Committed& what);
  // It gets another disk, with an earlier state. What no other node has taken may be gone for good; how many
  // of its records the others have taken: these must be there again before it signs anything.
  std::uint64_t put_back(SimNode& at);
  // As put_back() said.
  std::uint64_t bound_of(std::size_t node) { return seen_[node].bound; }
  // Its present head leaves it, for a peer.
  void told(const SimNode& at);
  void acknowledged(SimNode& at, const node::Appended& what);

  // A node that lies on purpose: what it does and what others hold of it is not looked at.
  void leave_out(std::size_t number) { left_out_ = number; }
  void complain(const SimNode& at, const std::string& what);
  const std::vector<std::string>& wrong() const { return wrong_; }

 private:
  struct Held {  // of one peer, by one node
    std::uint64_t cursor = 0;
    std::uint64_t head = 0;
  };
  struct Seen {
    std::vector<Hash> leaves;  // synced, whoever knows of them
    protocol::CompactRange range;
    std::set<std::string> notes;  // checkpoints signed
    std::uint64_t acknowledged = 0;
    std::uint64_t told = 0;
    std::uint64_t bound = 0;   // records that others had taken when it was put back
    std::vector<Hash> before;  // its records until then: a node that was down may have taken more of them
    std::map<std::size_t, Held> held;
    std::map<std::string, std::string> ended;  // retracted signal -> its indicator
  };

  void add_own(SimNode& at, Seen& seen, std::uint64_t size);
  void compare_root(SimNode& at, const Seen& seen, const node::LedgerHead& head);
  void held(SimNode& at, Seen& seen);
  void held_of(SimNode& at, SimNode& issuer, Held& held);
  void still_ended(SimNode& at, const std::string& signal, const std::string& indicator);

  SimNetwork& network_;
  std::optional<std::size_t> left_out_;
  std::map<std::size_t, Seen> seen_;
  std::vector<std::string> wrong_;
};

// Whether the node's own look-up finds the indicator (as a Case carries it).
bool matches(SimNode& at, const std::string& indicator);

}  // namespace tocsin::simulation
