#include "node/http/admin_routes.h"

#include <future>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "node/config/config.h"
#include "node/http/calls.h"
#include "node/http/problem.h"
#include "protocol/identity/ids.h"
#include "protocol/identity/invitation.h"
#include "protocol/process/registry.h"
#include "protocol/signal/pdq.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using protocol::SlotType;

constexpr std::uint64_t kYearMs = 365ULL * 24 * 3600 * 1000;
constexpr std::uint64_t kInvitationDefaultMs = 48ULL * 3600 * 1000;

Result<v1::RecordReply> record(Ledger& ledger, Append append) {
  TRY_ASSIGN(const Appended done, commit(ledger, std::move(append)));
  v1::RecordReply reply;
  reply.set_index(done.first_index);
  reply.set_count(done.count);
  reply.set_ledger_size(ledger.size());
  reply.set_checkpoint(*done.checkpoint);
  return reply;
}

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
  info.set_certificate_until_ms(descriptor.message().valid_until_ms());
  info.set_descriptor_sequence(descriptor.message().sequence());
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

Result<v1::StatusReply> status(const AdminParts& parts, std::uint64_t started_ms) {
  v1::StatusReply reply;
  const auto descriptor = parts.descriptor();
  const LedgerHead head = parts.ledger.head();
  reply.set_name(descriptor.name());
  reply.set_fingerprint(protocol::print_fingerprint(descriptor.fingerprint()));
  reply.set_software("tocsin/0.1.0");
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
    if (row.standing() != v1::PEER_ACTIVE) continue;
    reply.set_peers_active(reply.peers_active() + 1);
    TRY_ASSIGN(const Hash id, fixed<32>(as_view(row.node()), "peer"));
    const PeerProgress progress = parts.progress(id);
    if (progress.connected && progress.held == progress.head_size)
      reply.set_peers_in_sync(reply.peers_in_sync() + 1);
  }
  TRY_ASSIGN(const auto waiting, parts.signals.queue(1000));
  reply.set_awaiting_review(static_cast<std::uint64_t>(waiting.signals_size()));
  return reply;
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

Result<v1::SubmitReply> submit(const AdminParts& parts, const v1::SubmitRequest& request) {
  TRY_ASSIGN(Signals::Submission submission, parts.signals.submit(request));
  v1::SubmitReply reply = std::move(submission.reply);
  if (!submission.append.drafts.empty()) {
    TRY_ASSIGN(const Appended done, commit(parts.ledger, std::move(submission.append)));
    std::uint64_t index = done.first_index;
    for (v1::SubmitItem& item : *reply.mutable_items())
      if (item.outcome() == v1::SubmitItem::NEW) item.set_index(index++);
    reply.set_checkpoint(*done.checkpoint);
  }
  reply.set_ledger_size(parts.ledger.size());
  return reply;
}

Result<v1::MatchReply> match(const AdminParts& parts, const v1::MatchRequest& request) {
  parts.metrics.match_queries.add(static_cast<std::uint64_t>(request.queries_size()));
  TRY_ASSIGN(v1::MatchReply reply, parts.signals.match(request));
  for (const v1::MatchResult& result : reply.results())
    if (!result.hits().empty()) parts.metrics.match_hits.add();
  return reply;
}

Result<v1::HashFileReply> hash_file(const AdminParts& parts, const std::string& body) {
  TRY_ASSIGN(const MediaHashes hashes, parts.media.hash(as_view(body)));
  parts.metrics.media_hashed.add();
  v1::HashFileReply reply;
  reply.set_sha256(to_string(hashes.digests.sha256));
  reply.set_md5(to_string(hashes.digests.md5));
  if (hashes.image) {
    reply.set_pdq(protocol::pdq_to_hex(hashes.image->pdq));
    reply.set_quality(hashes.image->quality);
    reply.set_format(std::string(image_format_name(hashes.image->image.format)));
    reply.set_width(hashes.image->image.width);
    reply.set_height(hashes.image->image.height);
  } else if (!hashes.image_error.empty()) {
    parts.metrics.media_refused.add();
  }
  return reply;
}

Result<v1::MatchReply> match_file(const AdminParts& parts, const std::string& body) {
  TRY_ASSIGN(const v1::HashFileReply hashes, hash_file(parts, body));
  v1::MatchRequest request;
  const auto ask = [&](const char* type, std::string value, std::uint32_t quality) {
    v1::MatchQuery& query = *request.add_queries();
    query.set_type(type);
    query.set_value(std::move(value));
    query.set_quality(quality);
  };
  ask("sha256", hex_encode(as_view(hashes.sha256())), 0);
  ask("md5", hex_encode(as_view(hashes.md5())), 0);
  if (!hashes.pdq().empty()) ask("pdq", hashes.pdq(), hashes.quality());
  return match(parts, request);
}

