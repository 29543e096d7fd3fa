#pragma once
// The ledger as anybody may read it over HTTP, in C2SP tlog-tiles: the checkpoint, tiles, entry bundles.
//
// Guarantee: nothing beyond the published size is answered but 404; a tile and a bundle never change under
// their path and may be kept for ever, the checkpoint is to be asked for again. A partial tile is cut from
// the stored one, also when that has grown since. What ends at or below the minimum index is pruned: it is
// answered with 410, though the node still has it. Errors: 404 for what is not published or misspelt, 410 for
// what is pruned, 500 when the store is damaged. Concurrency: handlers run on Lane::kWorkers, several at a
// time. Source: SPEC §11; C2SP tlog-tiles.

#include <functional>
#include <string>

#include "node/http/router.h"
#include "node/ledger/published.h"
#include "storage/log_store.h"

namespace tocsin::node {

struct LogRoutes {
  const storage::LogStore& log;  // outlives the router
  PublishedSource published;
  std::string prefix;   // "" or "/name": what stands before "/checkpoint"
  std::string etag_of;  // tells two ledgers' tiles apart under one URL
  // Of the first record that is still served; none: nothing is pruned.
  std::function<std::uint64_t()> minimum_index = nullptr;
};

void add_log_routes(Router& router, LogRoutes routes);

}  // namespace tocsin::node
