#include "node/http/witness_routes.h"

#include <cstdio>
#include <future>
#include <memory>

#include "node/files/private_file.h"
#include "node/http/admin_routes.h"
#include "node/http/calls.h"
#include "node/http/problem.h"
#include "node/log/log.h"
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

// `override_reason`: empty when the policy in force is to agree by its quorum.
Result<Draft> policy_draft(const WitnessCalls& calls, const std::string& text,
                           const std::string& override_reason) {
  Draft draft;
  draft.event = protocol::Event::kWitnessPolicy;
  draft.slots = {protocol::slot_text(0, text)};
  if (override_reason.empty()) return draft;
  // The one that readers hold: what came behind it was never published.
  const auto registry = calls.ledger.registry();
  const auto* shown = registry->witness_policy_at(calls.witnessed.published().tree.size);
  const std::string before = shown == nullptr ? policy_in_force(calls.ledger) : shown->text;
  if (before.empty() || before == text)
    return fail(Error{Code::kFailedPrecondition, "there is no other policy to override", "witness/override",
                      "an override replaces a policy whose quorum is lost", "leave --override out"});
  const crypto::Signature signature = calls.sign_override(before, text, override_reason);
  draft.slots.push_back(protocol::slot_text(1, override_reason));
  draft.slots.push_back(protocol::slot_bytes(2, protocol::SlotType::kBytes, signature));
  log_event(LogLevel::kWarning, "witness.policy_overridden", {{"reason", override_reason}});
  return draft;
}

Result<v1::Witnessing> set_policy(const WitnessCalls& calls, const std::string& text,
                                  const std::string& override_reason = {}) {
  if (text.size() > kPolicyTextMax)
    return fail(Code::kInvalidArgument, "the policy is longer than a record's 4096 bytes", "witness/size");
  TRY(protocol::Policy::parse(text));
  if (text != policy_in_force(calls.ledger) || !override_reason.empty()) {
    Append append;
    TRY_ASSIGN(append.drafts.emplace_back(), policy_draft(calls, text, override_reason));
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

protocol::VerifierKey log_vkey(const Ledger& ledger) {
  auto key = protocol::make_verifier_key(ledger.origin(), protocol::KeyType::kEd25519,
                                         ledger.registry()->self()->operational_key());
  CHECK_INVARIANT(key.has_value());
  return std::move(*key);
}

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
  out.set_log_vkey(protocol::format_vkey(log_vkey(calls.ledger)));
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
  out.set_behind_s(overview.behind_s);
  out.set_overridden(overview.overridden);
  if (calls.alarm) out.set_alarm(calls.alarm());
  if (out.alarm().empty() && overview.policy && overview.behind_s >= kBehindAlarmS)
    out.set_alarm("the oldest record that waits for witnesses has waited for " +
                  std::to_string(overview.behind_s / 60) + " minutes");
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
        TRY_ASSIGN(const std::string text, with_witness(policy_in_force(calls.ledger), log_vkey(calls.ledger),
                                                        std::move(witness), request.quorum()));
        return set_policy(calls, text);
      }));
  router.add(admin_call<v1::WitnessRemoveRequest, v1::Witnessing>(
      "WitnessRemove", [&calls](const auto& request) -> Result<v1::Witnessing> {
        TRY_ASSIGN(const std::string text,
                   without_witness(policy_in_force(calls.ledger), log_vkey(calls.ledger), request.name(),
                                   request.quorum()));
        return set_policy(calls, text);
      }));
  router.add(admin_call<v1::WitnessSetRequest, v1::Witnessing>("WitnessSet", [&calls](const auto& request) {
    return set_policy(calls, request.policy(), request.override_reason());
  }));
}

}  // namespace tocsin::node
