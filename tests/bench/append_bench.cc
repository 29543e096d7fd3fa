// What an acknowledged append costs, as a ratio to what the disk costs in the same run.
//   bench_append [DIR]     DIR: where to write (default: a directory under $TMPDIR or /tmp)
// One client: blocks of fdatasync and of appends alternate, so that both see the same machine; each block
// gives one ratio of medians. Many: 512 appends outstanding for a few seconds, from one thread.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <semaphore>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "crypto/random.h"
#include "node/runtime/asio_runtime.h"
#include "tests/node/ledger/kill_round.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace tocsin;
using Clock = std::chrono::steady_clock;

constexpr int kBlocks = 15;
constexpr int kPerBlock = 200;
constexpr std::size_t kFlushedBytes = 1024;  // about what one record adds to the store's log
constexpr int kOutstanding = 512;
constexpr auto kManyFor = std::chrono::seconds(4);

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

std::vector<double> flush_block(int fd) {
  const std::vector<char> bytes(kFlushedBytes, 'x');
  std::vector<double> took;
  for (int i = 0; i < kPerBlock; ++i) {
    const auto start = Clock::now();
    if (write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) || fdatasync(fd) != 0)
      std::abort();
    took.push_back(microseconds(Clock::now() - start));
  }
  return took;
}

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

void one_client(node::Ledger& ledger, int fd) {
  std::vector<double> ratios;
  std::vector<double> flushes;
  std::vector<double> appends;
  std::uint64_t serial = 0;
  append_block(ledger, serial);
  for (int block = 0; block < kBlocks; ++block) {
    flushes.push_back(median(flush_block(fd)));
    appends.push_back(median(append_block(ledger, serial)));
    ratios.push_back(appends.back() / flushes.back());
  }
  const Spread f = spread(flushes);
  const Spread a = spread(appends);
  const Spread r = spread(ratios);
  std::printf("fdatasync, median of a block       min %7.1f  median %7.1f  max %7.1f us\n", f.least, f.middle,
              f.most);
  std::printf("append, 1 client, median of a block min %6.1f  median %7.1f  max %7.1f us\n", a.least,
              a.middle, a.most);
  std::printf("ratio                              min %7.2f  median %7.2f  max %7.2f\n", r.least, r.middle,
              r.most);
}

void many(node::Ledger& ledger) {
  std::counting_semaphore<kOutstanding> room(kOutstanding);
  std::atomic<std::uint64_t> answered = 0;
  std::uint64_t serial = 1'000'000'000;
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
  std::printf("appends, %d outstanding            %.0f /s\n", kOutstanding,
              static_cast<double>(answered) / seconds);
}

}  // namespace

int main(int argc, char** argv) {
  if (!crypto::init()) return 1;
  const tests::TempDir temporary;
  const std::string dir = argc > 1 ? argv[1] : temporary.path();
  auto store = storage::Store::open(dir + "/store");
  if (!store) return 1;
  const int fd = open((dir + "/flushed").c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return 1;
  node::AsioRuntime runtime(1);
  auto ledger = node::Ledger::open(**store, runtime, tests::kill_keys());
  if (!ledger) return 1;
  one_client(**ledger, fd);
  many(**ledger);
  runtime.stop();
  close(fd);
  return 0;
}
