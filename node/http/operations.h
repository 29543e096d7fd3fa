#pragma once
// GET /healthz, GET /metrics and GET /.well-known/security.txt.
//
// /healthz is open and says only whether the node serves: 200 "ok", or 503 with the reason as a problem.
// /metrics needs a token of scope "metrics" over TCP. security.txt tells whom to write to about a weakness
// (RFC 9116); without a contact it is not there. Concurrency: `health` is called from several threads.

#include <functional>

#include "crypto/base/result.h"
#include "node/http/router.h"
#include "node/metrics/metrics.h"
#include "node/runtime/runtime.h"

namespace tocsin::node {

// `metrics` outlives the router.
void add_operations_routes(Router& router, const Metrics& metrics, std::function<Status()> health);
// `contact`: a URI such as mailto:security@example.org; empty: no such route. The runtime outlives the
// router.
void add_security_txt(Router& router, const std::string& contact, Runtime& runtime);

}  // namespace tocsin::node
