#pragma once
// SecondLook: before a node that has opened its store signs anything, its members are asked whether they saw
// more.
//
// A data directory that was put back with its anchor looks like the node it was; only others know better.
// Each active member is asked once; the answer is known when all have answered or failed, or after
// kSecondLookMs. Guarantee: a note that proves a longer or another history of ours, held by any member that
// answered, is found. Who does not answer holds up nobody: witnesses find it later (witness/witnessed).
// Concurrency: start() once; `done` on Lane::kIo, once. Source: ledger.md, Start-up; SPEC §14.

#include <functional>
#include <optional>

#include "node/recovery/held_calls.h"
#include "protocol/log/checkpoint.h"

namespace tocsin::node {

inline constexpr std::uint64_t kSecondLookMs = 3'000;

class SecondLook {
 public:
  // Why the store must not be built on; nothing: nobody knows better.
  using Done = std::function<void(std::optional<Error>)>;
  struct Parts {
    const storage::Store& store;
    Runtime& runtime;
    protocol::VerifierKey log;  // our own
    protocol::TreeHead head;    // that we are about to build on
    Sync::Connect connect;
  };
  explicit SecondLook(Parts parts) : in_(std::move(parts)), calls_(in_.runtime, in_.connect) {}
  void start(Done done);
  void stop() { calls_.stop(); }

 private:
  void ask(std::vector<protocol::ValidDescriptor> members);
  void answered(const std::string& member, const Result<v1::HeldReply>& reply);
  Status compare(const std::string& member, const std::string& note) const;
  void finish(std::optional<Error> why);

  const Parts in_;
  HeldCalls calls_;
  Done done_;
  std::size_t outstanding_ = 0;
};

// The active members of our network by the store's rows.
Result<std::vector<protocol::ValidDescriptor>> active_members(const storage::Store& store);

}  // namespace tocsin::node
