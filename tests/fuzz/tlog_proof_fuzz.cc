#include "protocol/log/tlog_proof.h"
#include "tests/fuzz/target.h"

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto proof = protocol::parse_tlog_proof(as_text(input));
  if (proof) must(protocol::format_tlog_proof(*proof) == as_text(input));
}
