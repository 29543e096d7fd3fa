#pragma once
// KnownLogs: the logs this node cosigns and the nodes that may cosign its own: the active members of its
// network, by their descriptors.
//
// Guarantee: keys() is not older than kKnownForMs and knows every change announced by rows_changed(),
// members_that_cosign() is as of now; a descriptor is checked when it changes, not at every question.
// Concurrency: any thread.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/members/members.h"
#include "node/runtime/runtime.h"
#include "protocol/log/note.h"

namespace tocsin::node {

inline constexpr std::uint64_t kKnownForMs = 1'000;

// Somebody who is asked to cosign our checkpoints: a member over its link, or a stranger over HTTP.
struct WitnessTarget {
  std::string name;
  protocol::VerifierKey key;
  Hash peer{};      // the member's fingerprint; zero for a stranger
  std::string url;  // of a stranger: what stands before "/add-checkpoint"; empty: no way to ask
  bool is_peer() const { return peer != Hash{}; }
};

class KnownLogs {
 public:
  KnownLogs(const Members& members, Runtime& runtime) : members_(members), runtime_(runtime) {}

  // A member's row may have changed: a replaced key must not be believed a moment longer.
  void rows_changed() { stale_ = true; }
  // Of the member that has been one the longest, should several claim one origin; empty: not known.
  std::vector<protocol::VerifierKey> keys(std::string_view origin);
  // The members that have a cosigner key.
  std::vector<WitnessTarget> members_that_cosign();

 private:
  struct Known {
    std::string row;  // as read: the same bytes again say the same
    std::string origin;
    std::uint64_t since_ms = 0;
    protocol::VerifierKey log;
    std::optional<WitnessTarget> target;
  };
  void refresh_locked(std::uint64_t known_for_ms);

  const Members& members_;
  Runtime& runtime_;
  std::atomic<bool> stale_{false};
  std::mutex mu_;
  // Guarded by mu_.
  std::map<Hash, Known> known_;
  std::uint64_t read_ms_ = 0;
};

}  // namespace tocsin::node
