#pragma once
// KeyChange: another operational key, made, written into the ledger and taken into use, without a restart.
//
// Four steps, each durable before the next: the keystore holds the new key and the descriptor that will name
// it; one commit of the ledger holds KEY_ADDED, KEY_RETIRED of the old key and, under a witness policy, the
// policy with the new key in its log line, and from that commit's checkpoint on both keys sign; the published
// checkpoint covers it, so that members and witnesses who know only the old key have followed; the keystore
// and the descriptor take the new key, the old one is wiped and signs no more. A kill between two steps loses
// nothing: settle() goes on from where the ledger and the keystore are. Errors of begin: kFailedPrecondition
// "key/origin" (the log is named after its key), "key/changing" (the last change waits for witnesses); the
// keystore's and the ledger's. Concurrency: any thread that may wait for the sequencer. Source: SPEC §2.

#include <functional>
#include <mutex>
#include <string>

#include "node/config/config.h"
#include "node/identity/keystore.h"
#include "node/ledger/ledger.h"
#include "node/ledger/published.h"
#include "node/runtime/runtime.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::node {

// How long an operational key may sign what it submits, and how long before its end the node changes it.
inline constexpr std::uint64_t kOperationalLifetimeMs = 2ULL * 365 * 24 * 3600 * 1000;
inline constexpr std::uint64_t kOperationalRenewBeforeMs = 30ULL * 24 * 3600 * 1000;

class KeyChange {
 public:
  struct Parts {
    const Config& config;
    Ledger& ledger;
    Runtime& runtime;
    std::mutex& keystore;               // one change of the keystore at a time
    std::function<const Keys&()> keys;  // the newest
    std::function<Status(Keys)> install;
    PublishedSource published;
    std::function<void()> tell_peers;  // that there is a newer descriptor to fetch
    std::function<Result<KeystoreLock>()> lock;
  };
  explicit KeyChange(Parts parts) : parts_(std::move(parts)) {}

  Result<v1::RotateReply> begin(const std::string& reason);
  // Takes the next key into use when what is published names it. At the start, and when more was published.
  void settle();
  // Begins a change when the key's time ends soon.
  void renew_when_due();
  // Whether the ledger names a key that the descriptor does not name yet.
  bool under_way() const;

 private:
  Status write_records(const Keys::Next& next, const std::string& reason);
  Status adopt_when_published();
  bool published_names(const crypto::PublicKey& key) const;

  const Parts parts_;
};

}  // namespace tocsin::node
