#include "protocol/signal/text.h"

#include "tests/support/catch.h"

using namespace tocsin::protocol;

TEST_CASE("trimming removes blanks and controls from both ends only") {
  CHECK(trim(" \t\na b\r\n ") == "a b");
  CHECK(trim(" \n ").empty());
}

TEST_CASE("quoted text shows unprintable bytes and stays short") {
  CHECK(quoted("xyz") == "\"xyz\"");
  CHECK(quoted("a\x1b[0m\xff") == "\"a\\x1b[0m\\xff\"");
  CHECK(tocsin::protocol::quoted(std::string(1000, 'a')) == "\"" + std::string(48, 'a') + "…\"");
}

TEST_CASE("guarded dots become dots until none is left") {
  CHECK(refang_dots("a[.]b(.)c{.}d") == "a.b.c.d");
  CHECK(refang_dots("a[dot]b(DoT)c{dot}d") == "a.b.c.d");
  CHECK(refang_dots("[[.]]") == ".");
  CHECK(refang_dots("[.)[dots][..][]") == "[.)[dots][..][]");
}

TEST_CASE("merging dots while refanging leaves neither runs nor guarded dots") {
  CHECK(refang_dots("..a[..]b{{.}.}c...", DotRuns::kMerge) == "a.b.c.");
  CHECK(refang_dots("[.].[dot]a", DotRuns::kMerge) == "a");
}
