#include "protocol/verify/equivocation_file.h"

#include "tests/support/catch.h"
#include "tests/support/two_histories.h"

namespace tocsin::protocol {
namespace {

using tocsin::test::TwoHistories;

TEST_CASE("a proof of equivocation is told from a file that proves nothing, by exit code and in words") {
  const TwoHistories two("video.example", 1);
  const std::string file = format_equivocation(two.proof(5, 9));
  const EquivocationVerdict proven = judge_equivocation(file, std::nullopt);
  CHECK(proven.exit_code() == kExitTampering);
  const std::string text = describe(proven, "e.txt");
  CHECK(text.starts_with(
      "e.txt: proven: video.example signed two histories of its ledger video.example/ledger"));
  CHECK(text.find(print_fingerprint(two.descriptor.fingerprint())) != std::string::npos);
  const std::string json = describe_json(proven, "e.txt");
  CHECK(json.starts_with("{\"file\":\"e.txt\",\"proven\":true,\"node\":\"video.example\""));
  CHECK(json.find("\"kind\":\"two-sizes\",\"first_size\":5,") != std::string::npos);
  CHECK(json.ends_with(",\"exit\":8}\n"));

  std::string broken = file;
  broken[broken.size() - 20] ^= 1;
  const EquivocationVerdict unproven = judge_equivocation(broken, std::nullopt);
  CHECK(unproven.exit_code() == kExitMissing);
  CHECK(describe(unproven, "e.txt").starts_with("e.txt: not proven: "));
  CHECK(describe_json(unproven, "e.txt").ends_with(",\"exit\":7}\n"));
}

TEST_CASE("a proof against another node than the one asked about proves nothing") {
  const TwoHistories two("video.example", 1);
  const std::string file = format_equivocation(two.proof(5, 9));
  CHECK(judge_equivocation(file, two.descriptor.fingerprint()).exit_code() == kExitTampering);
  const EquivocationVerdict other = judge_equivocation(file, Hash{});
  CHECK(other.exit_code() == kExitMissing);
  CHECK(other.why_not.starts_with("it is about another node, SHA256:"));
}

}  // namespace
}  // namespace tocsin::protocol
