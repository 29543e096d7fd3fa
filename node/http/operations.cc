#include "node/http/operations.h"

#include <ctime>

#include "node/http/problem.h"

namespace tocsin::node {
namespace {

// The file says until when it may be believed; it is made anew at each request.
constexpr std::uint64_t kContactLastsS = 180ULL * 24 * 3600;

std::string rfc3339(std::uint64_t time_s) {
  const auto time = static_cast<std::time_t>(time_s);
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

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

void add_security_txt(Router& router, const std::string& contact, Runtime& runtime) {
  if (contact.empty()) return;
  router.add({"GET", "/.well-known/security.txt", Scope::kOpen, [contact, &runtime](const Request&) {
                const std::uint64_t until_s = runtime.now_ms() / 1000 + kContactLastsS;
                return Response{200,
                                "text/plain; charset=utf-8",
                                "Contact: " + contact + "\nExpires: " + rfc3339(until_s) + "\n",
                                {}};
              }});
}

}  // namespace tocsin::node
