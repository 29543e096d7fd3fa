// simulate: whole networks under virtual time, one a seed.
//
//   simulate [--seeds N] [--first S] [--jobs J] [--twice K] [--audit-every A] [--restore]
//   [--expect-violation]
//
// --restore: in each network one node loses its disk on the way, gets a backup back and repairs itself.
// --jobs processes share the seeds (as many as there are processors, unless said). The first K seeds run
// twice and must leave the same trace; every Ath seed's bundles go through the auditor's verifier. Prints the
// one command that replays a failing seed. --expect-violation succeeds only when something is found, and
// looks no further: the builds with planted faults are run so.
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
  std::string text;
  for (std::size_t i = 0; i < wrong.size() && i < 5; ++i) text += "  " + wrong[i].substr(0, 350) + "\n";
  std::memcpy(out.text.data(), text.data(), std::min(text.size(), out.text.size() - 1));
}

void run_seed(const Options& options, std::uint64_t seed, Outcome& out) {
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

void print_failure(std::uint64_t seed, const Outcome& one, bool restore) {
  std::printf("seed %llu: %u violations; replay with: %s --first %llu --seeds 1%s\n",
              static_cast<unsigned long long>(seed), one.violations, program_invocation_short_name,
              static_cast<unsigned long long>(seed), restore ? " --restore" : "");
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
        if (++bad <= 3) print_failure(seed, one, options.restore);
        return !options.expect;
      });
  if (!started) return std::fprintf(stderr, "simulate: no process can be started\n"), 1;
  print_sum(ran, bad, sum);
  return (bad > 0) == options.expect ? 0 : 1;
}

}  // namespace
}  // namespace tocsin::simulation

int main(int argc, char** argv) {
  tocsin::simulation::Options options;
  if (!tocsin::simulation::parse(argc, argv, options))
    return std::fprintf(stderr,
                        "simulate [--seeds N] [--first S] [--jobs J] [--twice K] [--audit-every A] "
                        "[--restore] [--expect-violation]\n"),
           2;
  if (!tocsin::crypto::init()) return 1;
  return tocsin::simulation::run(options);
}
