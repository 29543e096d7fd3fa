// The operator's calls about proofs of equivocation: what this node's ledger has of them.
#include <algorithm>

#include "crypto/base/encoding.h"
#include "node/http/admin_routes.h"
#include "node/http/calls.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
namespace {

v1::EquivocationInfo info_of(const protocol::Registry& registry, const protocol::ProvenEquivocation& proven) {
  v1::EquivocationInfo info;
  info.set_peer(proven.what.name);
  info.set_fingerprint(protocol::print_fingerprint(proven.what.issuer));
  info.set_origin(proven.what.origin);
  info.set_first_size(proven.what.first.size);
  info.set_first_root(to_string(proven.what.first.root));
  info.set_second_size(proven.what.second.size);
  info.set_second_root(to_string(proven.what.second.root));
  info.set_digest(to_string(proven.digest));
  info.set_index(proven.index);
  info.set_time_ms(proven.time_ms);
  info.set_quarantined(registry.quarantined(proven.what.issuer));
  return info;
}

bool named(const protocol::ProvenEquivocation& proven, const std::string& name) {
  return proven.what.name == name || protocol::print_fingerprint(proven.what.issuer) == name ||
         (!name.empty() && hex_encode(proven.digest).starts_with(name));
}

}  // namespace

void add_evidence_routes(Router& router, const AdminParts& parts) {
  router.add(admin_call<v1::EvidenceListRequest, v1::EvidenceListReply>(
      "EvidenceList", [&parts](const auto&) -> Result<v1::EvidenceListReply> {
        const auto registry = parts.ledger.registry();
        v1::EvidenceListReply reply;
        for (const auto& proven : registry->equivocations())
          *reply.add_evidence() = info_of(*registry, proven);
        return reply;
      }));
  router.add(admin_call<v1::EvidenceRequest, v1::EquivocationInfo>(
      "EvidenceShow", [&parts](const auto& request) -> Result<v1::EquivocationInfo> {
        const auto registry = parts.ledger.registry();
        const auto& all = registry->equivocations();
        // The newest, when one name has several.
        const auto found = std::find_if(all.rbegin(), all.rend(),
                                        [&](const auto& proven) { return named(proven, request.name()); });
        if (found == all.rend())
          return fail(Error{Code::kNotFound,
                            "this ledger has no evidence called \"" + request.name() + "\"",
                            "evidence/unknown",
                            {},
                            "tocsin ledger evidence list"});
        v1::EquivocationInfo info = info_of(*registry, *found);
        info.set_file(protocol::format_equivocation(found->proof));
        return info;
      }));
}

}  // namespace tocsin::node
