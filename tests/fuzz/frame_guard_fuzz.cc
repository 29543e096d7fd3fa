#include "node/peer/frame_guard.h"
#include "tests/fuzz/target.h"

using namespace tocsin::node;

// The first byte says how the rest is cut; the verdict must not depend on it.
void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto from = choose(input, 2) == 0 ? FrameGuard::From::kClient : FrameGuard::From::kServer;
  const std::size_t step = choose(input, 64) + 1;
  FrameGuard whole(from, 0);
  FrameGuard pieces(from, 0);
  const GuardLimit verdict = whole.inbound(input, 1);
  GuardLimit cut = GuardLimit::kNone;
  for (ByteView rest = input; !rest.empty();) {
    const ByteView piece = rest.first(std::min(step, rest.size()));
    rest = rest.subspan(piece.size());
    cut = pieces.inbound(piece, 1);
    whole.outbound(piece);
  }
  must(cut == verdict);
}
