#include "protocol/identity/descriptor.h"
#include "tests/fuzz/target.h"

void tocsin::fuzz::fuzz_one(ByteView input) {
  (void)protocol::parse_descriptor(input);
  const auto fingerprint = protocol::parse_fingerprint(as_text(input));
  if (fingerprint) must(protocol::print_fingerprint(*fingerprint) == as_text(input));
}
