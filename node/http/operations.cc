#include "node/http/operations.h"

#include "node/http/problem.h"

namespace tocsin::node {

void add_operations_routes(Router& router, const Metrics& metrics, std::function<Status()> health) {
  router.add(
      {"GET", "/healthz", Scope::kOpen, [health = std::move(health)](const Request&) {
         const Status state = health();
         return state ? Response{200, "text/plain; charset=utf-8", "ok\n", {}} : problem(503, state.error());
       }});
  router.add({"GET", "/metrics", Scope::kMetrics, [&metrics](const Request&) {
                return Response{200, "text/plain; version=0.0.4; charset=utf-8", write_metrics(metrics), {}};
              }});
}

}  // namespace tocsin::node
