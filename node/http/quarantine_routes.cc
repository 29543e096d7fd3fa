#include "node/http/quarantine_routes.h"

#include "node/http/calls.h"
#include "protocol/identity/ids.h"

namespace tocsin::node {

void add_quarantine_routes(Router& router, const Quarantined& node) {
  router.add(admin_call<v1::StatusRequest, v1::StatusReply>(
      "Status", [&node, started = node.runtime.now_ms()](const auto&) -> Result<v1::StatusReply> {
        const auto descriptor = node.descriptor();
        v1::StatusReply reply;
        reply.set_name(descriptor.name());
        reply.set_fingerprint(protocol::print_fingerprint(descriptor.fingerprint()));
        reply.set_software("tocsin/0.1.0");
        reply.set_ledger_size(node.stored);
        reply.set_uptime_s((node.runtime.now_ms() - started) / 1000);
        *reply.mutable_signed_descriptor() = descriptor.signed_form();
        reply.set_quarantine(node.why.message);
        reply.set_quarantine_why(node.why.why);
        reply.set_quarantine_fix(node.why.fix);
        node.describe(reply);
        return reply;
      }));
  router.add(admin_call<v1::RecoverRequest, v1::Recovery>(
      "Recover", [&node](const v1::RecoverRequest& request) { return node.recover(request); }));
  const auto refuse = [&node](const Request&) { return problem(503, node.why); };
  router.add({"POST", "/{anything*}", Scope::kOpen, refuse});
  router.add({"GET", "/{anything*}", Scope::kOpen, refuse});
}

}  // namespace tocsin::node
