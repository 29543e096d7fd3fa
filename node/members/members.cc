#include "node/members/members.h"

#include <algorithm>

#include "crypto/hash.h"
#include "node/ledger/changes.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using protocol::slot_bytes;
using protocol::slot_hashes;
using protocol::slot_number;
using protocol::slot_text;
using protocol::SlotType;

const Bytes kNetworkKey = to_bytes(as_view("network"));
const Bytes kJoinKey = to_bytes(as_view("join"));

Bytes invitation_key(ByteView id) {
  Bytes key = to_bytes(as_view("invitation/"));
  append(key, id);
  return key;
}

template <typename Row>
Result<std::optional<Row>> read_row(const storage::Store& store, ByteView key) {
  TRY_ASSIGN(const auto bytes, store.get(storage::Family::kMeta, key));
  if (!bytes) return std::optional<Row>();
  Row row;
  if (!row.ParseFromString(*bytes))
    return fail(Code::kDataLoss, "a stored row does not parse", "storage/meta");
  return std::optional<Row>(std::move(row));
}

template <typename Row>
void put_row(Changes& changes, ByteView key, const Row& row) {
  changes.batch().put(storage::Family::kMeta, key, as_view(row.SerializeAsString()));
}

Draft node_draft(Event event, std::vector<protocol::SlotValue> slots) {
  Draft draft;
  draft.event = event;
  draft.slots = std::move(slots);
  return draft;
}

v1::PeerRow peer_row(const protocol::ValidDescriptor& descriptor, v1::PeerStanding standing,
                     std::string reason, std::uint64_t now_ms) {
  v1::PeerRow row;
  row.set_node(to_string(descriptor.fingerprint()));
  *row.mutable_signed_descriptor() = descriptor.signed_form();
  row.set_standing(standing);
  row.set_reason(std::move(reason));
  row.set_since_ms(now_ms);
  return row;
}

Draft group_draft(const v1::NetworkRow& network, std::uint64_t epoch, std::vector<Hash> members,
                  const Hash& self) {
  return node_draft(
      Event::kGroupSet,
      {slot_bytes(0, SlotType::kHash, as_view(network.id())), slot_number(1, SlotType::kUint, epoch),
       slot_text(2, "network:" + network.name()), slot_hashes(3, std::move(members)),
       slot_bytes(protocol::kSlotOrigin, SlotType::kHash, self)});
}

Draft member_draft(const v1::SignedDescriptor& descriptor, const std::string& network_id,
                   unsigned confirmed_by) {
  return node_draft(
      Event::kMemberAdded,
      {slot_bytes(0, SlotType::kSigned, as_view(descriptor.SerializeAsString())),
       slot_bytes(1, SlotType::kHash, as_view(network_id)), slot_number(2, SlotType::kEnum, confirmed_by)});
}

v1::JoinReply refusal(std::string reason) {
  v1::JoinReply reply;
  reply.set_state(v1::JoinReply::REFUSED);
  reply.set_reason(std::move(reason));
  return reply;
}

v1::JoinReply standing_reply(const v1::NetworkRow& network, v1::PeerStanding standing) {
  v1::JoinReply reply;
  reply.set_state(standing == v1::PEER_ACTIVE ? v1::JoinReply::ACTIVE : v1::JoinReply::WAITING);
  reply.set_network_id(network.id());
  reply.set_network_name(network.name());
  return reply;
}

}  // namespace

Result<std::optional<v1::NetworkRow>> Members::network() const {
  return read_row<v1::NetworkRow>(store_, kNetworkKey);
}

Result<std::optional<v1::JoinRow>> Members::following() const {
  return read_row<v1::JoinRow>(store_, kJoinKey);
}

Result<Append> Members::create_network(const std::string& name, const std::string& charter) const {
  TRY_ASSIGN(const auto existing, network());
  if (existing)
    return fail(Code::kAlreadyExists, "this node already belongs to network " + existing->name(),
                "network/exists");
  if (name.empty() || name.size() > protocol::kNetworkNameMax)
    return fail(Code::kInvalidArgument, "a network's name has 1 to 64 bytes", "network/name");
  Bytes seed = to_bytes(as_view("tocsin1/network"));
  seed.push_back(0);
  append(seed, ledger_.self());
  FixedBytes<16> nonce;
  runtime_.fill_random(nonce);
  append(seed, nonce);
  v1::NetworkRow row;
  row.set_id(to_string(crypto::sha256(seed)));
  row.set_name(name);
  row.set_coordinator(to_string(ledger_.self()));
  Append out;
  out.drafts.push_back(
      node_draft(Event::kCharterVersion,
                 {slot_bytes(0, SlotType::kHash, as_view(row.id())), slot_text(1, name),
                  slot_number(2, SlotType::kUint, 1),
                  slot_text(3, charter.empty() ? "The rules of the protocol and no others." : charter),
                  slot_bytes(protocol::kSlotOrigin, SlotType::kHash, ledger_.self())}));
  out.drafts.push_back(group_draft(row, 1, {ledger_.self()}, ledger_.self()));
  out.effects = [row](Changes& changes) -> Status {
    put_row(changes, kNetworkKey, row);
    return {};
  };
  return out;
}

