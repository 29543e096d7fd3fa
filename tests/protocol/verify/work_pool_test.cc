#include "protocol/verify/work_pool.h"

#include "tests/support/catch.h"

namespace tocsin::protocol {

TEST_CASE("a pool does each share once, with any number of threads and again and again") {
  for (const unsigned threads : {1U, 2U, 5U}) {
    WorkPool pool(threads);
    CHECK(pool.threads() == threads);
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
      for (int round = 0; round < 20; ++round) {
        std::vector<int> done(count);
        pool.run(count, [&](std::size_t i) { ++done[i]; });
        CHECK(done == std::vector<int>(count, 1));
      }
    }
  }
}

}  // namespace tocsin::protocol
