#pragma once
// A page of somebody's ledger: made by its owner, judged by arithmetic by whoever pulls it (SPEC §7).
//
// verify_page() accepts a page whole or refuses it whole. What it accepts is proved: the leaves are the next
// ones of the ledger whose checkpoint the owner signed, none skipped, altered, moved or inserted; that ledger
// extends every head of it that the reader has verified before; time does not run back; every chain goes on
// from its last record. A refusal is evidence. Its rule says of what: "feed/shape" malformed, "feed/skipped"
// not the range asked for, "feed/altered" leaves that the signed root does not cover, "feed/rollback" a head
// smaller than one already seen, "feed/fork" a head that does not extend one already seen, "feed/time" time
// running back, "feed/chain" a chain that does not follow, "feed/withheld" a published signal whose earlier
// records stay closed, "feed/signature" a head its owner did not sign. Concurrency: pure functions. Source:
// SPEC §7; RFC 9162 §2.1.4.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/feed/opening.h"
#include "protocol/log/checkpoint.h"
#include "protocol/log/merkle.h"
#include "protocol/log/proof.h"

namespace tocsin::protocol {

inline constexpr std::size_t kLeavesPerPageMax = 8192;  // 1 MiB of leaves

struct ChainHead {
  std::uint64_t seq = 0;
  std::uint64_t index = 0;
  Hash leaf_hash{};
};
using ChainHeads = std::function<Result<std::optional<ChainHead>>(const Hash& chain)>;
using HeldLeaves = std::function<Result<Leaf>(std::uint64_t index)>;

// What a reader holds of a ledger.
struct FeedPosition {
  CompactRange range;  // over the leaves held; the cursor is its size
  std::uint64_t last_time_ms = 0;
  std::optional<TreeHead> known;  // the newest head verified, at least as large as the range
};

struct VerifiedPage {
  std::uint64_t from = 0;
  std::vector<Leaf> leaves;
  std::vector<Hash> leaf_hashes;
  FeedPosition position;  // after the page
  std::vector<std::pair<Hash, ChainHead>>
      chain_heads;  // each chain the page touched, once, as it stands after
  std::string checkpoint_note;
};

Result<VerifiedPage> verify_page(const FeedPosition& position, const v1::RecordsReply& reply,
                                 std::span<const VerifierKey> keys, const ChainHeads& chain_heads);

// Openings against the page's own leaves or, for earlier records, those in `held`.
Result<std::vector<OpenedRecord>> verify_openings(const VerifiedPage& page, const v1::Openings& openings,
                                                  const HeldLeaves& held);

// Every chain that an opened publication covers must have been opened from its SUBMITTED on: here, or before
// (`opened`).
Status check_nothing_withheld(std::span<const OpenedRecord> records,
                              const std::function<bool(const Hash& chain)>& opened);

// The owner's side: the leaves [request.from, to) and the two proofs; `page` is left to the caller. `size`
// and `checkpoint` are the newest synced ones.
struct PageSource {
  std::uint64_t size = 0;
  std::string checkpoint;
  std::function<Result<LeafBytes>(std::uint64_t index)> leaf;
  NodeSource nodes;
};
Result<v1::RecordsReply> make_page(const v1::RecordsRequest& request, std::uint64_t to,
                                   const PageSource& source);

}  // namespace tocsin::protocol
