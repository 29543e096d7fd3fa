// What an acknowledged append costs, as a ratio to what the disk costs in the same run.
//   bench_append [DIR]     DIR: where to write (default: a directory under $TMPDIR or /tmp)
// One client: blocks of fdatasync and of appends alternate, so that all see the same machine; each block
// gives one ratio of medians. A flush writes as many bytes as a commit of one record does, in the directory
// of the store, in two ways: behind the end of a file that grows, as a plain log does, and over a part of a
// file that was written before, which needs no metadata and is the least a disk can be asked for. Many: 512
// appends outstanding for a few seconds, from one thread; a client asks again as soon as it is answered.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <semaphore>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "crypto/random.h"
#include "node/metrics/metrics.h"
#include "node/runtime/asio_runtime.h"
#include "tests/node/ledger/kill_round.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace tocsin;
using Clock = std::chrono::steady_clock;

constexpr int kBlocks = 15;
constexpr int kPerBlock = 200;
constexpr std::size_t kFlushedBytes = 8192;  // what the commit of one record writes before its answer
constexpr std::size_t kOverwritten = 8 << 20;
constexpr int kOutstanding = 512;
constexpr auto kManyFor = std::chrono::seconds(4);
// Bars of issues 2 and 3.
constexpr double kRatioMax = 1.5;
constexpr double kManyMin = 20'000;

double microseconds(Clock::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

struct Spread {
  double least, middle, most;
};
Spread spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}
double median(const std::vector<double>& values) {
  return spread(values).middle;
}
void print(const char* what, const std::vector<double>& values, const char* unit) {
  const Spread s = spread(values);
  std::printf("%-46s min %8.2f  median %8.2f  max %8.2f %s\n", what, s.least, s.middle, s.most, unit);
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

// Flushes a second of the file that grows, which is what many() is compared with.
double one_client(node::Ledger& ledger, const std::string& dir) {
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
  print("  append / fdatasync that grows", to_growing, "");
  print("  append / fdatasync that writes over", to_overwritten, "");
  const double ratio = median(to_growing);
  std::printf("  bar: append / fdatasync <= %.1f: %s (%s against the stricter one)\n", kRatioMax,
              ratio <= kRatioMax ? "held" : "MISSED",
              median(to_overwritten) <= kRatioMax ? "held" : "missed");
  return 1e6 / median(grew);
}

void many(node::Ledger& ledger, const node::Metrics& metrics, double flushes) {
  std::counting_semaphore<kOutstanding> room(kOutstanding);
  std::atomic<std::uint64_t> answered = 0;
  std::uint64_t serial = 1'000'000'000;
  const std::uint64_t commits_before = metrics.ledger_commit.count();
  const auto start = Clock::now();
  while (Clock::now() - start < kManyFor) {
    room.acquire();
    ledger.append({{tests::kill_draft(++serial)}}, [&](Result<node::Appended> appended) {
      if (!appended) std::abort();
      ++answered;
      room.release();
    });
  }
  for (int i = 0; i < kOutstanding; ++i) room.acquire();
  const double seconds = microseconds(Clock::now() - start) / 1e6;
  const double rate = static_cast<double>(answered) / seconds;
  const double commits = static_cast<double>(metrics.ledger_commit.count() - commits_before) / seconds;
  std::printf("%d outstanding, %.1f s\n", kOutstanding, seconds);
  std::printf("  appends %.0f/s in %.0f commits/s, %.1f records each\n", rate, commits, rate / commits);
  std::printf("  commits/s / fdatasync/s %.2f (fdatasync that grows: %.0f/s)\n", commits / flushes, flushes);
  std::printf("  bar: >= %.0f appends/s: %s\n", kManyMin, rate >= kManyMin ? "held" : "MISSED");
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
  const double flushes = one_client(**ledger, dir);
  many(**ledger, metrics, flushes);
  runtime.stop();
  return 0;
}
