#include "protocol/log/tile.h"
#include "tests/fuzz/target.h"

using namespace tocsin::protocol;

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto path = parse_tile_path(as_text(input));
  if (path) {
    must((path->entries ? entries_path(path->tile.index, path->tile.width) : tile_path(path->tile)) ==
         as_text(input));
  }
  const unsigned width = choose(input, kTileWidth) + 1;
  const auto entries = parse_entries(input, width);
  if (!entries) return;
  Bytes again;
  for (const ByteView entry : *entries) append_entry(again, entry);
  must(entries->size() == width && equal(again, input));
}
