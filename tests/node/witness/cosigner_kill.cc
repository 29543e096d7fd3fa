// A witness never contradicts what it cosigned, shown by force: a real process that cosigns is killed with
// SIGKILL at random moments, also between its write and its answer, and started again on the same store. Of
// each log it must only ever have cosigned one history, and never less than before.
//   test_cosigner_kill [--rounds N] [--seed S]      prints one line; exit 0 when nothing was contradicted

#include "tests/node/witness/cosigner_kill.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/random.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace tocsin;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{30};  // for the first cosignature on a loaded machine

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "test_cosigner_kill: %s\n", what.c_str());
  std::exit(1);
}

// What was cosigned of one log, over all lives of the witness.
struct History {
  std::uint64_t flavour = 0;
  std::uint64_t size = 0;
};

struct Tally {
  std::uint64_t cosigned = 0;
  std::uint64_t forks = 0;
  std::uint64_t rollbacks = 0;
  std::map<std::uint64_t, History> logs;

  void take(const tests::Cosigned& given) {
    ++cosigned;
    const auto [at, first] = logs.try_emplace(given.log, History{given.flavour, given.size});
    if (first) return;
    if (at->second.flavour != given.flavour) ++forks;
    if (given.size < at->second.size) ++rollbacks;
    at->second.size = given.size;
  }
  // The first log that still grows: the others' histories are complete.
  std::uint64_t first_open() const {
    for (std::uint64_t log = 0;; log += tests::kLogs) {
      bool open = false;
      for (std::uint64_t i = log; i < log + tests::kLogs; ++i)
        open = open || !logs.contains(i) || logs.at(i).size < tests::kKilledSizeMax;
      if (open) return log;
    }
  }
};

void run_and_kill(const std::string& witness, const std::string& dir, std::uint64_t seed,
                  std::chrono::microseconds moment, Tally& tally) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) give_up("pipe2 failed");
  const std::string first = std::to_string(tally.first_open());
  const std::string dice = std::to_string(seed);
  const pid_t pid = fork();
  if (pid < 0) give_up("fork failed");
  if (pid == 0) {
    if (dup2(ends[1], 3) != 3) _exit(1);
    execl(witness.c_str(), witness.c_str(), dir.c_str(), first.c_str(), dice.c_str(), nullptr);
    _exit(1);
  }
  close(ends[1]);
  auto deadline = Clock::now() + kPatience;
  bool begun = false;
  for (bool killed = false;;) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - Clock::now()).count();
    if (!killed && left <= 0) killed = kill(pid, SIGKILL) == 0;
    pollfd poll_for{ends[0], POLLIN, 0};
    const timespec wait{
        0, killed ? 100'000'000 : std::min<std::int64_t>(std::max<std::int64_t>(left, 0), 100'000'000)};
    if (ppoll(&poll_for, 1, &wait, nullptr) <= 0) continue;
    tests::Cosigned given;
    const ssize_t got = read(ends[0], &given, sizeof given);
    if (got == 0) break;
    if (got != sizeof given) give_up("a report was cut");
    if (!std::exchange(begun, true)) deadline = Clock::now() + moment;
    tally.take(given);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  close(ends[0]);
  if (!WIFSIGNALED(status)) give_up("the witness ended by itself");
}

}  // namespace

int main(int argc, char** argv) {
  unsigned rounds = 20;
  unsigned long long seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--rounds") == 0) rounds = static_cast<unsigned>(std::stoul(argv[i + 1]));
    if (std::strcmp(argv[i], "--seed") == 0) seed = std::stoull(argv[i + 1]);
  }
  if (!crypto::init()) give_up("crypto");
  const std::string self(argv[0]);
  const std::string witness = self.substr(0, self.rfind('/') + 1) + "killed_witness";
  const tests::TempDir dir;
  std::mt19937_64 dice(seed);
  Tally tally;
  for (unsigned round = 0; round < rounds; ++round)
    run_and_kill(witness, dir.file("store"), dice(), std::chrono::microseconds(dice() % 60'000), tally);
  std::printf("%u kills, %llu cosignatures of %zu logs: %llu forks, %llu rollbacks (seed %llu)\n", rounds,
              static_cast<unsigned long long>(tally.cosigned), tally.logs.size(),
              static_cast<unsigned long long>(tally.forks), static_cast<unsigned long long>(tally.rollbacks),
              seed);
  return tally.cosigned > 0 && tally.forks + tally.rollbacks == 0 ? 0 : 1;
}
