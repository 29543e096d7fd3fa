// What a machine can do to a ledger at rest or in the middle of a write, and what must come of it.
//   test_power_loss [--cycles N] [--flips N] [--seed S] [--expect-violation]
// Cycles: a ledger on a disk that breaks at a random write or flush, or loses power between two, while
// commits are prepared, flushed and finished in a random order of threads; of what was not flushed, random
// sectors survive. It is opened again each time: every acknowledged record must be there, every head handed
// out must be a prefix of the one it now signs, nothing may have been refused that was answered. Flips: one
// bit of one file of a store at rest (sometimes one that has just lost power) is turned. The node may refuse
// to open it or put it in quarantine; if it serves, it stands where it stood and goes on from there. Prints
// one line; exit 0 when nothing was lost, nothing forked and nothing was rolled back unnoticed.

#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <rocksdb/env.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/random.h"
#include "node/ledger/ledger.h"
#include "protocol/log/checkpoint.h"
#include "tests/node/ledger/drafts.h"
#include "tests/storage/fault_env.h"
#include "tests/support/lanes_runtime.h"
#include "tocsin/v1/record.pb.h"

namespace {

using namespace tocsin;

struct Tally {
  std::uint64_t acknowledged = 0;
  std::uint64_t lost = 0;
  std::uint64_t forked = 0;
  std::uint64_t shut_out = 0;  // an ordinary power cut after which the ledger did not open
  std::uint64_t refused = 0;   // flips answered by a refusal or quarantine
  std::uint64_t healed = 0;    // flips after which the ledger stands whole
  std::uint64_t silent = 0;    // flips after which it stands elsewhere
  std::uint64_t aborted = 0;   // flips at which RocksDB ended the process
  bool bad() const { return lost + forked + shut_out + silent > 0; }
};

struct Acknowledged {
  std::uint64_t index = 0;
  std::uint64_t number = 0;
  protocol::TreeHead tree;
};

storage::StoreOptions options_on(rocksdb::Env& env) {
  // Small, so that flushes, compactions and turns of the anchor happen within a few hundred records.
  return {&env, 1 << 20, 256 << 10, 128 << 10};
}

struct Machine {
  storage::FaultEnv env;
  tests::LanesRuntime runtime;
  std::unique_ptr<storage::Store> store;
  std::unique_ptr<node::Ledger> ledger;
  std::vector<Acknowledged> acks;
  std::uint64_t number = 0;

