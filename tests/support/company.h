#pragma once
// A company's node for tests of the rooms: the real ledger, members, signals and feed on a store in memory, a
// clock under the test's hand, and peers that are pulled when the test says so.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/members/members.h"
#include "node/peer/feed_owner.h"
#include "node/peer/foreign_ledger.h"
#include "node/signals/signals.h"
#include "tests/storage/memory_store.h"
#include "tests/support/manual_runtime.h"

namespace tocsin::tests {

inline constexpr std::uint64_t kHourMs = 3600 * 1000;
inline constexpr std::uint64_t kDayMs = 24 * kHourMs;

struct Company {
  // All keys follow from the name.
  explicit Company(const std::string& name);

  // Commits; the first error on the way.
  Result<node::Appended> commit(Result<node::Append> append);
  // The refusal's rule, empty when it was committed.
  std::string rule_of(Result<node::Append> append);
  Status add_key(const crypto::SigningKey& key, std::uint64_t role, const std::string& pseudonym);

  // One SHA-256 signal that follows from `digit`; its printed id.
  static v1::SubmitRequest submission(char digit);
  std::string submit(char digit);
  // What a person signs about signals; `change` alters the slots before they are signed.
  using Change = std::function<void(std::vector<protocol::SlotValue>&)>;
  Result<node::Append> attested(protocol::Event event, const std::vector<std::string>& ids,
                                const crypto::SigningKey& by, const Change& change = {});
  Result<node::Append> reviewed(const std::string& id) {
    return attested(protocol::Event::kReviewed, {id}, reviewer);
  }
  Result<node::Append> published(const std::string& id) const;
  Result<node::Append> retracted(const std::string& id, const std::string& reason = "FALSE_POSITIVE") const;
  std::string state_of(const std::string& id) const;
  std::size_t hits_of(char digit) const;

  // Every page of the other's ledger.
  Status pull(Company& from);

  const std::string name;
  crypto::SigningKey root, operational, reviewer, submitter;
  crypto::KemKey envelope;
  std::unique_ptr<protocol::ValidDescriptor> descriptor;
  storage::MemoryStore memory;
  ManualRuntime runtime;
  std::unique_ptr<node::Ledger> ledger;
  std::unique_ptr<node::Members> members;
  std::unique_ptr<node::Signals> signals;
  std::unique_ptr<node::FeedOwner> owner;
  std::map<Hash, std::unique_ptr<node::ForeignLedger>> peers;
};

// Puts a slot into its place, over the one that is there.
void put(std::vector<protocol::SlotValue>& slots, protocol::SlotValue value);
// What an invitee sends with the invitation, over a link whose exporter is zero.
v1::JoinRequest join_request(const Company& who, const v1::Invitation& invitation);
// From invitation to acceptance, both sides.
void join(Company& coordinator, Company& who);

}  // namespace tocsin::tests
