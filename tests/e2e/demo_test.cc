// ops/demo with the programs of this build: how long it takes, how much it says, what it leaves behind.
#include <cstdio>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/e2e/company.h"

using namespace tocsin;
using namespace tocsin::e2e;

TEST_CASE("the demo tells its story in under 40 lines and 60 seconds and leaves no process behind",
          "[demo]") {
  const tests::TempDir dir;
  // What outlives the demo becomes a child of this process.
  REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  const auto began = std::chrono::steady_clock::now();
  tests::Process demo({TOCSIN_SOURCE_DIR "/ops/demo", "--build", TOCSIN_BUILD_DIR}, {{"TMPDIR", dir.path()}});
  const auto status = demo.wait(std::chrono::seconds(100));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  demo.finish_reading();
  const std::string story = demo.out();
  if (status == 1 && demo.err().find("photographs") != std::string::npos) {
    WARN("skipped: no photographs here: " << demo.err());
    return;
  }
  INFO(story << demo.err());
  REQUIRE(status == 0);
  const auto lines = std::count(story.begin(), story.end(), '\n');
  std::printf("the demo: %ld lines in %.1f s\n", static_cast<long>(lines), took.count());
  CHECK(lines < 40);
  CHECK(took.count() <= 60);
  CHECK(story.find("refused, exit 8") != std::string::npos);
  errno = 0;
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);
  CHECK(std::filesystem::is_empty(dir.path()));
}