  Status start() {
    TRY_ASSIGN(store, storage::Store::open("/node", options_on(env)));
    TRY_ASSIGN(ledger, node::Ledger::open(*store, runtime, node::ledger_keys()));
    ledger->hand_over_from(2);
    return {};
  }
  void stop() {
    ledger.reset();
    store.reset();
    runtime.drop_all();
  }
  // Appends of 1 to `most` records each, several to a commit, until one fails.
  bool write(std::mt19937_64& draw, int commits, std::uint64_t most) {
    bool failed = false;
    for (int i = 0; i < commits && !failed; ++i) {
      const std::uint64_t appends = 1 + draw() % 3;
      for (std::uint64_t a = 0; a < appends; ++a) {
        std::vector<node::Draft> drafts;
        const std::uint64_t first = number + 1;
        const std::uint64_t count = 1 + draw() % most;
        for (std::uint64_t k = 0; k < count; ++k) drafts.push_back(node::receipt(++number));
        ledger->append({std::move(drafts)}, [this, first, &failed](Result<node::Appended> appended) {
          if (!appended) return void(failed = true);
          for (std::uint64_t k = 0; k < appended->count; ++k)
            acks.push_back({appended->first_index + k, first + k, ledger->head().tree});
        });
        for (std::uint64_t steps = draw() % 4; steps > 0; --steps) runtime.step(draw);
      }
      while (draw() % 4 != 0 && runtime.step(draw)) {
      }
    }
    // Sometimes the power goes while commits are on their way.
    if (draw() % 2 == 0) runtime.run();
    return !failed;
  }
};

std::optional<std::uint64_t> number_at(const node::Ledger& ledger, std::uint64_t index) {
  const auto opening = ledger.opening(index);
  if (!opening) return {};
  auto slots = protocol::unpack_slots(as_view(opening->slots_a()));
  if (!slots) return {};
  const auto event = protocol::ValidEvent::parse(protocol::Event::kReceipt, std::move(*slots));
  return event ? std::optional(event->number(0)) : std::nullopt;
}

bool extends(const node::Ledger& ledger, const protocol::TreeHead& older) {
  const protocol::TreeHead now = ledger.head().tree;
  if (older.size > now.size) return false;
  if (older.size == now.size) return older == now;
  const auto proof = ledger.consistency(older.size, now.size);
  return proof && protocol::verify_consistency(older, now, *proof);
}

// Everything since `from`, which earlier cycles have not looked at, and a sample of the rest.
void check(const Machine& machine, std::size_t from, std::mt19937_64& draw, Tally& tally) {
  const auto look = [&](const Acknowledged& ack) {
    if (number_at(*machine.ledger, ack.index) != ack.number) ++tally.lost;
    if (!extends(*machine.ledger, ack.tree)) ++tally.forked;
  };
  for (std::size_t i = from; i < machine.acks.size(); ++i) look(machine.acks[i]);
  for (int i = 0; i < 5 && from > 0; ++i) look(machine.acks[draw() % from]);
}

void power_cycles(std::uint64_t cycles, std::mt19937_64& draw, Tally& tally) {
  constexpr std::uint64_t kCyclesPerDisk = 40;
  for (std::uint64_t done = 0; done < cycles;) {
    Machine machine;
    if (!machine.start()) return void(++tally.shut_out);
    for (std::uint64_t i = 0; i < kCyclesPerDisk && done < cycles; ++i, ++done) {
      const std::size_t before = machine.acks.size();
      if (draw() % 4 != 0) machine.env.break_after(draw() % 60);
      // Big appends go past the anchor, small ones are carried by it.
      machine.write(draw, 1 + static_cast<int>(draw() % 12), draw() % 5 == 0 ? 60 : 4);
      machine.env.break_after(0);
      machine.stop();
      machine.env.cut_power(draw);
      // Sometimes the power goes again while the node starts.
      if (draw() % 4 == 0) {
        machine.env.break_after(draw() % 30);
        (void)machine.start();
        machine.stop();
        machine.env.cut_power(draw);
      }
      if (const Status opened = machine.start(); !opened) {
        ++tally.shut_out;
        std::fprintf(stderr, "cycle %llu: %s\n", static_cast<unsigned long long>(done),
                     opened.error().message.c_str());
        break;
      }
      check(machine, before, draw, tally);
    }
    tally.acknowledged += machine.acks.size();
  }
}

struct Image {
  std::vector<std::pair<std::string, std::string>> files;
};

Image image_of(storage::FaultEnv& env) {
  Image out;
  for (const std::string& name : env.files()) {
    std::string content;
    if (name.ends_with("/LOCK") || name.ends_with("/LOG")) continue;
    if (rocksdb::ReadFileToString(&env, name, &content).ok() && !content.empty())
      out.files.emplace_back(name, content);
  }
  return out;
}

// Which bit: every file is as likely as another, so that small ones are not spared.
std::string flip(Image& image, std::mt19937_64& draw) {
  auto& [name, content] = image.files[draw() % image.files.size()];
  std::size_t used = content.find_last_not_of('\0');
  used = used == std::string::npos ? content.size() : used + 1;
  const std::size_t at = draw() % used;
  content[at] = static_cast<char>(content[at] ^ (1 << (draw() % 8)));
  return name + " byte " + std::to_string(at);
}

void judge_flip(const Machine& before, const Image& image, const std::string& where, Tally& tally) {
  std::unique_ptr<rocksdb::Env> env(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  (void)env->CreateDirIfMissing("/node");
  for (const auto& [name, content] : image.files)
    (void)rocksdb::WriteStringToFile(env.get(), content, name, true);
  tests::ManualRuntime runtime;
  auto store = storage::Store::open("/node", options_on(*env));
  if (!store) return void(++tally.refused);
  auto ledger = node::Ledger::open(**store, runtime, node::ledger_keys());
  if (!ledger) return void(++tally.refused);
  const protocol::TreeHead last = before.acks.back().tree;
  bool whole = (*ledger)->head().tree == last;
  std::optional<protocol::TreeHead> next;
  (*ledger)->append({{node::receipt(1)}}, [&](Result<node::Appended> appended) {
    if (appended) next = (*ledger)->head().tree;
  });
  runtime.run();
  whole = whole && (!next || extends(**ledger, last));
  // A record that does not read must say so; one that reads must be the right one.
  for (const Acknowledged& ack : before.acks) {
    const auto number = number_at(**ledger, ack.index);
    whole = whole && (!number || *number == ack.number);
  }
  if (whole) return void(++tally.healed);
  ++tally.silent;
  std::fprintf(stderr, "silent: %s\n", where.c_str());
}

// A store of its own, made anew from the seed.
void one_flip(std::uint64_t seed, Tally& tally) {
  std::mt19937_64 draw(seed);
  Machine machine;
  if (!machine.start() || !machine.write(draw, 80, draw() % 2 == 0 ? 2 : 30)) return void(++tally.shut_out);
  machine.runtime.run();
  machine.env.break_after(0);
  machine.stop();
  if (draw() % 2 == 0) machine.env.cut_power(draw);
  Image image = image_of(machine.env);
  const std::string where = flip(image, draw);
  judge_flip(machine, image, where + " (seed " + std::to_string(seed) + ")", tally);
}

// In a process of its own: Debian's RocksDB asserts on some damage that its checksums would have refused a
// moment later. That ends the node before it has signed anything; it is counted by itself.
Tally in_child(const std::function<void(Tally&)>& work) {
  int ends[2];
  Tally tally;
  if (pipe(ends) != 0) std::abort();
  const pid_t child = fork();
  if (child == 0) {
    Tally mine;
    work(mine);
    const bool told = write(ends[1], &mine, sizeof mine) == sizeof mine;
    std::fflush(nullptr);
    _exit(told ? 0 : 1);
  }
  close(ends[1]);
  const bool told = read(ends[0], &tally, sizeof tally) == sizeof tally;
  close(ends[0]);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) std::abort();
  if (told) return tally;
  tally = {};
  ++(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? tally.aborted : tally.shut_out);
  return tally;
}

}  // namespace