Result<Members::Invited> Members::invite(const std::string& peer_name, std::uint64_t valid_ms,
                                         const protocol::ValidDescriptor& self) const {
  TRY_ASSIGN(const auto row, network());
  if (!row)
    return fail(Error{Code::kFailedPrecondition,
                      "this node belongs to no network yet",
                      "network/none",
                      {},
                      "tocsin network create NAME"});
  if (row->coordinator() != to_string(ledger_.self()))
    return fail(Code::kPermissionDenied, "only the network's coordinator invites", "network/coordinator");
  TRY(protocol::check_node_name(peer_name));
  if (valid_ms == 0 || valid_ms > kInvitationHoursMax * 3600 * 1000)
    return fail(Code::kInvalidArgument, "an invitation is valid for at most 14 days", "network/invitation");
  Invited out;
  v1::Invitation& invitation = out.invitation;
  FixedBytes<16> secret;
  runtime_.fill_random(secret);
  invitation.set_network_name(row->name());
  invitation.set_network_id(row->id());
  invitation.set_inviter_name(self.name());
  invitation.set_inviter_address(self.message().address());
  invitation.set_inviter_root(to_string(self.fingerprint()));
  invitation.set_secret(to_string(secret));
  invitation.set_expires_ms(runtime_.now_ms() + valid_ms);
  invitation.set_invitee_name(peer_name);
  v1::InvitationRow stored;
  *stored.mutable_invitation() = invitation;
  out.append.effects = [stored, id = protocol::invitation_id(secret)](Changes& changes) -> Status {
    put_row(changes, invitation_key(id), stored);
    return {};
  };
  return out;
}

Members::Candidate Members::on_join(const v1::JoinRequest& request,
                                    const FixedBytes<32>& tls_exporter) const {
  // One answer for every unknown invitation: a stranger learns nothing by trying.
  const auto unknown = [] {
    return Candidate{std::nullopt, refusal("this invitation is unknown, used or expired")};
  };
  auto network_row = network();
  auto stored = read_row<v1::InvitationRow>(store_, invitation_key(as_view(request.invitation_id())));
  if (!network_row || !*network_row || !stored || !*stored) return unknown();
  v1::InvitationRow row = std::move(**stored);
  auto descriptor = protocol::parse_descriptor(request.signed_descriptor());
  if (!descriptor) return {std::nullopt, refusal(descriptor.error().message)};
  const Hash proof = protocol::join_proof(as_view(row.invitation().secret()), tls_exporter,
                                          as_view(request.signed_descriptor().body()));
  if (!equal_secret(proof, as_view(request.proof()))) return unknown();
  const std::string who = to_string(descriptor->fingerprint());
  if (row.used_by() == who) {
    auto peer = peers_.get(descriptor->fingerprint());
    if (!peer || !*peer) return unknown();
    return {std::nullopt, standing_reply(**network_row, (*peer)->standing())};
  }
  if (!row.used_by().empty() || row.invitation().expires_ms() <= runtime_.now_ms()) return unknown();
  if (row.invitation().invitee_name() != descriptor->name())
    return {std::nullopt, refusal("this invitation is for " + row.invitation().invitee_name())};
  row.set_used_by(who);
  Candidate out;
  out.reply = standing_reply(**network_row, v1::PEER_WAITING);
  out.append.emplace();
  out.append->effects = [row, id = to_bytes(as_view(request.invitation_id())),
                         peer = peer_row(*descriptor, v1::PEER_WAITING, "invited; not yet accepted",
                                         runtime_.now_ms())](Changes& changes) -> Status {
    put_row(changes, invitation_key(id), row);
    storage::PeerStore::put(changes.batch(), peer);
    return {};
  };
  return out;
}

