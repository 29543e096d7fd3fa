#include "protocol/process/event.h"
#include "tests/fuzz/target.h"

using namespace tocsin::protocol;

void tocsin::fuzz::fuzz_one(ByteView input) {
  if (input.size() < 2) return;
  const auto event = event_from_code(static_cast<std::uint16_t>(input[0] << 8 | input[1]));
  auto slots = unpack_slots(input.subspan(2));
  if (!slots) return;
  must(equal(pack_slots(*slots), input.subspan(2)));
  if (!event) return;
  const auto valid = ValidEvent::parse(*event, std::move(*slots));
  if (valid) must(equal(pack_slots(valid->slots()), input.subspan(2)));
}
