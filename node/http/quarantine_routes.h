#pragma once
// What a node in quarantine answers: Status, which says why and what to do, and to everything else that
// error.
//
// Its store has fallen behind what this node signed, or is damaged: it opens no ledger, talks to no peer,
// serves no head, answers no look-up and takes nothing (reliability I7). Add these after the routes that
// still answer (operations.h). Concurrency: as Router.

#include <cstdint>
#include <functional>

#include "crypto/base/result.h"
#include "node/http/router.h"
#include "node/runtime/runtime.h"
#include "protocol/identity/descriptor.h"

namespace tocsin::node {

struct Quarantined {
  Error why;
  std::uint64_t stored = 0;  // records the store still holds
  std::function<protocol::ValidDescriptor()> descriptor;
  Runtime& runtime;
};

// `node` outlives the router.
void add_quarantine_routes(Router& router, const Quarantined& node);

}  // namespace tocsin::node
