// What an acknowledged append costs, as a ratio to what the disk costs in the same run.
//   bench_append [DIR]     DIR: where to write (default: a directory under $TMPDIR or /tmp)
// Blocks of fdatasync and of appends alternate, so that all see the same machine; each block gives one ratio.
// A flush writes as many bytes as a commit of one record does, in the directory of the store, in two ways:
// behind the end of a file that grows, as a plain log does, and over a part of a file that was written
// before, which needs no metadata and is the least a disk can be asked for. One client asks again when it is
// answered. Many: 512 appends outstanding, from one thread and from two; a client asks again as soon as it is
// answered, and seals what it appends itself, as the daemon's threads do.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <semaphore>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "crypto/random.h"
#include "crypto/sha256_kernel.h"
#include "node/metrics/metrics.h"
#include "node/runtime/asio_runtime.h"
#include "tests/bench/spread.h"
#include "tests/node/ledger/kill_round.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace tocsin;
using namespace tocsin::bench;
using Clock = std::chrono::steady_clock;

constexpr int kPerBlock = 200;
constexpr std::size_t kFlushedBytes = 8192;  // what the commit of one record writes before its answer
constexpr std::size_t kOverwritten = 8 << 20;
constexpr int kOutstanding = 512;
constexpr int kManyBlocks = 7;
constexpr auto kManyFor = std::chrono::milliseconds(800);
// Bars of ledger.md.
constexpr double kRatioMax = 1.3;
constexpr double kManyMin = 80'000;
constexpr double kCommitsMin = 0.85;

