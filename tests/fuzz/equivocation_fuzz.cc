#include "protocol/evidence/equivocation.h"
#include "tests/fuzz/target.h"

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto proof = protocol::parse_equivocation(as_text(input));
  if (!proof) return;
  must(protocol::format_equivocation(*proof) == as_text(input));
  if (const auto proven = protocol::verify_equivocation(*proof); proven)
    must(proven->first != proven->second);
}
