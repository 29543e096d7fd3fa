#include "protocol/log/leaf.h"
#include "tests/fuzz/target.h"

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto leaf = protocol::parse_leaf(input);
  if (!leaf) return;
  must(protocol::check_leaf(*leaf).has_value());
  must(equal(protocol::encode_leaf(*leaf), input));
}
