#pragma once
// What happens in one simulated network: it forms, people and faults do their work, then everything heals and
// settles.
//
// Everything is drawn from the world's seed. Returns when the network has settled or the time for it is over;
// the checker says whether what came out is right.

#include <set>
#include <string>
#include <vector>

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

// One node of the network shows two halves of it two histories, under faults, until every other node has it
// in quarantine or the time is over.
struct Exposure {
  std::uint64_t first_ms =
      0;  // from the second history's first record to the first node that recorded the proof
  std::uint64_t all_ms = 0;  // to the last; 0: not within kExposureMs
  std::vector<std::string> wrong;
};
inline constexpr std::uint64_t kExposureMs = 3'600'000;
Exposure run_two_faces(SimNetwork& network);

}  // namespace tocsin::simulation
