#include "node/http/admin_routes.h"

#include <future>

#include "node/http/calls.h"
#include "protocol/identity/ids.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using protocol::SlotType;

constexpr std::uint64_t kYearMs = 365ULL * 24 * 3600 * 1000;

Result<v1::StatusReply> status(const AdminParts& parts, std::uint64_t started_ms) {
  v1::StatusReply reply;
  const auto descriptor = parts.descriptor();
  const LedgerHead head = parts.ledger.head();
  reply.set_name(descriptor.name());
  reply.set_fingerprint(protocol::print_fingerprint(descriptor.fingerprint()));
  reply.set_software("tocsin/0.1.0");
  reply.set_state("serving");
  reply.set_ledger_size(head.tree.size);
  reply.set_checkpoint(*head.checkpoint);
  reply.set_matching(parts.signals.matching());
  reply.set_uptime_s((parts.runtime.now_ms() - started_ms) / 1000);
  *reply.mutable_signed_descriptor() = descriptor.signed_form();
  if (parts.witnessing) *reply.mutable_witnessing() = parts.witnessing();
  TRY_ASSIGN(const auto network, parts.members.network());
  if (network) {
    reply.set_network(network->name());
    reply.set_network_id(network->id());
  }
  TRY_ASSIGN(const auto rows, parts.members.list());
  for (const v1::PeerRow& row : rows) {
    if (row.standing() == v1::PEER_QUARANTINED) reply.set_peers_quarantined(reply.peers_quarantined() + 1);
    if (row.standing() != v1::PEER_ACTIVE) continue;
    reply.set_peers_active(reply.peers_active() + 1);
    TRY_ASSIGN(const Hash id, fixed<32>(as_view(row.node()), "peer"));
    const PeerProgress progress = parts.progress(id);
    if (progress.connected && progress.held == progress.head_size)
      reply.set_peers_in_sync(reply.peers_in_sync() + 1);
  }
  if (parts.gossip != nullptr)
    for (const Gossip::Alarm& alarm : parts.gossip->alarms()) reply.add_alarms(alarm.text);
  TRY_ASSIGN(const auto waiting, parts.signals.queue(1000));
  reply.set_awaiting_review(static_cast<std::uint64_t>(waiting.signals_size()));
  return reply;
}

Result<v1::User> add_user(const AdminParts& parts, const v1::UserAddRequest& request) {
  TRY_ASSIGN(const auto key, fixed<32>(as_view(request.public_key()), "a public key"));
  TRY(crypto::check_public_key(key));
  const std::uint64_t now = parts.runtime.now_ms();
  const std::uint64_t until = request.valid_until_ms() != 0 ? request.valid_until_ms() : now + kYearMs;
  Draft draft;
  draft.event = Event::kKeyAdded;
  draft.slots = {protocol::slot_bytes(0, SlotType::kKey, key),
                 protocol::slot_number(1, SlotType::kEnum, request.role()),
                 protocol::slot_text(2, request.pseudonym()), protocol::slot_number(3, SlotType::kTime, now),
                 protocol::slot_number(4, SlotType::kTime, until)};
  Append append;
  append.drafts.push_back(std::move(draft));
  TRY(commit(parts.ledger, std::move(append)));
  v1::User user;
  user.set_pseudonym(request.pseudonym());
  user.set_role(request.role());
  user.set_key_id(to_string(protocol::key_id(key)));
  user.set_valid_from_ms(now);
  user.set_valid_until_ms(until);
  return user;
}

v1::UserListReply list_users(const AdminParts& parts) {
  v1::UserListReply reply;
  const auto registry = parts.ledger.registry();
  for (const protocol::RegisteredKey* key : registry->keys()) {
    v1::User& user = *reply.add_users();
    user.set_pseudonym(key->pseudonym);
    user.set_role(static_cast<std::uint32_t>(key->role));
    user.set_key_id(to_string(key->id));
    user.set_valid_from_ms(key->valid_from_ms);
    user.set_valid_until_ms(key->valid_until_ms);
    user.set_retired(key->gone_index.has_value());
  }
  return reply;
}

}  // namespace

Result<Appended> commit(Ledger& ledger, Append append) {
  auto answer = std::make_shared<std::promise<Result<Appended>>>();
  auto future = answer->get_future();
  ledger.append(std::move(append), [answer](Result<Appended> done) { answer->set_value(std::move(done)); });
  return future.get();
}

void add_admin_routes(Router& router, const AdminParts& parts) {
  router.add(admin_call<v1::StatusRequest, v1::StatusReply>(
      "Status", [&parts, started = parts.runtime.now_ms()](const auto&) { return status(parts, started); }));
  router.add(admin_call<v1::RecoverRequest, v1::Recovery>(
      "Recover", [](const v1::RecoverRequest&) -> Result<v1::Recovery> {
        return fail(Error{Code::kFailedPrecondition,
                          "this node serves: there is nothing to recover",
                          "recovery/serving",
                          {},
                          "tocsin status"});
      }));
  add_network_routes(router, parts);
  add_evidence_routes(router, parts);
  add_signal_routes(router, parts);
  add_case_routes(router, parts);
  router.add(admin_call<v1::UserAddRequest, v1::User>(
      "UserAdd", [&parts](const auto& request) { return add_user(parts, request); }));
  router.add(admin_call<v1::UserListRequest, v1::UserListReply>(
      "UserList", [&parts](const auto&) -> Result<v1::UserListReply> { return list_users(parts); }));
  router.add(admin_call<v1::RotateRequest, v1::RotateReply>(
      "Rotate", [&parts](const auto& request) { return parts.rotate(request); }));
  router.add(admin_call<v1::ExportRequest, v1::ExportReply>(
      "Export", [&parts](const auto& request) { return parts.export_bundle(request); }));
  router.add(admin_call<v1::BackupRequest, v1::BackupReply>(
      "Backup", [&parts](const auto& request) { return parts.backup(request); }));
  router.add(
      admin_call<v1::FsckRequest, v1::FsckReply>("Fsck", [&parts](const auto&) { return parts.fsck(); }));
  router.add(admin_call<v1::TokenRequest, v1::TokenReply>(
      "Token", [&parts](const auto& request) -> Result<v1::TokenReply> {
        Secret<32> entropy;
        parts.runtime.fill_random(entropy.expose_mutable());
        v1::TokenReply reply;
        TRY_ASSIGN(*reply.mutable_token(),
                   parts.tokens.add(request.name(), {Scope::kMatch, Scope::kMetrics}, entropy));
        return reply;
      }));
}

}  // namespace tocsin::node
