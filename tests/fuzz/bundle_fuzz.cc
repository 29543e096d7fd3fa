#include "protocol/verify/bundle.h"
#include "protocol/verify/tar.h"
#include "protocol/verify/verifier.h"
#include "tests/fuzz/target.h"

using namespace tocsin;
using namespace tocsin::protocol;

namespace {

// RFC 8032's first test key as a log's: nothing that the fuzzer makes is signed by it.
VerifyOptions stranger() {
  const auto policy = policy_for_vkey("log.example+814a2008+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea");
  fuzz::must(policy.has_value());
  return {.policy = *policy, .trusted = {}, .now_ms = {}, .leaves_only = false};
}

}  // namespace

void tocsin::fuzz::fuzz_one(ByteView input) {
  static const VerifyOptions options = stranger();
  must(verify_bundle(input, options).report.exit_code() != kExitClean);
  (void)parse_manifest(as_text(input));
  (void)parse_consistency(as_text(input));
  const auto files = read_tar(input);
  if (!files) return;
  for (const auto& file : *files)
    must(("/" + std::string(file.name) + "/").find("/../") == std::string::npos);
}
