#pragma once
// Upkeep: what a node does for its own store while it serves: backups, fsck, and the scrub that reads
// everything once a day so that a bit that rots is found before it is needed.
//
// The scrub goes on in small steps with pauses between them, and looks at the ledger as it stood when the
// round began. What it finds is logged, counted in tocsin_scrub_problems and shown by `tocsin status`; it
// changes nothing. Errors: node/backup's, the store's; kInvalidArgument "backup/path". Concurrency: backup()
// and fsck() on worker threads; everything it is given outlives it. Source: reliability.md of the design.

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "node/config/config.h"
#include "node/ledger/fsck.h"
#include "node/ledger/ledger.h"
#include "node/metrics/metrics.h"
#include "node/runtime/runtime.h"
#include "protocol/identity/descriptor.h"
#include "tocsin/v1/admin.pb.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::node {

class Upkeep {
 public:
  struct Parts {
    const Config& config;
    const storage::Store& store;
    const Ledger& ledger;
    Runtime& runtime;
    Metrics& metrics;
    std::function<protocol::ValidDescriptor()> descriptor;
  };
  explicit Upkeep(Parts parts) : in_(std::move(parts)) {}

  // One at a time: kUnavailable "backup/busy" for a second one.
  Result<v1::BackupReply> backup(const v1::BackupRequest& request);
  // All of it, now.
  Result<v1::FsckReply> fsck();
  // A first round starts after a minute, the next a day after one ended.
  void start_scrub();
  void stop() { stopping_ = true; }

 private:
  Result<Fsck> begin_fsck() const;
  void scrub_step(const std::shared_ptr<Fsck>& round);
  void scrub_later(std::uint64_t delay_ms);

  const Parts in_;
  std::mutex backup_mu_;
  std::atomic<bool> stopping_{false};
};

}  // namespace tocsin::node
