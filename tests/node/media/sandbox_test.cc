#include "node/media/sandbox.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/support/catch.h"

// The sandbox is for the life of a process, so the worker tries it in children of its own.
TEST_CASE("in the sandbox sockets, files, programs, processes and executable memory are refused") {
  FILE* pipe = popen(TOCSIN_MEDIA_WORKER " --self-test", "r");
  REQUIRE(pipe != nullptr);
  std::string said;
  char line[256];
  while (std::fgets(line, sizeof line, pipe) != nullptr) said += line;
  INFO(said);
  CHECK(pclose(pipe) == 0);
  for (const auto* what : {"open a socket", "open a file for reading", "create a file", "start a program",
                           "start a process", "make memory executable", "signal another process"})
    CHECK(said.find(std::string("refused  ") + what) != std::string::npos);
  CHECK(said.find("ALLOWED") == std::string::npos);
}

TEST_CASE("the worker decodes nothing by hand") {
  CHECK(std::system(TOCSIN_MEDIA_WORKER " image.jpg 2>/dev/null") != 0);
}
