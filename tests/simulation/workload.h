#pragma once
// What happens in one simulated network: it forms, people and faults do their work, then everything heals and
// settles.
//
// Everything is drawn from the world's seed. Returns when the network has settled or the time for it is over;
// the checker says whether what came out is right.

#include <set>

#include "tests/simulation/network.h"

namespace tocsin::simulation {

// What the workload knows it has done: only what a node has acknowledged.
struct Done {
  std::set<std::string> submitted;               // signal ids
  std::map<std::string, std::size_t> published;  // signal id -> who
  std::set<std::string> retracted;
  bool settled = false;        // every node is up and has had its time
  std::uint64_t repeated = 0;  // appends sent again under their key
};

// `restore`: some time on the way one node loses its disk and gets a backup back.
Done run_workload(SimNetwork& network, bool restore = false);

}  // namespace tocsin::simulation
