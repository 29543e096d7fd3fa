#include "protocol/log/checkpoint.h"
#include "tests/fuzz/target.h"

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto checkpoint = protocol::parse_checkpoint(as_text(input));
  if (checkpoint) must(protocol::format_checkpoint(*checkpoint) == as_text(input));
  must(!protocol::open_checkpoint(as_text(input), {}).has_value());  // without keys nothing is trusted
}