template <typename Out>
Route file_call(const std::string& name, std::function<Result<Out>(const std::string& body)> call) {
  return {"POST", "/admin/v1/" + name, Scope::kOperator,
          [call = std::move(call)](const Request& request) {
            const Result<Out> out = call(request.body);
            return out ? protobuf_reply(*out) : problem(out.error());
          },
          kUploadBytesMax};
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
                                            : parts.members.resume(request.peer(), request.reason()));
          TRY(commit(parts.ledger, std::move(append)));
          TRY_ASSIGN(const auto row, parts.members.find(request.peer()));
          TRY_ASSIGN(const Hash id, fixed<32>(as_view(row.node()), "peer"));
          if (suspend) parts.drop_links(id);
          return peer_info(parts, row, false);
        }));
  }
}

void add_signal_calls(Router& router, const AdminParts& parts) {
  router.add(admin_call<v1::SubmitRequest, v1::SubmitReply>(
      "Submit", [&parts](const auto& request) { return submit(parts, request); }));
  router.add(admin_call<v1::SignalRequest, v1::SignalView>(
      "SignalShow", [&parts](const auto& request) { return parts.signals.view(request.id()); }));
  router.add(admin_call<v1::SignalListRequest, v1::SignalListReply>(
      "SignalList", [&parts](const auto& request) { return parts.signals.list(request); }));
  router.add(admin_call<v1::SignalRequest, v1::HistoryReply>(
      "History", [&parts](const auto& request) { return parts.signals.history(request.id()); }));
  router.add(admin_call<v1::SubjectRequest, v1::SubjectReply>(
      "Subject", [&parts](const auto& request) { return parts.signals.subject(request); }));
  router.add(admin_call<v1::QueueRequest, v1::SignalListReply>(
      "Queue", [&parts](const auto& request) { return parts.signals.queue(request.limit()); }));
  const auto recorded = [&](const std::string& name, auto draft) {
    using In = std::decay_t<decltype(draft.second)>;
    router.add(admin_call<In, v1::RecordReply>(
        name, [&parts, make = draft.first](const In& request) -> Result<v1::RecordReply> {
          TRY_ASSIGN(Append append, (parts.signals.*make)(request));
          return record(parts.ledger, std::move(append));
        }));
  };
  recorded("Attested", std::pair(&Signals::attested, v1::AttestedRequest()));
  recorded("Publish", std::pair(&Signals::publish, v1::PublishRequest()));
  recorded("Retract", std::pair(&Signals::retract, v1::RetractRequest()));
  router.add(admin_call<v1::MatchRequest, v1::MatchReply>(
      "Match", [&parts](const auto& request) { return match(parts, request); }));
  router.add(file_call<v1::MatchReply>(
      "MatchFile", [&parts](const std::string& body) { return match_file(parts, body); }));
  router.add(file_call<v1::HashFileReply>(
      "HashFile", [&parts](const std::string& body) { return hash_file(parts, body); }));
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
  add_network_calls(router, parts);
  add_peer_calls(router, parts);
  add_signal_calls(router, parts);
  router.add(admin_call<v1::UserAddRequest, v1::User>(
      "UserAdd", [&parts](const auto& request) { return add_user(parts, request); }));
  router.add(admin_call<v1::UserListRequest, v1::UserListReply>(
      "UserList", [&parts](const auto&) -> Result<v1::UserListReply> { return list_users(parts); }));
  router.add(admin_call<v1::RotateRequest, v1::RotateReply>(
      "Rotate", [&parts](const auto& request) { return parts.rotate(request.key()); }));
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

void add_api_routes(Router& router, const AdminParts& parts) {
  router.add({"POST", "/v1/match", Scope::kMatch,
              [&parts](const Request& request) {
                if (has_media_type(request, "application/json")) {
                  v1::MatchRequest queries;
                  if (const Status read = read_json(request, queries); !read) return problem(read.error());
                  const auto reply = match(parts, queries);
                  return reply ? json_reply(*reply) : problem(reply.error());
                }
                const auto reply = match_file(parts, request.body);
                return reply ? json_reply(*reply) : problem(reply.error());
              },
              kUploadBytesMax});
}

}  // namespace tocsin::node
