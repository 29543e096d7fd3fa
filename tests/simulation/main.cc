// simulate: whole networks under virtual time, one a seed.
//
//   simulate [--seeds N] [--first S] [--jobs J] [--twice K] [--audit-every A] [--restore]
//   [--expect-violation]
//   simulate --equivocation [--seeds N] [--first S] [--jobs J] [--expect-violation]
//
// --restore: in each network one node loses its disk on the way, gets a backup back and repairs itself.
// --jobs processes share the seeds (as many as there are processors, unless said). The first K seeds run
// twice and must leave the same trace; every Ath seed's bundles go through the auditor's verifier. Prints the
// one command that replays a failing seed. --expect-violation succeeds only when something is found, and
// looks no further: the builds with planted faults are run so. --equivocation: networks of ten, in which one
// node shows two histories to two halves of the others; it must be in quarantine everywhere within one hour
// of their time in 99 of 100 seeds.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <errno.h>
#include <unistd.h>

#include "crypto/random.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/pool.h"

namespace tocsin::simulation {
namespace {

struct Options {
  std::uint64_t seeds = 20, first = 1, twice = 0, audit_every = 1;
  unsigned jobs = static_cast<unsigned>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  bool expect = false;
  bool restore = false;
  bool equivocation = false;
};

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--restore") {
      options.restore = true;
      continue;
    }
    if (name == "--expect-violation") {
      options.expect = true;
      continue;
    }
    if (name == "--equivocation") {
      options.equivocation = true;
      continue;
    }
    if (i + 1 >= argc) return false;
    const std::uint64_t value = std::strtoull(argv[++i], nullptr, 10);
    if (name == "--seeds")
      options.seeds = value;
    else if (name == "--first")
      options.first = value;
    else if (name == "--twice")
      options.twice = value;
    else if (name == "--audit-every")
      options.audit_every = std::max<std::uint64_t>(1, value);
    else if (name == "--jobs")
      options.jobs = std::max(1U, static_cast<unsigned>(value));
    else
      return false;
  }
  return true;
}

void count(SimNetwork& network, const Done& done, Outcome& out) {
  const Faults& faults = network.faults();
  const World& world = network.world();
  out.trace = world.trace();
  out.events = world.events();
  out.published = done.published.size();
  out.retracted = done.retracted.size();
  out.repeated = done.repeated;
  out.messages = faults.messages;
  out.lost = faults.lost;
  out.doubled = faults.doubled;
  out.forged = faults.forged;
  out.partitions = faults.partitions;
  out.crashes = faults.crashes;
  out.power_cuts = faults.power_cuts;
  out.write_errors = faults.write_errors;
  out.restored = faults.restored;
  out.repaired = faults.repaired;
  for (auto& one : network.nodes()) {
    if (one->up()) out.records += one->ledger->size();
    out.tables += one->disk.tables();
    out.bytes_lost += one->disk.losses().bytes;
    out.files_torn += one->disk.losses().torn;
    out.names_undone += one->disk.losses().names;
  }
}

void write_text(const std::vector<std::string>& wrong, Outcome& out) {
  std::string text;
  for (std::size_t i = 0; i < wrong.size() && i < 5; ++i) text += "  " + wrong[i].substr(0, 350) + "\n";
  std::memcpy(out.text.data(), text.data(), std::min(text.size(), out.text.size() - 1));
}

void run_one(std::uint64_t seed, bool audited, bool restore, Outcome& out) {
  World world(seed);
  const std::uint64_t began = world.now_ms();
  SimNetwork network(world, 5);
  const Done done = run_workload(network, restore);
  const auto wrong = check(network, done, audited);
  count(network, done, out);
  out.virtual_ms = world.now_ms() - began;
  out.audited = audited ? 1 : 0;
  out.violations = static_cast<std::uint32_t>(wrong.size());
  write_text(wrong, out);
}

void run_two_faced(std::uint64_t seed, Outcome& out) {
  World world(seed);
  const std::uint64_t began = world.now_ms();
  SimNetwork network(world, 10);
  const Exposure exposure = run_two_faces(network);
  count(network, {}, out);
  out.virtual_ms = world.now_ms() - began;
  out.first_ms = exposure.first_ms;
  out.all_ms = exposure.all_ms;
  out.violations = static_cast<std::uint32_t>(exposure.wrong.size());
  write_text(exposure.wrong, out);
}

void run_seed(const Options& options, std::uint64_t seed, Outcome& out) {
  if (options.equivocation) return run_two_faced(seed, out);
  run_one(seed, seed % options.audit_every == 0, options.restore, out);
  if (seed >= options.first + options.twice) return;
  Outcome again;
  run_one(seed, false, options.restore, again);
  if (again.trace == out.trace) return;
  ++out.violations;
  const char text[] = "  I47: the same seed took another course\n";
  std::memcpy(out.text.data(), text, sizeof text);
}

void add(Outcome& sum, const Outcome& one) {
  for (auto field :
       {&Outcome::virtual_ms,  &Outcome::events,     &Outcome::records,      &Outcome::published,
        &Outcome::retracted,   &Outcome::repeated,   &Outcome::audited,      &Outcome::messages,
        &Outcome::lost,        &Outcome::doubled,    &Outcome::forged,       &Outcome::partitions,
        &Outcome::crashes,     &Outcome::power_cuts, &Outcome::write_errors, &Outcome::restored,
        &Outcome::repaired,    &Outcome::tables,     &Outcome::bytes_lost,   &Outcome::files_torn,
        &Outcome::names_undone})
    sum.*field += one.*field;
}