double microseconds(Clock::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

class Flushed {
 public:
  Flushed(const std::string& path, bool grows) : grows_(grows) {
    fd_ = open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    if (fd_ < 0) std::abort();
    while (!grows_ && at_ < kOverwritten) write_next();
    if (fsync(fd_) != 0) std::abort();
    if (!grows_) at_ = 0;
  }
  ~Flushed() { close(fd_); }
  Flushed(const Flushed&) = delete;
  Flushed& operator=(const Flushed&) = delete;

  std::vector<double> block() {
    std::vector<double> took;
    for (int i = 0; i < kPerBlock; ++i) {
      if (!grows_ && at_ + kFlushedBytes > kOverwritten) at_ = 0;
      const auto start = Clock::now();
      write_next();
      if (fdatasync(fd_) != 0) std::abort();
      took.push_back(microseconds(Clock::now() - start));
    }
    return took;
  }

 private:
  void write_next() {
    const ssize_t written = pwrite(fd_, bytes_.data(), bytes_.size(), static_cast<off_t>(at_));
    if (written != static_cast<ssize_t>(bytes_.size())) std::abort();
    at_ += bytes_.size();
  }

  const bool grows_;
  int fd_ = -1;
  std::size_t at_ = 0;
  const std::vector<char> bytes_ = std::vector<char>(kFlushedBytes, 'x');
};

std::vector<double> append_block(node::Ledger& ledger, std::uint64_t& serial) {
  std::vector<double> took;
  for (int i = 0; i < kPerBlock; ++i) {
    const auto start = Clock::now();
    std::atomic<bool> done = false;
    ledger.append({{tests::kill_draft(++serial)}}, [&](Result<node::Appended> appended) {
      if (!appended) std::abort();
      done.store(true);
      done.notify_one();
    });
    done.wait(false);
    took.push_back(microseconds(Clock::now() - start));
  }
  return took;
}

bool one_client(node::Ledger& ledger, const std::string& dir) {
  Flushed growing(dir + "/growing", true);
  Flushed overwritten(dir + "/overwritten", false);
  std::vector<double> grew, wrote_over, appends, to_growing, to_overwritten;
  std::uint64_t serial = 0;
  append_block(ledger, serial);
  for (int block = 0; block < kBlocks; ++block) {
    grew.push_back(median(growing.block()));
    wrote_over.push_back(median(overwritten.block()));
    appends.push_back(median(append_block(ledger, serial)));
    to_growing.push_back(appends.back() / grew.back());
    to_overwritten.push_back(appends.back() / wrote_over.back());
  }
  std::printf("one client, each figure the median of a block of %d\n", kPerBlock);
  print("  fdatasync, the file grows by 8 KiB", grew, "us");
  print("  fdatasync, 8 KiB are written over", wrote_over, "us");
  print("  append, acknowledged", appends, "us");
  print("  append / fdatasync that writes over", to_overwritten, "");
  return print_at_most("  append / fdatasync that grows", to_growing, "", kRatioMax);
}

// One thread's share of a block.
void keep_outstanding(node::Ledger& ledger, int outstanding, std::atomic<std::uint64_t>& serial,
                      std::atomic<std::uint64_t>& answered) {
  std::counting_semaphore<kOutstanding> room(outstanding);
  const auto start = Clock::now();
  while (Clock::now() - start < kManyFor) {
    room.acquire();
    ledger.append({{tests::kill_draft(++serial)}}, [&](Result<node::Appended> appended) {
      if (!appended) std::abort();
      ++answered;
      room.release();
    });
  }
  for (int i = 0; i < outstanding; ++i) room.acquire();
}

bool many(node::Ledger& ledger, const node::Metrics& metrics, const std::string& dir, int threads) {
  Flushed growing(dir + "/growing" + std::to_string(threads), true);
  std::atomic<std::uint64_t> serial = 1'000'000'000ULL * static_cast<unsigned>(threads);
  std::vector<double> rates, sizes, commit_ratios, flushed;
  for (int block = 0; block < kManyBlocks; ++block) {
    const double flushes = 1e6 / median(growing.block());
    std::atomic<std::uint64_t> answered = 0;
    const std::uint64_t commits_before = metrics.ledger_commit.count();
    const auto start = Clock::now();
    std::vector<std::thread> clients;
    for (int i = 1; i < threads; ++i)
      clients.emplace_back([&] { keep_outstanding(ledger, kOutstanding / threads, serial, answered); });
    keep_outstanding(ledger, kOutstanding / threads, serial, answered);
    for (std::thread& client : clients) client.join();
    const double seconds = microseconds(Clock::now() - start) / 1e6;
    const auto commits = static_cast<double>(metrics.ledger_commit.count() - commits_before);
    rates.push_back(static_cast<double>(answered) / seconds);
    sizes.push_back(static_cast<double>(answered) / commits);
    flushed.push_back(flushes);
    commit_ratios.push_back(commits / seconds / flushes);
  }
  std::printf("%d outstanding from %d thread%s, blocks of %.1f s\n", kOutstanding, threads,
              threads == 1 ? "" : "s", std::chrono::duration<double>(kManyFor).count());
  print("  fdatasync that grows", flushed, "/s");
  print("  records a commit", sizes, "");
  const bool fast = print_at_least("  appends", rates, "/s", kManyMin);
  return print_at_least("  commits / fdatasyncs", commit_ratios, "", kCommitsMin) && fast;
}

}  // namespace

int main(int argc, char** argv) {
  if (!crypto::init()) return 1;
  const tests::TempDir temporary;
  const std::string dir = argc > 1 ? argv[1] : temporary.path();
  auto store = storage::Store::open(dir + "/store");
  if (!store) return 1;
  node::AsioRuntime runtime(1);
  node::Metrics metrics;
  auto ledger = node::Ledger::open(**store, runtime, tests::kill_keys());
  if (!ledger) return 1;
  (*ledger)->count_in(metrics);
  std::printf("%u processors, hashes with %s\n", std::thread::hardware_concurrency(),
              crypto::sha256_kernel().name);
  bool held = one_client(**ledger, dir);
  held &= many(**ledger, metrics, dir, 1);
  many(**ledger, metrics, dir, 2);
  runtime.stop();
  return held ? 0 : 1;
}
