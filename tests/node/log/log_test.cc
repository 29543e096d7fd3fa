#include "node/log/log.h"

#include <type_traits>

#include <unistd.h>

#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

static_assert(std::is_constructible_v<Field, const char*, std::string>);
static_assert(std::is_constructible_v<Field, const char*, std::uint64_t>);
static_assert(!std::is_constructible_v<Field, const char*, Bytes>);
static_assert(!std::is_constructible_v<Field, const char*, Hash>);
static_assert(!std::is_constructible_v<Field, const char*, const Secret<32>&>);
static_assert(!std::is_constructible_v<Field, const char*, const SecretBytes&>);

namespace {

// What `act` writes to stderr.
template <typename Act>
std::string stderr_of(Act act) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const int saved = dup(STDERR_FILENO);
  dup2(ends[1], STDERR_FILENO);
  close(ends[1]);
  act();
  dup2(saved, STDERR_FILENO);
  close(saved);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  return text;
}

}  // namespace

TEST_CASE("an event is one line of key=value, numbers bare and awkward text quoted") {
  CHECK(format_event(
            LogFormat::kText, "peer.refused",
            {{"peer", "social.example"}, {"reason", "certificate expired"}, {"size", 12}, {"ok", false}}) ==
        "event=peer.refused peer=social.example reason=\"certificate expired\" size=12 ok=false");
  CHECK(format_event(LogFormat::kText, "e", {{"empty", ""}, {"sum", "a=b"}}) ==
        "event=e empty=\"\" sum=\"a=b\"");
}

TEST_CASE("text from a peer can neither start a line nor colour a terminal") {
  const std::string line =
      format_event(LogFormat::kText, "e", {{"text", "a\nevent=fake \x1b[31m \"x\" \xff"}});
  CHECK(line == "event=e text=\"a\\nevent=fake \\u001b[31m \\\"x\\\" \xef\xbf\xbd\"");
}

TEST_CASE("in JSON the same event is one object's members") {
  CHECK(format_event(LogFormat::kJson, "ledger.opened", {{"size", 7}, {"name", "v\"x"}, {"fresh", true}}) ==
        R"("event":"ledger.opened","size":7,"name":"v\"x","fresh":true)");
}

TEST_CASE("nothing is written before the log is started, and nothing below its level after") {
  CHECK(stderr_of([] { log_event(LogLevel::kError, "too.early"); }).empty());
  const std::string text = stderr_of([] {
    start_log(LogLevel::kInfo, LogFormat::kText);
    log_event(LogLevel::kDebug, "hidden");
    log_event(LogLevel::kInfo, "shown", {{"percent", "%v {} %n"}});
    log_failure(LogLevel::kWarning, "failed", Error{Code::kNotFound, "no such peer", "peer/unknown", {}, {}});
  });
  start_log(LogLevel::kOff, LogFormat::kText);
  CHECK(text.find("hidden") == std::string::npos);
  CHECK(text.substr(0, 7) == "time=20");
  CHECK(text.find(" level=info event=shown percent=\"%v {} %n\"\n") != std::string::npos);
  CHECK(text.find(" event=failed code=") != std::string::npos);
  CHECK(text.find("error=\"no such peer\" rule=peer/unknown\n") != std::string::npos);
}

TEST_CASE("a JSON log line is an object with time and level") {
  const std::string text = stderr_of([] {
    start_log(LogLevel::kDebug, LogFormat::kJson);
    log_event(LogLevel::kDebug, "shown", {{"n", 1}});
  });
  start_log(LogLevel::kOff, LogFormat::kText);
  CHECK(text.substr(0, 11) == "{\"time\":\"20");
  CHECK(text.find("\"level\":\"debug\",\"event\":\"shown\",\"n\":1}\n") != std::string::npos);
}

TEST_CASE("levels and formats are parsed by name and others refused") {
  CHECK(parse_log_level("warning").value() == LogLevel::kWarning);
  CHECK(parse_log_level("WARN").error().code == Code::kInvalidArgument);
  CHECK(parse_log_format("json").value() == LogFormat::kJson);
  CHECK(parse_log_format("xml").error().code == Code::kInvalidArgument);
}
