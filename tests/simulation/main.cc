// simulate: whole networks under virtual time, one a seed.
//
//   simulate [--seeds N] [--first S] [--expect-violation]
//
// Prints the one command that replays a failing seed. --expect-violation succeeds only when something is
// found: the build with the planted fault is run so.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "crypto/random.h"
#include "tests/simulation/checker.h"

using namespace tocsin::simulation;

int main(int argc, char** argv) {
  std::uint64_t seeds = 20, first = 1;
  bool expect = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--seeds") == 0 && i + 1 < argc)
      seeds = std::strtoull(argv[++i], nullptr, 10);
    else if (std::strcmp(argv[i], "--first") == 0 && i + 1 < argc)
      first = std::strtoull(argv[++i], nullptr, 10);
    else if (std::strcmp(argv[i], "--expect-violation") == 0)
      expect = true;
    else
      return std::fprintf(stderr, "simulate [--seeds N] [--first S] [--expect-violation]\n"), 2;
  }
  if (!tocsin::crypto::init()) return 1;
  std::uint64_t ran = 0, bad = 0, signals = 0, retractions = 0, crashes = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    ++ran;
    World world(seed);
    SimNetwork network(world, 5);
    const Done done = run_workload(network);
    const auto wrong = check(network, done);
    signals += done.published.size();
    retractions += done.retracted.size();
    crashes += done.crashes;
    if (wrong.empty()) continue;
    ++bad;
    if (bad <= 3) {
      std::printf("seed %llu: %zu violations; replay with: simulate --first %llu --seeds 1\n",
                  static_cast<unsigned long long>(seed), wrong.size(), static_cast<unsigned long long>(seed));
      for (std::size_t i = 0; i < wrong.size() && i < 5; ++i) std::printf("  %s\n", wrong[i].c_str());
    }
    if (expect) break;
  }
  std::printf(
      "%llu networks of 5 nodes: %llu signals published, %llu retracted, %llu crashes; %llu with "
      "violations\n",
      static_cast<unsigned long long>(ran), static_cast<unsigned long long>(signals),
      static_cast<unsigned long long>(retractions), static_cast<unsigned long long>(crashes),
      static_cast<unsigned long long>(bad));
  return (bad > 0) == expect ? 0 : 1;
}
