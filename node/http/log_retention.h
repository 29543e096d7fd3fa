#pragma once
// LogRetention: from which record on the read plane still serves the ledger.
//
// Records older than the retention are pruned in whole bundles of 256, and only so far that the first one
// served is itself older: whoever reads that record sees that nothing younger was closed (SPEC §11). The
// index never goes back while the node runs. Nothing is deleted. Concurrency: any thread. Source: C2SP
// tlog-tiles "Pruning".

#include <cstdint>
#include <mutex>

#include "node/ledger/published.h"
#include "node/runtime/runtime.h"
#include "storage/log_store.h"

namespace tocsin::node {

// No signal lives longer than 1096 days (R19); monitors get half a year more.
inline constexpr std::uint64_t kRetentionDaysLeast = 1280;
inline constexpr std::uint64_t kRetentionKnownForMs = 60'000;

class LogRetention {
 public:
  // The log and the runtime outlive it.
  LogRetention(const storage::LogStore& log, Runtime& runtime, PublishedSource published,
               std::uint64_t keep_ms)
      : log_(log), runtime_(runtime), published_(std::move(published)), keep_ms_(keep_ms) {}

  // Not older than kRetentionKnownForMs; 0 while everything is served.
  std::uint64_t minimum_index();

 private:
  std::uint64_t find(std::uint64_t now_ms) const;

  const storage::LogStore& log_;
  Runtime& runtime_;
  const PublishedSource published_;
  const std::uint64_t keep_ms_;
  std::mutex mu_;
  // Guarded by mu_.
  std::uint64_t minimum_ = 0;
  std::uint64_t looked_ms_ = 0;
};

}  // namespace tocsin::node
