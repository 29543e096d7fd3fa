// Acknowledged means durable, shown by force: a real writer process is killed with SIGKILL at random moments,
// also while it starts, and its store is opened again each time. Every acknowledged record must be there
// under its index, every checkpoint handed out must be a prefix of the ledger, and every idempotency key must
// have had exactly one effect.
//   test_kill9 [--rounds N] [--seed S]      prints one line; exit 0 when nothing was lost and nothing forked

#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/random.h"
#include "tests/node/ledger/kill_round.h"
#include "tests/support/manual_runtime.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace tocsin;
using tests::Ack;

constexpr std::uint64_t kPatienceMs =
    30'000;  // for the first acknowledgement of a calm round on a loaded machine

struct Tally {
  std::uint64_t acknowledged = 0;
  std::uint64_t records = 0;
  std::uint64_t lost = 0;
  std::uint64_t forked = 0;
  std::uint64_t doubled = 0;
};

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "test_kill9: %s\n", what.c_str());
  std::exit(1);
}

struct Child {
  pid_t pid = 0;
  int pipe = -1;
};

Child spawn(const std::string& writer, const std::string& dir, std::uint64_t first, unsigned outstanding) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) give_up("pipe2 failed");
  const std::string from = std::to_string(first);
  const std::string window = std::to_string(outstanding);
  const pid_t pid = fork();
  if (pid < 0) give_up("fork failed");
  if (pid == 0) {
    if (dup2(ends[1], 3) != 3) _exit(1);
    execl(writer.c_str(), writer.c_str(), dir.c_str(), from.c_str(), window.c_str(), nullptr);
    _exit(1);
  }
  close(ends[1]);
  return {pid, ends[0]};
}

// Takes acknowledgements until the moment comes, kills, then takes what is left in the pipe. The moment is
// counted from the start when `from_start`, otherwise from the first acknowledgement.
std::vector<Ack> run_and_kill(const Child& child, std::chrono::microseconds moment, bool from_start) {
  std::vector<Ack> acks;
  auto deadline = std::chrono::steady_clock::now() +
                  (from_start ? moment : std::chrono::microseconds(kPatienceMs * 1000));
  bool killed = false;
  for (;;) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (!killed && left.count() <= 0) {
      kill(child.pid, SIGKILL);
      killed = true;
    }
    pollfd poll_for{child.pipe, POLLIN, 0};
    const timespec wait{0, killed ? 100'000'000 : std::min<std::int64_t>(left.count(), 100'000'000)};
    if (ppoll(&poll_for, 1, &wait, nullptr) <= 0) continue;
    Ack ack;
    const ssize_t got = read(child.pipe, &ack, sizeof ack);
    if (got == 0) break;
    if (got != sizeof ack) give_up("an acknowledgement was cut");
    if (acks.empty() && !from_start) deadline = std::chrono::steady_clock::now() + moment;
    acks.push_back(ack);
  }
  int status = 0;
  waitpid(child.pid, &status, 0);
  close(child.pipe);
  if (!WIFSIGNALED(status)) give_up("the writer ended by itself");
  return acks;
}

// 0 for a record that does not open or is none of the writer's.
std::uint64_t serial_at(const node::Ledger& ledger, std::uint64_t index) {
  const auto opening = ledger.opening(index);
  if (!opening) return 0;
  auto slots = protocol::unpack_slots(as_view(opening->slots_a()));
  if (!slots) return 0;
  const auto event = protocol::ValidEvent::parse(protocol::Event::kReceipt, std::move(*slots));
  return event ? event->number(0) : 0;
}

bool is_prefix(const node::Ledger& ledger, const protocol::TreeHead& now, const Ack& ack) {
  if (ack.tree_size > now.size) return false;
  if (ack.tree_size == now.size) return ack.root == now.root;
  const auto proof = ledger.consistency(ack.tree_size, now.size);
  return proof && protocol::verify_consistency({ack.tree_size, ack.root}, now, *proof);
}

// The serial to go on with.
std::uint64_t check(const std::string& dir, const std::vector<Ack>& acks, Tally& tally) {
  auto store = storage::Store::open(dir);
  if (!store) give_up("the store does not open: " + store.error().message);
  tests::ManualRuntime runtime;
  auto ledger = node::Ledger::open(**store, runtime, tests::kill_keys());
  if (!ledger) give_up("the ledger does not open: " + ledger.error().message);
  const protocol::TreeHead now = (*ledger)->head().tree;
  tally.records = now.size;
  std::uint64_t next = 1;
  for (const Ack& ack : acks) {
    if (serial_at(**ledger, ack.index) != ack.serial) ++tally.lost;
    if (!is_prefix(**ledger, now, ack)) ++tally.forked;
    next = std::max(next, ack.serial + 1);
  }
  return next;
}

void check_all(const std::string& dir, const std::vector<Ack>& acks, Tally& tally) {
  check(dir, acks, tally);
  auto store = storage::Store::open(dir);
  if (!store) give_up("the store does not open: " + store.error().message);
  tests::ManualRuntime runtime;
  auto ledger = node::Ledger::open(**store, runtime, tests::kill_keys());
  if (!ledger) give_up("the ledger does not open: " + ledger.error().message);
  std::map<std::uint64_t, std::uint64_t> seen;
  for (std::uint64_t i = 1; i < (*ledger)->size(); ++i)
    if (++seen[serial_at(**ledger, i)] > 1) ++tally.doubled;
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
  const std::string writer = self.substr(0, self.rfind('/') + 1) + "kill_writer";
  const tests::TempDir dir;
  std::mt19937_64 random(seed);
  Tally tally;
  std::vector<Ack> all;
  std::uint64_t next = 1;
  for (unsigned round = 0; round < rounds; ++round) {
    const unsigned outstanding = random() % 3 == 0 ? 1 : static_cast<unsigned>(1 + random() % 256);
    const bool from_start = random() % 4 == 0;
    const std::chrono::microseconds moment(random() % (from_start ? 40'000 : 150'000));
    const Child child = spawn(writer, dir.file("store"), next, outstanding);
    const auto acks = run_and_kill(child, moment, from_start);
    next = std::max(next, check(dir.file("store"), acks, tally));
    all.insert(all.end(), acks.begin(), acks.end());
  }
  tally.acknowledged = all.size();
  check_all(dir.file("store"), all, tally);
  std::printf("%u kills, %llu acknowledged, %llu records: %llu lost, %llu forks, %llu doubled (seed %llu)\n",
              rounds, static_cast<unsigned long long>(tally.acknowledged),
              static_cast<unsigned long long>(tally.records), static_cast<unsigned long long>(tally.lost),
              static_cast<unsigned long long>(tally.forked), static_cast<unsigned long long>(tally.doubled),
              seed);
  return tally.acknowledged > 0 && tally.lost + tally.forked + tally.doubled == 0 ? 0 : 1;
}
