#include "protocol/feed/page.h"
#include "protocol/wire/prescan.h"
#include "tests/fuzz/target.h"
#include "tocsin/v1/peer.pb.h"

using namespace tocsin::protocol;

// A peer's whole reply, to a reader who holds nothing: without a signature that counts, no page is taken.
void tocsin::fuzz::fuzz_one(ByteView input) {
  v1::RecordsReply reply;
  if (!parse_untrusted(input, reply, {.bytes_max = kPageBytesMax, .elements_max = kLeavesPerPageMax})) return;
  const auto nothing = [](const Hash&) -> Result<std::optional<ChainHead>> { return std::nullopt; };
  must(!verify_page(FeedPosition{}, reply, {}, nothing).has_value());
}