Result<Append> Members::accept(const std::string& peer, const Hash& fingerprint,
                               unsigned confirmed_by) const {
  TRY_ASSIGN(v1::PeerRow row, find(peer));
  if (row.node() != to_string(fingerprint))
    return fail(
        Error{Code::kFailedPrecondition, "the key of " + peer + " is not the one you confirmed",
              "network/fingerprint",
              "it came with " + protocol::print_fingerprint(*fixed<32>(as_view(row.node()), "fingerprint")),
              "ask again over another channel; if it differs, somebody is in between"});
  if (row.standing() != v1::PEER_WAITING)
    return fail(Code::kAlreadyExists, peer + " is not waiting to be accepted", "network/accepted");
  TRY_ASSIGN(const auto network_row, network());
  if (!network_row) return fail(Code::kFailedPrecondition, "this node belongs to no network", "network/none");
  const auto registry = ledger_.registry();
  TRY_ASSIGN(const Hash group, fixed<32>(as_view(network_row->id()), "network id"));
  const protocol::GroupEpoch* now = registry->current_group(group);
  if (now == nullptr)
    return fail(Code::kDataLoss, "the network's group is not in the ledger", "network/group");
  std::vector<Hash> members = now->members;
  members.push_back(fingerprint);
  row.set_standing(v1::PEER_ACTIVE);
  row.clear_reason();
  row.set_since_ms(runtime_.now_ms());
  Append out;
  out.drafts.push_back(member_draft(row.signed_descriptor(), network_row->id(), confirmed_by));
  out.drafts.push_back(group_draft(*network_row, now->epoch + 1, std::move(members), ledger_.self()));
  out.effects = [row](Changes& changes) -> Status {
    storage::PeerStore::put(changes.batch(), row);
    return {};
  };
  return out;
}

Result<Append> Members::follow(const v1::Invitation& invitation, unsigned confirmed_by) const {
  TRY_ASSIGN(const auto existing, network());
  if (existing)
    return fail(Code::kAlreadyExists, "this node already belongs to network " + existing->name(),
                "network/exists");
  if (invitation.expires_ms() <= runtime_.now_ms())
    return fail(Error{Code::kFailedPrecondition,
                      "this invitation has expired",
                      "network/invitation",
                      {},
                      "ask " + invitation.inviter_name() + " for a new one"});
  v1::JoinRow row;
  *row.mutable_invitation() = invitation;
  row.set_confirmed_by(confirmed_by);
  Append out;
  out.effects = [row](Changes& changes) -> Status {
    put_row(changes, kJoinKey, row);
    return {};
  };
  return out;
}

Result<Append> Members::answered(const v1::JoinRow& row, const v1::JoinReply& reply,
                                 const protocol::ValidDescriptor& inviter) const {
  v1::JoinRow next = row;
  Append out;
  if (reply.state() != v1::JoinReply::ACTIVE) {
    next.set_answer(reply.state() == v1::JoinReply::WAITING ? "waiting" : reply.reason());
    out.effects = [next](Changes& changes) -> Status {
      put_row(changes, kJoinKey, next);
      return {};
    };
    return out;
  }
  if (to_string(inviter.fingerprint()) != row.invitation().inviter_root())
    return fail(Code::kUnauthenticated, "whoever answered is not the inviter", "network/fingerprint");
  next.set_answer("active");
  v1::NetworkRow joined;
  joined.set_id(row.invitation().network_id());
  joined.set_name(row.invitation().network_name());
  joined.set_coordinator(row.invitation().inviter_root());
  out.drafts.push_back(member_draft(inviter.signed_form(), joined.id(), row.confirmed_by()));
  out.effects = [next, joined, peer = peer_row(inviter, v1::PEER_ACTIVE, {}, runtime_.now_ms())](
                    Changes& changes) -> Status {
    put_row(changes, kJoinKey, next);
    put_row(changes, kNetworkKey, joined);
    storage::PeerStore::put(changes.batch(), peer);
    return {};
  };
  return out;
}

Append Members::standing_append(v1::PeerRow row, const std::string& reason, bool suspended) const {
  row.set_standing(suspended ? v1::PEER_SUSPENDED : v1::PEER_ACTIVE);
  row.set_reason(suspended ? reason : "");
  row.set_since_ms(runtime_.now_ms());
  Append out;
  out.correction = true;
  out.drafts.push_back(
      node_draft(suspended ? Event::kPeerSuspended : Event::kPeerResumed,
                 {slot_bytes(0, SlotType::kHash, as_view(row.node())), slot_text(1, reason)}));
  out.effects = [row, suspended](Changes& changes) -> Status {
    TRY_ASSIGN(const Hash node, fixed<32>(as_view(row.node()), "a stored fingerprint"));
    if (suspended && changes.registry().quarantined(node))
      return fail(Code::kFailedPrecondition, "the peer is in quarantine", "peer/standing");
    storage::PeerStore::put(changes.batch(), row);
    return {};
  };
  return out;
}

Result<Append> Members::suspend(const std::string& peer, const std::string& reason) const {
  TRY_ASSIGN(v1::PeerRow row, find(peer));
  if (row.standing() != v1::PEER_ACTIVE)
    return fail(Code::kFailedPrecondition, peer + " is not active", "peer/standing");
  return standing_append(std::move(row), reason, true);
}

