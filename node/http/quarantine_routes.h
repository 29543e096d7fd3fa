#pragma once
// What a node in quarantine answers: Status, which says why, what is being done and what an operator can do;
// Recover, the operator's decision; and to everything else why it does not.
//
// Its store has fallen behind what this node signed, or is damaged: it opens no ledger, serves no head,
// answers no look-up and takes nothing (reliability I7). Add these after the routes that still answer
// (operations.h). Concurrency: as Router.

#include <cstdint>
#include <functional>

#include "crypto/base/result.h"
#include "node/http/router.h"
#include "node/runtime/runtime.h"
#include "protocol/identity/descriptor.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::node {

struct Quarantined {
  Error why;
  std::uint64_t stored = 0;  // records the store still holds
  std::function<protocol::ValidDescriptor()> descriptor;
  Runtime& runtime;
  std::function<void(v1::StatusReply&)> describe;  // adds the state and how the repair goes
  std::function<Result<v1::Recovery>(const v1::RecoverRequest&)> recover;
};

// `node` outlives the router.
void add_quarantine_routes(Router& router, const Quarantined& node);

}  // namespace tocsin::node
