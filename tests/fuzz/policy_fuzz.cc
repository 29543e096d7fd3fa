#include "protocol/log/policy.h"
#include "tests/fuzz/target.h"

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto policy = protocol::Policy::parse(as_text(input));
  if (policy) must(!policy->evaluate(as_text(input)).has_value());  // a policy is not a signed checkpoint
}
