#include "protocol/feed/opening.h"
#include "tests/fuzz/target.h"

using namespace tocsin::protocol;

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto openings = parse_openings(input);
  if (!openings) return;
  for (const auto& opening : openings->openings()) {
    must(!verify_opening(opening, Leaf{}).has_value());  // no opening leads to an all-zero root
  }
}
