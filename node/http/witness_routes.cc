#include "node/http/witness_routes.h"

#include <cstdio>
#include <future>
#include <memory>

#include "node/files/private_file.h"
#include "node/http/admin_routes.h"
#include "node/http/calls.h"
#include "node/http/problem.h"
#include "node/witness/policy_text.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
namespace {

constexpr unsigned kConflict = 409;

Response cosign(Cosigner& cosigner, const Request& request) {
  auto promise = std::make_shared<std::promise<CosignAnswer>>();
  auto future = promise->get_future();
  cosigner.add_checkpoint(request.body,
                          [promise](CosignAnswer answer) { promise->set_value(std::move(answer)); });
  CosignAnswer answer = future.get();
  const bool size = answer.status == kConflict;
  return {answer.status, size ? "text/x.tlog.size" : "text/plain; charset=utf-8", std::move(answer.body), {}};
}

std::string policy_in_force(const Ledger& ledger) {
  const auto registry = ledger.registry();
  return registry->witness_policies().empty() ? std::string() : registry->witness_policies().back().text;
}

Result<v1::Witnessing> set_policy(const WitnessCalls& calls, const std::string& text) {
  if (text.size() > kPolicyTextMax)
    return fail(Code::kInvalidArgument, "the policy is longer than a record's 4096 bytes", "witness/size");
  TRY(protocol::Policy::parse(text));
  if (text != policy_in_force(calls.ledger)) {
    Draft draft;
    draft.event = protocol::Event::kWitnessPolicy;
    draft.slots = {protocol::slot_text(0, text)};
    Append append;
    append.drafts.push_back(std::move(draft));
    TRY(commit(calls.ledger, std::move(append)));
  }
  if (const Status written = write_private_file(calls.policy_file, as_view(text), true); !written)
    return fail(Code::kUnavailable,
                "the policy is in force, its file was not written: " + written.error().message,
                "witness/file");
  return witnessing(calls);
}

// By vkey, or as a member that cosigns.
Result<protocol::PolicyWitness> witness_of(const WitnessCalls& calls, const v1::WitnessAddRequest& request) {
  if (!request.vkey().empty()) {
    TRY_ASSIGN(auto key, protocol::parse_vkey(request.vkey()));
    return protocol::PolicyWitness{request.name(), std::move(key), request.url()};
  }
  TRY_ASSIGN(const v1::PeerRow row, calls.members.find(request.name()));
  TRY_ASSIGN(const auto descriptor, protocol::parse_descriptor(row.signed_descriptor()));
  if (!descriptor.cosigner())
    return fail(Error{Code::kNotFound, descriptor.name() + " has not said that it cosigns", "witness/name",
                      "its descriptor names no cosigner key", "name its key: --vkey VKEY"});
  return protocol::PolicyWitness{descriptor.name(), *descriptor.cosigner(), request.url()};
}

}  // namespace

v1::Witnessing witnessing(const WitnessCalls& calls) {
  const Witnessed::Overview overview = calls.witnessed.overview();
  v1::Witnessing out;
  out.set_policy(overview.policy);
  out.set_policy_text(overview.policy_text);
  out.set_size(overview.size);
  out.set_time_s(overview.time_s);
  out.set_cosignatures(static_cast<std::uint32_t>(overview.cosignatures));
  out.set_missing(overview.missing);
  const Published published = calls.witnessed.published();
  if (published.checkpoint) out.set_checkpoint(*published.checkpoint);
  out.set_published(published.tree.size);
  out.set_vkey(protocol::format_vkey(calls.cosigner.vkey()));
  out.set_log_vkey(protocol::format_vkey(calls.log));
  for (const Witnessed::WitnessStatus& witness : overview.witnesses) {
    v1::WitnessInfo& info = *out.add_witnesses();
    info.set_name(witness.name);
    info.set_vkey(witness.vkey);
    info.set_url(witness.url);
    info.set_member(witness.member);
    info.set_in_policy(witness.in_policy);
    info.set_size(witness.size);
    info.set_time_s(witness.time_s);
    info.set_last_error(witness.last_error);
  }
  if (calls.alarm) out.set_alarm(calls.alarm());
  return out;
}

void add_witness_route(Router& router, Cosigner& cosigner, const std::string& prefix) {
  router.add({"POST", prefix + "/add-checkpoint", Scope::kOpen,
              [&cosigner](const Request& request) { return cosign(cosigner, request); },
              protocol::kAddCheckpointBytesMax});
}

void add_witness_calls(Router& router, const WitnessCalls& calls) {
  router.add(admin_call<v1::WitnessListRequest, v1::Witnessing>(
      "WitnessList", [&calls](const auto&) -> Result<v1::Witnessing> { return witnessing(calls); }));
  router.add(admin_call<v1::WitnessAddRequest, v1::Witnessing>(
      "WitnessAdd", [&calls](const auto& request) -> Result<v1::Witnessing> {
        TRY_ASSIGN(auto witness, witness_of(calls, request));
        TRY_ASSIGN(const std::string text, with_witness(policy_in_force(calls.ledger), calls.log,
                                                        std::move(witness), request.quorum()));
        return set_policy(calls, text);
      }));
  router.add(admin_call<v1::WitnessRemoveRequest, v1::Witnessing>(
      "WitnessRemove", [&calls](const auto& request) -> Result<v1::Witnessing> {
        TRY_ASSIGN(const std::string text, without_witness(policy_in_force(calls.ledger), calls.log,
                                                           request.name(), request.quorum()));
        return set_policy(calls, text);
      }));
  router.add(admin_call<v1::WitnessSetRequest, v1::Witnessing>(
      "WitnessSet", [&calls](const auto& request) { return set_policy(calls, request.policy()); }));
}

}  // namespace tocsin::node