int main(int argc, char** argv) {
  if (!crypto::init()) return 1;
  std::uint64_t cycles = 100;
  std::uint64_t flips = 100;
  std::uint64_t seed = 1;
  bool expect_violation = false;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0ULL; };
    if (name == "--cycles")
      cycles = value();
    else if (name == "--flips")
      flips = value();
    else if (name == "--seed")
      seed = value();
    else if (name == "--expect-violation")
      expect_violation = true;
    else
      return 2;
  }
  Tally tally = in_child([&](Tally& mine) {
    std::mt19937_64 draw(seed);
    power_cycles(cycles, draw, mine);
  });
  tally.shut_out += std::exchange(tally.aborted, 0);  // no cut may end so
  for (std::uint64_t i = 0; i < flips; ++i) {
    const Tally one = in_child([&](Tally& mine) { one_flip(seed * 1'000'000 + i, mine); });
    tally.refused += one.refused;
    tally.healed += one.healed;
    tally.silent += one.silent;
    tally.aborted += one.aborted;
    tally.shut_out += one.shut_out;
  }
  const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%llu power cuts: %llu records acknowledged, %llu lost, %llu heads forked, %llu times shut out; "
      "%llu bit flips: %llu refused, %llu ended by RocksDB, %llu whole, %llu silent (seed %llu)\n",
      n(cycles), n(tally.acknowledged), n(tally.lost), n(tally.forked), n(tally.shut_out), n(flips),
      n(tally.refused), n(tally.aborted), n(tally.healed), n(tally.silent), n(seed));
  return tally.bad() == expect_violation ? 0 : 1;
}
