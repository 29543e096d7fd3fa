#include "protocol/signal/domain.h"
#include "tests/fuzz/target.h"

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto domain = protocol::canonical_domain(as_text(input));
  if (!domain) return;
  const auto again = protocol::canonical_domain(*domain);
  must(again.has_value() && *again == *domain);
}
