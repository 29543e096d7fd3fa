#include "node/http/log_retention.h"

#include <algorithm>

#include "protocol/log/leaf.h"
#include "protocol/log/tile.h"

namespace tocsin::node {

std::uint64_t LogRetention::minimum_index() {
  const std::uint64_t now = runtime_.now_ms();
  const std::lock_guard lock(mu_);
  if (looked_ms_ != 0 && now < looked_ms_ + kRetentionKnownForMs) return minimum_;
  minimum_ = std::max(minimum_, find(now));
  looked_ms_ = now;
  return minimum_;
}

// Times never decrease along a ledger. What cannot be read is not pruned.
std::uint64_t LogRetention::find(std::uint64_t now_ms) const {
  if (now_ms <= keep_ms_) return 0;
  std::uint64_t old = 0;  // records [0, old) are older than the retention
  std::uint64_t young = published_().tree.size;
  while (old < young) {
    const std::uint64_t middle = old + (young - old) / 2;
    const auto bytes = log_.leaf(middle);
    if (!bytes) return 0;
    const auto leaf = protocol::parse_leaf(*bytes);
    if (!leaf) return 0;
    if (leaf->time_ms < now_ms - keep_ms_) {
      old = middle + 1;
    } else {
      young = middle;
    }
  }
  return old == 0 ? 0 : (old - 1) / protocol::kTileWidth * protocol::kTileWidth;
}

}  // namespace tocsin::node
