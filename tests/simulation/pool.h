#pragma once
// Pool: seeds over processes, one network at a time in each; what each came to, and what came to all.

#include <array>
#include <cstdint>
#include <functional>

namespace tocsin::simulation {

// Of one seed; plain bytes, since it comes from another process.
struct Outcome {
  enum State : std::uint8_t { kNone, kRunning, kDone, kDied };
  State state = kNone;
  std::uint32_t violations = 0;
  std::uint64_t trace = 0;
  std::uint64_t virtual_ms = 0, events = 0, records = 0, published = 0, retracted = 0, repeated = 0,
                audited = 0;
  std::uint64_t messages = 0, lost = 0, doubled = 0, forged = 0, partitions = 0;
  std::uint64_t crashes = 0, power_cuts = 0, write_errors = 0, restored = 0, repaired = 0;
  std::uint64_t first_ms = 0, all_ms = 0;  // --equivocation: until it was proven, until all knew
  std::uint64_t tables = 0, bytes_lost = 0, files_torn = 0, names_undone = 0;
  std::array<char, 2000> text{};  // the first violations, a line each
};

// Runs `one` for each seed of [first, first + count) on `jobs` processes and calls `each` in order of seeds
// with what came of it, until it answers false. `first_only`: no new seed is begun once one has violations. A
// process that dies is an outcome (kDied), and another takes its place. False: processes cannot be started
// here.
bool run_seeds(std::uint64_t first, std::uint64_t count, unsigned jobs, bool first_only,
               const std::function<void(std::uint64_t seed, Outcome&)>& one,
               const std::function<bool(std::uint64_t seed, const Outcome&)>& each);

}  // namespace tocsin::simulation
