#include "node/daemon/key_change.h"

#include "node/files/private_file.h"
#include "node/http/admin_routes.h"
#include "node/log/log.h"
#include "protocol/process/event.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using protocol::SlotType;

Draft key_added(const Keys::Next& next, std::uint64_t now_ms) {
  const v1::NodeDescriptor& body = next.descriptor.message();
  Draft draft;
  draft.event = Event::kKeyAdded;
  draft.slots = {
      protocol::slot_bytes(0, SlotType::kKey, next.operational.public_key()),
      protocol::slot_number(1, SlotType::kEnum, static_cast<std::uint64_t>(protocol::KeyRole::kOperational)),
      protocol::slot_text(2, body.name()),
      protocol::slot_number(3, SlotType::kTime, body.valid_from_ms()),
      protocol::slot_number(4, SlotType::kTime, now_ms + kOperationalLifetimeMs),
      protocol::slot_bytes(5, SlotType::kSigned, as_view(next.descriptor.signed_form().SerializeAsString()))};
  return draft;
}

Draft key_retired(const crypto::PublicKey& old, const std::string& reason) {
  const protocol::KeyId id = protocol::key_id(old);
  Draft draft;
  draft.event = Event::kKeyRetired;
  draft.slots = {protocol::slot_bytes(0, SlotType::kKeyId, id), protocol::slot_text(1, reason)};
  return draft;
}

std::string with_other_key(std::string text, const std::string& before, const std::string& after) {
  for (std::size_t at = text.find(before); at != std::string::npos; at = text.find(before, at + after.size()))
    text.replace(at, before.size(), after);
  return text;
}

Result<std::string> vkey_of(const std::string& origin, const crypto::PublicKey& key) {
  TRY_ASSIGN(const auto verifier, protocol::make_verifier_key(origin, protocol::KeyType::kEd25519, key));
  return protocol::format_vkey(verifier);
}

}  // namespace

bool KeyChange::published_names(const crypto::PublicKey& key) const {
  const auto registry = parts_.ledger.registry();
  const protocol::RegisteredKey* in_force = registry->operational_at(parts_.published().tree.size);
  return in_force != nullptr && in_force->key == key;
}

bool KeyChange::under_way() const {
  const Keys& keys = parts_.keys();
  return keys.next &&
         parts_.ledger.registry()->self()->operational_key() == keys.next->operational.public_key();
}

Result<v1::RotateReply> KeyChange::begin(const std::string& reason) {
  if (is_key_origin(parts_.ledger.origin()))
    return fail(Error{Code::kFailedPrecondition, "this log is named after its operational key", "key/origin",
                      "another key would be another log", "make a new node to get another key"});
  const std::lock_guard one(parts_.keystore);
  if (under_way())
    return fail(Error{Code::kFailedPrecondition, "the last change of this key is not finished",
                      "key/changing",
                      "what names the new key is not published yet: its witnesses have not cosigned it",
                      "see tocsin ledger witness list"});
  if (!parts_.keys().next) {
    TRY_ASSIGN(const KeystoreLock lock, parts_.lock());
    TRY_ASSIGN(Keys staged, stage_operational({parts_.config.data_dir, parts_.runtime.now_ms()}, lock));
    TRY(parts_.install(std::move(staged)));
  }
  const Keys& keys = parts_.keys();
  v1::RotateReply reply;
  reply.set_descriptor_sequence(keys.next->descriptor.message().sequence());
  TRY_ASSIGN(*reply.mutable_vkey(), vkey_of(parts_.ledger.origin(), keys.next->operational.public_key()));
  parts_.ledger.add_key(keys.next->operational.copy());
  TRY(write_records(*keys.next, reason.empty() ? "replaced" : reason));
  log_event(LogLevel::kInfo, "node.key_changing",
            {{"vkey", reply.vkey()}, {"descriptor", reply.descriptor_sequence()}});
  TRY(adopt_when_published());
  reply.set_waiting(parts_.keys().next.has_value());
  return reply;
}

Status KeyChange::write_records(const Keys::Next& next, const std::string& reason) {
  const auto registry = parts_.ledger.registry();
  const crypto::PublicKey old = registry->self()->operational_key();
  Append append;
  append.drafts = {key_added(next, parts_.runtime.now_ms()), key_retired(old, reason)};
  std::string policy;
  if (!registry->witness_policies().empty()) {
    TRY_ASSIGN(const std::string before, vkey_of(parts_.ledger.origin(), old));
    TRY_ASSIGN(const std::string after, vkey_of(parts_.ledger.origin(), next.operational.public_key()));
    policy = with_other_key(registry->witness_policies().back().text, before, after);
    Draft draft;
    draft.event = Event::kWitnessPolicy;
    draft.slots = {protocol::slot_text(0, policy)};
    append.drafts.push_back(std::move(draft));
  }
  TRY(commit(parts_.ledger, std::move(append)));
  // A convenience for outsiders: that it could not be written does not undo the change.
  if (policy.empty()) return {};
  if (const Status written =
          write_private_file(parts_.config.data_dir + "/witness.policy", as_view(policy), true);
      !written)
    log_failure(LogLevel::kWarning, "node.policy_file_failed", written.error());
  return {};
}

Status KeyChange::adopt_when_published() {
  const Keys& keys = parts_.keys();
  if (!keys.next || !published_names(keys.next->operational.public_key())) return {};
  TRY_ASSIGN(const KeystoreLock lock, parts_.lock());
  TRY_ASSIGN(Keys adopted, adopt_operational({parts_.config.data_dir, parts_.runtime.now_ms()}, lock));
  const crypto::PublicKey key = adopted.operational.public_key();
  const std::uint64_t sequence = adopted.descriptor.message().sequence();
  TRY(parts_.install(std::move(adopted)));
  parts_.ledger.forget_keys_before(key);
  log_event(LogLevel::kInfo, "node.key_changed", {{"descriptor", sequence}});
  parts_.tell_peers();
  return {};
}

void KeyChange::settle() {
  const std::lock_guard one(parts_.keystore);
  if (const Status adopted = adopt_when_published(); !adopted)
    log_failure(LogLevel::kError, "node.key_change_failed", adopted.error());
}

void KeyChange::renew_when_due() {
  const auto registry = parts_.ledger.registry();
  const protocol::RegisteredKey* in_force = registry->operational_at(parts_.ledger.size());
  if (is_key_origin(parts_.ledger.origin()) || in_force == nullptr || under_way() ||
      in_force->valid_until_ms > parts_.runtime.now_ms() + kOperationalRenewBeforeMs)
    return;
  const auto begun = begin("its time ends");
  if (!begun) log_failure(LogLevel::kError, "node.renewal_failed", begun.error());
}

}  // namespace tocsin::node
