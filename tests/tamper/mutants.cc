// verifier_mutants: drops each check of the verifier in turn and asks the corpus whether it notices.
//
//   verifier_mutants [--samples N] [--good N] [--seed S] [--mutants N] [--bar PERCENT] [--survivors]
//
// It is linked with the sources that mutate.py wrote. A check is killed when, without it, some sample of the
// corpus is no longer detected or no longer named as its class says, a good one is accused, or the verifier
// breaks down; or when the findings are others than those on which the second verifier agrees. `--mutants N`
// tries N of them, evenly spread; `--survivors` lists those that live, and those that only the findings
// beside the right one betray. Exit 0 when at least 95 of 100 are
// killed, or as many as `--bar` says.

#include "tests/tamper/mutants.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/tamper/corpus.h"

namespace {

using namespace tocsin;
using namespace tocsin::tamper;

constexpr std::size_t kSamplesAskedMax = 60;  // of those in which the check refuses something
constexpr unsigned kSecondsMax = 30;          // for them all

struct Options {
  std::size_t samples = 4, good = 40, mutants = 0;
  std::uint64_t seed = 1;
  std::size_t bar = 95;  // percent of them to be killed
  bool survivors = false;
};

std::set<std::string> codes_of(const Verdict& verdict) {
  std::set<std::string> out = {"exit" + std::to_string(verdict.exit)};
  for (const auto& finding : verdict.findings) out.insert(finding.code + "/" + finding.rule);
  return out;
}

struct Case {
  const TamperClass* expected = nullptr;  // null: a good one
  Sample sample;
  std::set<std::string> codes;
  std::vector<bool> fired;

  bool right(const Verdict& verdict) const {
    if (expected == nullptr) return verdict.exit == 0;
    return verdict.exit == expected->exit && verdict.names(*expected);
  }
};

enum Fate : int { kSurvived = 0, kKilled = 1, kDiffers = 2 };

std::vector<Case> made_cases(const Options& options) {
  std::vector<Case> out;
  const auto add = [&](const TamperClass* expected, Sample sample) {
    Case one{expected, std::move(sample), {}, {}};
    mutants::fired().assign(mutants::all().size(), false);
    const Verdict verdict = judged(one.sample);
    one.codes = codes_of(verdict);
    one.fired = mutants::fired();
    // A class whose verdict is not always the same would kill by chance.
    if (one.right(verdict)) out.push_back(std::move(one));
  };
  for (std::size_t which = 0; which < tamper_classes().size(); ++which)
    for (std::size_t nth = 0; nth < std::max(options.samples, tamper_classes()[which].ways); ++nth) {
      Dice dice(options.seed * 1'000'003 + which * 7919 + nth * 104'729, nth);
      add(&tamper_classes()[which], tamper_classes()[which].make(dice));
    }
  for (std::size_t nth = 0; nth < options.good; ++nth) {
    Dice dice(options.seed * 1'000'033 + nth * 15'485'863, nth);
    add(nullptr, good_sample(dice));
  }
  return out;
}

// The samples in which the check refuses something, one of each class before the second of any.
std::vector<const Case*> witnesses(const std::vector<Case>& cases, unsigned mutant) {
  std::vector<const Case*> first, more;
  const TamperClass* last = nullptr;
  for (const Case& one : cases) {
    if (!one.fired[mutant]) continue;
    (one.expected != last || one.expected == nullptr ? first : more).push_back(&one);
    last = one.expected;
  }
  first.insert(first.end(), more.begin(), more.end());
  if (first.size() > kSamplesAskedMax) first.resize(kSamplesAskedMax);
  return first;
}

// In a process of its own: without its check the verifier may break down, or never end.
Fate fate_of(const std::vector<const Case*>& asked, unsigned mutant) {
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) {
    alarm(kSecondsMax);
    if (freopen("/dev/null", "w", stderr) == nullptr) _exit(kKilled);
    mutants::active() = mutant;
    int fate = kSurvived;
    for (const Case* one : asked) {
      const Verdict verdict = judged(one->sample);
      if (!one->right(verdict)) _exit(kKilled);
      if (codes_of(verdict) != one->codes) fate = kDiffers;
    }
    _exit(fate);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) throw std::runtime_error("waitpid");
  if (!WIFEXITED(status)) return kKilled;
  const int fate = WEXITSTATUS(status);
  return fate == kSurvived || fate == kDiffers ? static_cast<Fate>(fate) : kKilled;
}

int run(const Options& options) {
  const std::vector<Case> cases = made_cases(options);
  const std::size_t count = mutants::all().size() - 1;
  const std::size_t tried = options.mutants == 0 ? count : std::min(options.mutants, count);
  std::size_t by_fate[3] = {};
  for (std::size_t i = 0; i < tried; ++i) {
    const auto number = static_cast<unsigned>(1 + i * count / tried);
    const auto asked = witnesses(cases, number);
    const Fate fate = asked.empty() ? kSurvived : fate_of(asked, number);
    ++by_fate[fate];
    if (fate == kKilled || !options.survivors) continue;
    const mutants::Mutant& mutant = mutants::all()[number];
    std::printf("%s %s:%d: %s (%zu samples)\n", fate == kSurvived ? "survives" : "by findings",
                std::string(mutant.source).c_str(), mutant.line, std::string(mutant.text).c_str(),
                asked.size());
  }
  const std::size_t killed = by_fate[kKilled] + by_fate[kDiffers];
  const double share = static_cast<double>(killed) / static_cast<double>(tried);
  std::printf(
      "figures: verifier mutants: %zu of %zu checks dropped one at a time: killed %zu (%.1f %%), of them %zu "
      "by the "
      "class and %zu by the findings beside it; survive %zu; bar 95 %%, asked for %zu %%\n",
      tried, count, killed, 100 * share, by_fate[kKilled], by_fate[kDiffers], by_fate[kSurvived],
      options.bar);
  return 100 * killed >= options.bar * tried ? 0 : 1;
}

Options parsed(int argc, char** argv) {
  Options out;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--survivors") {
      out.survivors = true;
      continue;
    }
    if (i + 1 == argc) throw std::runtime_error(name + " needs a value");
    const std::uint64_t value = std::stoull(argv[++i]);
    if (name == "--samples")
      out.samples = value;
    else if (name == "--good")
      out.good = value;
    else if (name == "--mutants")
      out.mutants = value;
    else if (name == "--bar")
      out.bar = value;
    else if (name == "--seed")
      out.seed = value;
    else
      throw std::runtime_error("unknown option " + name);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    setvbuf(stdout, nullptr, _IOLBF, 0);
    return run(parsed(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "verifier_mutants: %s\n", error.what());
    return 2;
  }
}
