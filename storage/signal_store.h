#pragma once
// SignalStore: the projection of all ledgers we hold onto signals: each one's Case, who is found under an
// indicator, and when a case next falls due. It can be dropped and folded again from the ledgers.
//
// Errors: kDataLoss, rule "storage/signal". Concurrency: any thread reads; puts go into the sequencer's
// batch.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "storage/store.h"
#include "tocsin/v1/case.pb.h"

namespace tocsin::storage {

// When the case next needs somebody: the end of its validity while shareable or live, the retraction's due
// time while retracting, otherwise 0 (never).
std::uint64_t due_ms(const v1::Case& value);

class SignalStore {
 public:
  explicit SignalStore(const Store& store) : store_(store) {}

  // `before`: what is stored under the same signal now, null when nothing is; its index rows are replaced.
  static void put(Batch& batch, const v1::Case* before, const v1::Case& after);

  Result<std::optional<v1::Case>> get(const Hash& signal) const;
  // Signals whose id starts with `prefix`, ascending, ids above `after` (null: from the start), at most
  // `limit`.
  Result<std::vector<v1::Case>> list(ByteView prefix, const Hash* after, std::size_t limit) const;
  // Ids of all signals with exactly this indicator (u8 type ‖ value), ascending.
  Result<std::vector<Hash>> by_indicator(ByteView indicator) const;
  // Every (indicator, signal id) of one type, or of all when `type` is 0, in key order, until `each` returns
  // false.
  using Each = std::function<bool(ByteView indicator, const Hash& signal)>;
  Status each_indicator(std::uint8_t type, const Each& each) const;
  // Signals due at or before `now_ms`, earliest first, at most `limit`.
  Result<std::vector<Hash>> due(std::uint64_t now_ms, std::size_t limit) const;

 private:
  const Store& store_;
};

}  // namespace tocsin::storage
