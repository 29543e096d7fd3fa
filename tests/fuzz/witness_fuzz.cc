#include "protocol/log/witness.h"

#include "tests/fuzz/target.h"

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto request = protocol::parse_add_checkpoint(as_text(input));
  if (request) must(protocol::format_add_checkpoint(*request) == as_text(input));
  const auto lines = protocol::parse_signatures(as_text(input));
  if (lines) must(protocol::format_signatures(*lines) == as_text(input));
}
