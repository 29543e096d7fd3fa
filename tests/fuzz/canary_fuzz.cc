#include "tests/fuzz/target.h"

// Must crash within seconds: a harness that lets this pass finds nothing anywhere.
void tocsin::fuzz::fuzz_one(ByteView input) {
  must(as_text(input).substr(0, 4) != "bell");
}