void print_failure(const Options& options, std::uint64_t seed, const Outcome& one) {
  std::printf("seed %llu: %u violations; replay with: %s --first %llu --seeds 1%s\n",
              static_cast<unsigned long long>(seed), one.violations, program_invocation_short_name,
              static_cast<unsigned long long>(seed),
              options.restore        ? " --restore"
              : options.equivocation ? " --equivocation"
                                     : "");
  if (one.state == Outcome::kDied) std::printf("  the process died\n");
  std::fputs(one.text.data(), stdout);
}

void print_sum(std::uint64_t ran, std::uint64_t bad, const Outcome& sum) {
  const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%llu networks of 5 nodes, %.1f hours of their time, %llu events, %llu records: "
      "%llu signals published, %llu retracted, %llu appends sent twice, %llu networks audited\n",
      n(ran), static_cast<double>(sum.virtual_ms) / 3.6e6, n(sum.events), n(sum.records), n(sum.published),
      n(sum.retracted), n(sum.repeated), n(sum.audited));
  std::printf(
      "faults: %llu crashes at rest, %llu power cuts while writing, %llu failed writes; %llu tables written, "
      "%llu bytes lost, "
      "%llu files torn, %llu names undone; of %llu messages %llu lost, %llu doubled, %llu forged, "
      "all reordered; %llu partitions\n",
      n(sum.crashes), n(sum.power_cuts), n(sum.write_errors), n(sum.tables), n(sum.bytes_lost),
      n(sum.files_torn), n(sum.names_undone), n(sum.messages), n(sum.lost), n(sum.doubled), n(sum.forged),
      n(sum.partitions));
  if (sum.restored > 0)
    std::printf(
        "%llu nodes lost their disk and got a backup back, %llu times one was repaired from its peers\n",
        n(sum.restored), n(sum.repaired));
  std::printf("%llu with violations\n", n(bad));
}

int run(const Options& options) {
  std::uint64_t ran = 0, bad = 0;
  Outcome sum;
  const bool started = run_seeds(
      options.first, options.seeds, options.jobs, options.expect,
      [&](std::uint64_t seed, Outcome& out) { run_seed(options, seed, out); },
      [&](std::uint64_t seed, const Outcome& one) {
        ++ran;
        add(sum, one);
        if (one.violations == 0) return true;
        if (++bad <= 3) print_failure(options, seed, one);
        return !options.expect;
      });
  if (!started) return std::fprintf(stderr, "simulate: no process can be started\n"), 1;
  print_sum(ran, bad, sum);
  return (bad > 0) == options.expect ? 0 : 1;
}

// Of the milliseconds, that share, in seconds.
double percentile(std::vector<std::uint64_t> of, std::size_t percent) {
  if (of.empty()) return 0;
  std::sort(of.begin(), of.end());
  return static_cast<double>(of[(of.size() - 1) * percent / 100]) / 1000;
}

int run_equivocation(const Options& options) {
  std::uint64_t ran = 0, bad = 0;
  std::vector<std::uint64_t> first, everywhere;
  const auto one_seed = [&](std::uint64_t seed, const Outcome& one) {
    ++ran;
    if (one.first_ms != 0) first.push_back(one.first_ms);
    if (one.all_ms != 0) everywhere.push_back(one.all_ms);
    if (one.all_ms == 0)
      std::printf(
          "seed %llu: not exposed within the hour; replay with: %s --equivocation --first %llu --seeds 1\n",
          static_cast<unsigned long long>(seed), program_invocation_short_name,
          static_cast<unsigned long long>(seed));
    if (one.violations != 0 || one.state == Outcome::kDied) {
      ++bad;
      print_failure(options, seed, one);
    }
    return !options.expect || one.all_ms != 0;
  };
  const bool started = run_seeds(
      options.first, options.seeds, options.jobs, options.expect,
      [&](std::uint64_t seed, Outcome& out) { run_seed(options, seed, out); }, one_seed);
  if (!started) return std::fprintf(stderr, "simulate: no process can be started\n"), 1;
  std::printf(
      "%llu networks of 10 nodes, one of them with two faces: in quarantine at every other node within an "
      "hour "
      "in %zu; proven after %.1f s (median) to %.1f s (worst), everywhere after %.1f s to %.1f s; %llu with "
      "violations\n",
      static_cast<unsigned long long>(ran), everywhere.size(), percentile(first, 50), percentile(first, 100),
      percentile(everywhere, 50), percentile(everywhere, 100), static_cast<unsigned long long>(bad));
  const bool exposed = everywhere.size() * 100 >= ran * 99 && bad == 0;
  return exposed != options.expect ? 0 : 1;
}

}  // namespace
}  // namespace tocsin::simulation

int main(int argc, char** argv) {
  tocsin::simulation::Options options;
  if (!tocsin::simulation::parse(argc, argv, options))
    return std::fprintf(stderr,
                        "simulate [--seeds N] [--first S] [--jobs J] [--twice K] [--audit-every A] "
                        "[--restore] [--equivocation] [--expect-violation]\n"),
           2;
  if (!tocsin::crypto::init()) return 1;
  return options.equivocation ? tocsin::simulation::run_equivocation(options)
                              : tocsin::simulation::run(options);
}
