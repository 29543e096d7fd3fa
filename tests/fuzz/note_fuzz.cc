#include "protocol/log/note.h"
#include "tests/fuzz/target.h"

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto note = protocol::parse_note(as_text(input));
  if (note) must(protocol::format_note(*note) == as_text(input));
  const auto key = protocol::parse_vkey(as_text(input));
  if (key) must(protocol::format_vkey(*key) == as_text(input));
}