Result<Append> Members::resume(const std::string& peer, const std::string& reason,
                               bool despite_evidence) const {
  TRY_ASSIGN(v1::PeerRow row, find(peer));
  const bool quarantined = row.standing() == v1::PEER_QUARANTINED;
  if (quarantined && !despite_evidence)
    return fail(Error{Code::kFailedPrecondition, peer + " is in quarantine: " + row.reason(),
                      "peer/quarantined", "the proof is in this node's ledger (tocsin ledger evidence list)",
                      "add --despite-evidence, which is recorded with your reason"});
  if (!quarantined && row.standing() != v1::PEER_SUSPENDED)
    return fail(Code::kFailedPrecondition, peer + " is not suspended", "peer/standing");
  return standing_append(std::move(row), reason, false);
}

Result<v1::PeerRow> Members::find(const std::string& peer) const {
  TRY_ASSIGN(auto rows, peers_.list());
  std::optional<v1::PeerRow> found;
  for (v1::PeerRow& row : rows) {
    const auto descriptor = protocol::parse_descriptor(row.signed_descriptor());
    if (!descriptor) continue;
    const std::string printed = protocol::print_fingerprint(descriptor->fingerprint());
    if (descriptor->name() == peer || printed == peer) return std::move(row);
    if (peer.empty() || (!descriptor->name().starts_with(peer) && !printed.starts_with(peer))) continue;
    if (found)
      return fail(Code::kInvalidArgument, "\"" + peer + "\" fits more than one peer", "peer/ambiguous");
    found = std::move(row);
  }
  if (!found)
    return fail(
        Error{Code::kNotFound, "no peer is called \"" + peer + "\"", "peer/unknown", {}, "tocsin peer list"});
  return std::move(*found);
}

Append Members::learned(const v1::PeerRow& row, const protocol::ValidDescriptor& descriptor) const {
  v1::PeerRow next = row;
  *next.mutable_signed_descriptor() = descriptor.signed_form();
  Append out;
  out.effects = [next, node = descriptor.fingerprint()](Changes& changes) -> Status {
    // Its standing may have changed since the row was read.
    TRY_ASSIGN(const auto now, storage::PeerStore(changes.store()).get(node));
    v1::PeerRow learned = now.value_or(next);
    *learned.mutable_signed_descriptor() = next.signed_descriptor();
    if (changes.registry().quarantined(node)) learned.set_standing(v1::PEER_QUARANTINED);
    storage::PeerStore::put(changes.batch(), learned);
    return {};
  };
  return out;
}

Status Members::restore_rows(storage::Batch& batch, const storage::Store& store,
                             const protocol::Registry& registry, const Hash& self, std::uint64_t since_ms) {
  const storage::PeerStore peers(store);
  for (const protocol::Member* member : registry.members()) {
    const Hash node = member->descriptor.fingerprint();
    if (node == self) continue;
    TRY_ASSIGN(const auto row, peers.get(node));
    const bool suspended = registry.suspended(node);
    const v1::PeerStanding standing = suspended ? v1::PEER_SUSPENDED : v1::PEER_ACTIVE;
    if (row && (row->standing() == standing || row->standing() == v1::PEER_REMOVED ||
                row->standing() == v1::PEER_REFUSED))
      continue;
    v1::PeerRow next = row ? *row : peer_row(member->descriptor, standing, {}, since_ms);
    next.set_standing(standing);
    next.set_since_ms(since_ms);
    next.set_reason(suspended ? registry.suspended_peers().at(node) : std::string());
    storage::PeerStore::put(batch, next);
  }
  TRY_ASSIGN(const auto known, read_row<v1::NetworkRow>(store, kNetworkKey));
  if (known || registry.charters().empty()) return {};
  const protocol::CharterVersion* charter = registry.charters().front();
  v1::NetworkRow network;
  network.set_id(to_string(charter->network));
  network.set_name(charter->name);
  network.set_coordinator(to_string(charter->coordinator));
  batch.put(storage::Family::kMeta, kNetworkKey, as_view(network.SerializeAsString()));
  return {};
}

Status Members::add_rows(Changes& changes, const std::vector<Draft>& mirrored, std::uint64_t now_ms) {
  const storage::PeerStore peers(changes.store());
  for (const Draft& draft : mirrored) {
    if (draft.event != Event::kMemberAdded) continue;
    TRY_ASSIGN(const auto descriptor, protocol::parse_descriptor(draft.slots.front().value));
    TRY_ASSIGN(const auto existing, peers.get(descriptor.fingerprint()));
    if (!existing)
      storage::PeerStore::put(changes.batch(), peer_row(descriptor, v1::PEER_ACTIVE, {}, now_ms));
  }
  return {};
}

}  // namespace tocsin::node
