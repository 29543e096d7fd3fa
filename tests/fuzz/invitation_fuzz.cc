#include "protocol/identity/ids.h"
#include "protocol/identity/invitation.h"
#include "tests/fuzz/target.h"

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto invitation = protocol::parse_invitation(as_text(input));
  if (invitation) must(protocol::print_invitation(*invitation).has_value());
  const auto id = protocol::parse_signal_id(as_text(input));
  if (id) must(protocol::print_signal_id(*id) == as_text(input));
  const auto range = protocol::parse_signal_prefix(as_text(input));
  if (range) must(range->low <= range->high);
}
