#include "crypto/base/locked_memory.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/catch.h"

namespace tocsin {
namespace {

struct Mapping {
  bool found = false;
  std::size_t locked_kib = 0;
  std::string flags;
  bool has(const char* flag) const { return flags.find(std::string(" ") + flag) != std::string::npos; }
};

// What the kernel says of the memory at `address`.
Mapping mapping_of(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  Mapping out;
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    char dash = 0;
    if (words >> std::hex >> from >> dash >> to && dash == '-') {
      inside = from <= wanted && wanted < to;
      out.found = out.found || inside;
    } else if (inside && line.starts_with("Locked:")) {
      out.locked_kib = std::stoul(line.substr(7));
    } else if (inside && line.starts_with("VmFlags:")) {
      out.flags = line.substr(8);
    }
  }
  return out;
}

// Whether this process may lock a few megabytes; some build machines allow nothing.
// AddressSanitizer turns mlock into nothing: there is nothing to look at then.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kLocksNothing = true;
#else
constexpr bool kLocksNothing = false;
#endif

bool may_lock() {
  if (kLocksNothing) {
    std::cout << "skipped: AddressSanitizer locks no memory\n";
    return false;
  }
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  if (limit.rlim_cur >= (4 << 20) || geteuid() == 0) return true;
  std::cout << "skipped: RLIMIT_MEMLOCK is " << limit.rlim_cur << "\n";
  return false;
}

// Whether a child that does this comes to its end.
bool survives(const std::function<void()>& deed) {
  const pid_t child = fork();
  if (child == 0) {
    // What is meant to fail fails silently: no report of a sanitizer's or of the test's own handler.
    std::signal(SIGSEGV, SIG_DFL);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    deed();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_CASE("short and long secrets lie in memory that is locked and left out of core files") {
  if (!may_lock()) return;
  for (const std::size_t size : {1, 32, 64, 65, 4096, 10'000}) {
    INFO(size);
    const SecretBlock block = take_secret_block(size);
    CHECK(block.place == (size <= kSlotBytes ? SecretPlace::kSlot : SecretPlace::kPages));
    const Mapping first = mapping_of(block.data);
    const Mapping last = mapping_of(block.data + size - 1);
    REQUIRE((first.found && last.found));
    CHECK(first.locked_kib > 0);
    CHECK(first.has("lo"));
    CHECK(first.has("dd"));
    CHECK(last.has("lo"));
    give_secret_block(block, size);
  }
}

TEST_CASE("a block is zero when it is taken, whatever lay there before") {
  for (const std::size_t size : {32, 64, 300}) {
    for (int i = 0; i < 3; ++i) {
      const SecretBlock block = take_secret_block(size);
      CHECK(std::all_of(block.data, block.data + size, [](std::uint8_t byte) { return byte == 0; }));
      std::fill_n(block.data, size, std::uint8_t{0xA5});
      give_secret_block(block, size);
    }
  }
}

TEST_CASE("reading or writing past a long secret ends the process") {
  if (!may_lock()) return;
  const std::size_t size = 4096;
  const SecretBlock block = take_secret_block(size);
  volatile std::uint8_t* data = block.data;
  CHECK(survives([&] { data[size - 1] = 1; }));
  CHECK_FALSE(survives([&] { data[size] = 1; }));
  CHECK_FALSE(survives([&] { data[-1] = 1; }));
  give_secret_block(block, size);
}

TEST_CASE("the arena grows to its bound, then secrets lie in ordinary memory and are counted") {
  if (!may_lock()) return;
  const LockedMemory before = locked_memory();
  const std::size_t room = kArenaBytesMax / kSlotBytes - before.slots_taken;
  std::vector<SecretBlock> blocks;
  for (std::size_t i = 0; i < room; ++i) blocks.push_back(take_secret_block(32));
  CHECK(std::all_of(blocks.begin(), blocks.end(),
                    [](const SecretBlock& block) { return block.place == SecretPlace::kSlot; }));
  CHECK(locked_memory().arena_bytes == kArenaBytesMax);
  CHECK(locked_memory().unlocked == before.unlocked);
  blocks.push_back(take_secret_block(32));
  CHECK(blocks.back().place == SecretPlace::kHeap);
  CHECK(locked_memory().unlocked == before.unlocked + 1);
  std::sort(blocks.begin(), blocks.end(), [](const auto& a, const auto& b) { return a.data < b.data; });
  CHECK(std::adjacent_find(blocks.begin(), blocks.end(), [](const auto& a, const auto& b) {
          return a.data + kSlotBytes > b.data && b.place == SecretPlace::kSlot && a.place == b.place;
        }) == blocks.end());
  for (const SecretBlock& block : blocks) give_secret_block(block, 32);
  CHECK(locked_memory().slots_taken == before.slots_taken);
}

TEST_CASE("a process that may lock nothing goes on with ordinary memory") {
  if (kLocksNothing) return;
  CHECK(survives([] {
    // Not root's privilege either: CAP_IPC_LOCK goes with the user.
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0) _exit(1);
    if (geteuid() == 0 && setuid(65534) != 0) _exit(0);
    const SecretBlock block = take_secret_block(200);
    std::fill_n(block.data, 200, std::uint8_t{1});
    if (block.place != SecretPlace::kHeap || locked_memory().unlocked == 0) _exit(2);
    give_secret_block(block, 200);
  }));
}

TEST_CASE("threads take and give at once without sharing a slot") {
  std::vector<std::thread> threads;
  std::atomic<int> torn{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&torn, t] {
      for (int i = 0; i < 2000; ++i) {
        const SecretBlock block = take_secret_block(32);
        const auto mark = static_cast<std::uint8_t>(t + 1);
        std::fill_n(block.data, 32, mark);
        if (!std::all_of(block.data, block.data + 32, [&](std::uint8_t byte) { return byte == mark; }))
          ++torn;
        give_secret_block(block, 32);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(torn == 0);
}

TEST_CASE("a process that forbids core dumps writes none and lets nobody attach") {
  CHECK(survives([] {
    forbid_core_dumps();
    rlimit limit{1, 1};
    getrlimit(RLIMIT_CORE, &limit);
    if (limit.rlim_cur != 0 || limit.rlim_max != 0 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) _exit(1);
  }));
}

}  // namespace
}  // namespace tocsin
