#include "node/media/worker_process.h"

#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

TEST_CASE("what is sent to a child that echoes comes back") {
  auto child = WorkerProcess::spawn("/bin/cat");
  REQUIRE(child);
  const Deadline deadline(10'000);
  Bytes sent(100'000, 7), got(sent.size());
  for (std::size_t at = 0; at < sent.size(); at += 1000) {
    REQUIRE((*child)->send(ByteView(sent).subspan(at, 1000), deadline));
    REQUIRE((*child)->receive(std::span(got).subspan(at, 1000), deadline));
  }
  CHECK(got == sent);
}

TEST_CASE("a child that does not read blocks its parent until the deadline only") {
  auto child = WorkerProcess::spawn("/usr/bin/yes");
  REQUIRE(child);
  const auto status = (*child)->send(Bytes(8 << 20), Deadline(50));
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Code::kDeadlineExceeded);
}

TEST_CASE("a child that ends is reported with its status") {
  auto child = WorkerProcess::spawn("/bin/false");
  REQUIRE(child);
  Bytes byte(1);
  const auto status = (*child)->receive(byte, Deadline(10'000));
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Code::kUnavailable);
  CHECK(status.error().message == "the image decoder ended with status 1");
}

TEST_CASE("a program that is not there does not start") {
  const auto child = WorkerProcess::spawn("/nonexistent");
  REQUIRE_FALSE(child);
  CHECK(child.error().rule == "media/worker-missing");
}

TEST_CASE("a deadline that has passed stays passed and counts the time") {
  const Deadline deadline(1);
  CHECK_FALSE(deadline.wait(-1, 0));
  CHECK_FALSE(deadline.wait(-1, 0));
  CHECK(deadline.elapsed_ms() == 1);
}
