// The operator's calls about the network and its peers.
#include "crypto/hash.h"
#include "node/http/admin_routes.h"
#include "node/http/calls.h"
#include "protocol/identity/ids.h"
#include "protocol/identity/invitation.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
namespace {

constexpr std::uint64_t kInvitationDefaultMs = 48ULL * 3600 * 1000;

std::string standing_name(v1::PeerStanding standing) {
  switch (standing) {
    case v1::PEER_WAITING:
      return "waiting";
    case v1::PEER_ACTIVE:
      return "active";
    case v1::PEER_SUSPENDED:
      return "suspended";
    case v1::PEER_REMOVED:
      return "removed";
    case v1::PEER_REFUSED:
      return "refused";
    case v1::PEER_QUARANTINED:
      return "quarantined";
    default:
      return "unknown";
  }
}

Result<v1::PeerInfo> peer_info(const AdminParts& parts, const v1::PeerRow& row, bool evidence) {
  TRY_ASSIGN(const auto descriptor, protocol::parse_descriptor(row.signed_descriptor()));
  const PeerProgress progress = parts.progress(descriptor.fingerprint());
  v1::PeerInfo info;
  info.set_name(descriptor.name());
  info.set_fingerprint(protocol::print_fingerprint(descriptor.fingerprint()));
  info.set_address(descriptor.message().address());
  info.set_state(standing_name(row.standing()));
  info.set_entries(progress.held);
  info.set_head_size(progress.head_size);
  info.set_last_sync_ms(progress.last_sync_ms);
  info.set_last_error(progress.last_error);
  info.set_connected(progress.connected);
  info.set_reason(row.reason());
  info.set_last_refusal_ms(progress.last_refusal_ms);
  info.set_last_refusal(progress.last_refusal);
  info.set_notice(progress.notice);
  info.set_certificate_until_ms(descriptor.message().valid_until_ms());
  info.set_descriptor_sequence(descriptor.message().sequence());
  if (parts.gossip != nullptr) info.set_alarm(parts.gossip->alarm_of(descriptor.fingerprint()));
  if (!evidence) return info;
  TRY_ASSIGN(const auto kept, storage::PeerStore(parts.store).evidence(descriptor.fingerprint()));
  for (const v1::Evidence& one : kept) {
    v1::PeerEvidence& shown = *info.add_evidence();
    shown.set_time_ms(one.at_ms());
    shown.set_kind(one.rule());
    shown.set_text(one.message());
    shown.set_index(one.index());
    Bytes exhibits;
    for (const std::string& exhibit : one.exhibits()) append(exhibits, as_view(exhibit));
    shown.set_digest(to_string(crypto::sha256(exhibits)));
  }
  return info;
}

Result<v1::Network> network_view(const AdminParts& parts) {
  TRY_ASSIGN(const auto row, parts.members.network());
  if (!row)
    return fail(Error{Code::kNotFound,
                      "this node belongs to no network",
                      "network/none",
                      {},
                      "tocsin network create NAME, or tocsin network join INVITATION"});
  const auto registry = parts.ledger.registry();
  v1::Network network;
  network.set_name(row->name());
  network.set_id(row->id());
  network.set_group(row->id());
  TRY_ASSIGN(const Hash id, fixed<32>(as_view(row->id()), "network id"));
  TRY_ASSIGN(const Hash coordinator, fixed<32>(as_view(row->coordinator()), "coordinator"));
  const auto name_of = [&](const Hash& node) {
    if (node == parts.ledger.self()) return registry->self()->name();
    const protocol::Member* member = registry->member(node);
    return member != nullptr ? member->descriptor.name() : protocol::print_fingerprint(node);
  };
  network.set_coordinator(name_of(coordinator));
  if (const auto* charter = registry->charter(id)) network.set_charter(charter->text);
  if (const auto* group = registry->current_group(id)) {
    network.set_group_epoch(group->epoch);
    for (const Hash& member : group->members) network.add_members(name_of(member));
  }
  return network;
}

Result<v1::JoinNetworkReply> join(const AdminParts& parts, const v1::JoinNetworkRequest& request) {
  v1::JoinNetworkReply reply;
  reply.set_own_fingerprint(protocol::print_fingerprint(parts.ledger.self()));
  TRY_ASSIGN(auto following, parts.members.following());
  TRY_ASSIGN(const auto network, parts.members.network());
  if (!request.token().empty() && !network) {
    TRY_ASSIGN(const v1::Invitation invitation, protocol::parse_invitation(request.token()));
    TRY_ASSIGN(const Hash confirmed, protocol::parse_fingerprint(request.fingerprint()));
    if (to_string(confirmed) != invitation.inviter_root())
      return fail(Error{Code::kFailedPrecondition,
                        "the invitation is from another key than the one you confirmed",
                        "network/fingerprint",
                        {},
                        "ask the inviter to read their fingerprint again"});
    const bool same = following && following->invitation().secret() == invitation.secret();
    if (!same) {
      TRY_ASSIGN(Append append, parts.members.follow(invitation, request.confirmed_by()));
      TRY(commit(parts.ledger, std::move(append)));
      TRY_ASSIGN(following, parts.members.following());
      parts.ask_inviter();
    }
  }
  if (network) {
    reply.set_state("active");
  } else if (!following) {
    return fail(Code::kNotFound, "this node follows no invitation", "network/none");
  } else if (following->answer().empty() || following->answer() == "waiting") {
    reply.set_state(following->answer().empty() ? "connecting" : "waiting");
    if (following->answer().empty()) reply.set_reason(parts.join_trouble());
  } else {
    reply.set_state("refused");
    reply.set_reason(following->answer());
  }
  return reply;
}

void add_network_calls(Router& router, const AdminParts& parts) {
  router.add(admin_call<v1::NetworkCreateRequest, v1::Network>(
      "NetworkCreate", [&parts](const auto& request) -> Result<v1::Network> {
        TRY_ASSIGN(Append append, parts.members.create_network(request.name(), request.charter()));
        TRY(commit(parts.ledger, std::move(append)));
        return network_view(parts);
      }));
  router.add(admin_call<v1::NetworkShowRequest, v1::Network>(
      "NetworkShow", [&parts](const auto&) { return network_view(parts); }));
  router.add(admin_call<v1::InviteRequest, v1::InviteReply>(
      "Invite", [&parts](const auto& request) -> Result<v1::InviteReply> {
        const std::uint64_t valid_ms =
            request.expires_s() != 0 ? request.expires_s() * 1000 : kInvitationDefaultMs;
        TRY_ASSIGN(Members::Invited invited,
                   parts.members.invite(request.peer_name(), valid_ms, parts.descriptor()));
        TRY(commit(parts.ledger, std::move(invited.append)));
        v1::InviteReply reply;
        TRY_ASSIGN(*reply.mutable_token(), protocol::print_invitation(invited.invitation));
        reply.set_fingerprint(protocol::print_fingerprint(parts.ledger.self()));
        reply.set_expires_ms(invited.invitation.expires_ms());
        return reply;
      }));
  router.add(admin_call<v1::JoinNetworkRequest, v1::JoinNetworkReply>(
      "Join", [&parts](const auto& request) { return join(parts, request); }));
  router.add(admin_call<v1::CandidatesRequest, v1::CandidatesReply>(
      "Candidates", [&parts](const auto&) -> Result<v1::CandidatesReply> {
        TRY_ASSIGN(const auto rows, parts.members.list());
        v1::CandidatesReply reply;
        for (const v1::PeerRow& row : rows) {
          if (row.standing() != v1::PEER_WAITING) continue;
          TRY_ASSIGN(const auto descriptor, protocol::parse_descriptor(row.signed_descriptor()));
          v1::Candidate& candidate = *reply.add_candidates();
          candidate.set_name(descriptor.name());
          candidate.set_fingerprint(protocol::print_fingerprint(descriptor.fingerprint()));
          candidate.set_address(descriptor.message().address());
        }
        return reply;
      }));
  router.add(admin_call<v1::AcceptRequest, v1::PeerInfo>(
      "Accept", [&parts](const auto& request) -> Result<v1::PeerInfo> {
        TRY_ASSIGN(const Hash fingerprint, protocol::parse_fingerprint(request.fingerprint()));
        TRY_ASSIGN(Append append,
                   parts.members.accept(request.peer(), fingerprint,
                                        request.confirmed_by() == 0 ? 2 : request.confirmed_by()));
        TRY(commit(parts.ledger, std::move(append)));
        TRY_ASSIGN(const auto row, parts.members.find(request.peer()));
        return peer_info(parts, row, false);
      }));
}

void add_peer_calls(Router& router, const AdminParts& parts) {
  router.add(admin_call<v1::PeerListRequest, v1::PeerListReply>(
      "PeerList", [&parts](const auto&) -> Result<v1::PeerListReply> {
        TRY_ASSIGN(const auto rows, parts.members.list());
        v1::PeerListReply reply;
        for (const v1::PeerRow& row : rows) {
          TRY_ASSIGN(*reply.add_peers(), peer_info(parts, row, false));
        }
        return reply;
      }));
  router.add(admin_call<v1::PeerRequest, v1::PeerInfo>(
      "PeerShow", [&parts](const auto& request) -> Result<v1::PeerInfo> {
        TRY_ASSIGN(const auto row, parts.members.find(request.peer()));
        return peer_info(parts, row, true);
      }));
  for (const bool suspend : {true, false}) {
    router.add(admin_call<v1::PeerRequest, v1::PeerInfo>(
        suspend ? "PeerSuspend" : "PeerResume",
        [&parts, suspend](const auto& request) -> Result<v1::PeerInfo> {
          TRY_ASSIGN(Append append, suspend ? parts.members.suspend(request.peer(), request.reason())
                                            : parts.members.resume(request.peer(), request.reason(),
                                                                   request.despite_evidence()));
          TRY(commit(parts.ledger, std::move(append)));
          TRY_ASSIGN(const auto row, parts.members.find(request.peer()));
          TRY_ASSIGN(const Hash id, fixed<32>(as_view(row.node()), "peer"));
          if (suspend) parts.drop_links(id);
          return peer_info(parts, row, false);
        }));
  }
}

}  // namespace

void add_network_routes(Router& router, const AdminParts& parts) {
  add_network_calls(router, parts);
  add_peer_calls(router, parts);
}

}  // namespace tocsin::node
