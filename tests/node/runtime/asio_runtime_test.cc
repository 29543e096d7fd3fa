#include "node/runtime/asio_runtime.h"

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "tests/support/catch.h"

using namespace tocsin::node;

TEST_CASE("durations are measured in microseconds and never go back") {
  AsioRuntime runtime(1);
  std::uint64_t least = ~std::uint64_t{0};
  std::uint64_t before = runtime.steady_us();
  for (int i = 0; i < 10000; ++i) {
    const std::uint64_t now = runtime.steady_us();
    REQUIRE(now >= before);
    if (now > before) least = std::min(least, now - before);
    before = now;
  }
  CHECK(least < 1000);
}

TEST_CASE("tasks of the sequencer run one after the other in the order posted") {
  AsioRuntime runtime(2);
  std::vector<int> order;
  std::set<std::thread::id> threads;
  std::promise<void> done;
  for (int i = 0; i < 1000; ++i)
    runtime.post(Lane::kSequencer, [&, i] {
      order.push_back(i);
      threads.insert(std::this_thread::get_id());
      if (i == 999) done.set_value();
    });
  done.get_future().wait();
  REQUIRE(order.size() == 1000);
  CHECK(std::is_sorted(order.begin(), order.end()));
  CHECK(threads.size() == 1);
}

TEST_CASE("workers run in parallel and each lane knows its own threads") {
  AsioRuntime runtime(2);
  std::promise<void> first, second;
  std::promise<bool> right_lane;
  // Each waits for the other: with one thread this would never end.
  runtime.post(Lane::kWorkers, [&] {
    first.set_value();
    second.get_future().wait();
  });
  runtime.post(Lane::kWorkers, [&] {
    second.set_value();
    first.get_future().wait();
    right_lane.set_value(runtime.on(Lane::kWorkers) && !runtime.on(Lane::kIo));
  });
  CHECK(right_lane.get_future().get());
  CHECK_FALSE(runtime.on(Lane::kWorkers));
}

TEST_CASE("a delayed task runs on its lane, not before its time") {
  AsioRuntime runtime(1);
  const std::uint64_t posted = runtime.now_ms();
  std::promise<std::uint64_t> ran;
  runtime.after(20, Lane::kSequencer, [&] {
    CHECK(runtime.on(Lane::kSequencer));
    ran.set_value(runtime.now_ms());
  });
  CHECK(ran.get_future().get() >= posted + 19);
}

TEST_CASE("stop finishes what the workers and the sequencer were given") {
  std::atomic<int> finished = 0;
  AsioRuntime runtime(2);
  for (int i = 0; i < 100; ++i)
    runtime.post(Lane::kWorkers, [&] {
      // A request that waits for its commit, as an HTTP handler does.
      std::promise<void> committed;
      runtime.post(Lane::kSequencer, [&] { committed.set_value(); });
      committed.get_future().wait();
      ++finished;
    });
  runtime.stop();
  CHECK(finished == 100);
}

TEST_CASE("stop finishes what the sequencer and the disk post to each other") {
  std::atomic<int> finished = 0;
  AsioRuntime runtime(1);
  std::function<void(int)> commit = [&](int left) {
    runtime.post(Lane::kDisk, [&, left] {
      runtime.post(Lane::kSequencer, [&, left] {
        ++finished;
        if (left > 1) commit(left - 1);
      });
    });
  };
  runtime.post(Lane::kSequencer, [&] { commit(500); });
  runtime.stop();
  CHECK(finished == 500);
}

TEST_CASE("stop drops waiting timers and everything posted afterwards") {
  auto witness = std::make_shared<int>(0);
  AsioRuntime runtime(1);
  runtime.after(3'600'000, Lane::kIo, [witness] { ++*witness; });
  runtime.stop();
  runtime.stop();
  for (const Lane lane : {Lane::kIo, Lane::kSequencer, Lane::kWorkers, Lane::kDisk})
    runtime.post(lane, [witness] { ++*witness; });
  runtime.after(0, Lane::kWorkers, [witness] { ++*witness; });
  CHECK(*witness == 0);
}

TEST_CASE("time never steps back, whichever thread asks") {
  AsioRuntime runtime(1);
  std::vector<std::thread> threads;
  std::atomic<bool> stepped_back = false;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      std::uint64_t last = 0;
      for (int i = 0; i < 20000; ++i) {
        const std::uint64_t now = runtime.now_ms();
        if (now < last) stepped_back = true;
        last = now;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(stepped_back);
  CHECK(runtime.now_ms() > 1'600'000'000'000);
}

TEST_CASE("randomness fills the whole buffer") {
  AsioRuntime runtime(1);
  std::vector<std::uint8_t> a(64), b(64);
  runtime.fill_random(a);
  runtime.fill_random(b);
  CHECK(a != b);
}
