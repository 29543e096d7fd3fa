#pragma once
// GET /healthz and GET /metrics.
//
// /healthz is open and says only whether the node serves: 200 "ok", or 503 with the reason as a problem.
// /metrics needs a token of scope "metrics" over TCP. Concurrency: `health` is called from several threads.

#include <functional>

#include "crypto/base/result.h"
#include "node/http/router.h"
#include "node/metrics/metrics.h"

namespace tocsin::node {

// `metrics` outlives the router.
void add_operations_routes(Router& router, const Metrics& metrics, std::function<Status()> health);

}  // namespace tocsin::node
