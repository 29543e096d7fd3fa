#pragma once
// The kept answers to idempotency keys: how long they are kept, and how the old ones go.
//
// A client may ask again with its key for kAnswersKeptMs; after that the key means nothing here. Removing is
// an append like any other, so it is durable and never meets a commit half-way. Concurrency: pure but for
// reading the store; any thread. Errors: the store's; kDataLoss "ledger/answer". Source: storage/DESIGN.md.

#include <optional>

#include "node/ledger/ledger.h"

namespace tocsin::node {

// A client that has not heard for a week has given up, or has been restored from a backup.
inline constexpr std::uint64_t kAnswersKeptMs = 7ULL * 24 * 3600 * 1000;
// Bounds the batch; who finds so many looks again.
inline constexpr std::size_t kAnswersForgottenMax = 10'000;

struct StoredAnswer {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t time_ms = 0;
};
Bytes encode_answer(const StoredAnswer& answer);
Result<StoredAnswer> parse_answer(ByteView row);

// Removes the answers older than kAnswersKeptMs, at most kAnswersForgottenMax; nothing when there are none.
Result<std::optional<Append>> forget_answers(const storage::Store& store, std::uint64_t now_ms);

}  // namespace tocsin::node
