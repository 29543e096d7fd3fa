#include "node/peer/kept_ledgers.h"

#include <algorithm>

#include "node/peer/feed_owner.h"
#include "protocol/feed/opening.h"
#include "protocol/identity/descriptor.h"
#include "storage/witness_store.h"
#include "tocsin/v1/record.pb.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::node {
namespace {

constexpr std::uint64_t kLeavesMax = 4096;
constexpr std::size_t kOpeningsAtOnce = 256;

Result<std::uint64_t> leaves_of(const v1::PeerCursor& cursor) {
  if (cursor.range().empty()) return std::uint64_t{0};
  TRY_ASSIGN(const auto range, protocol::CompactRange::parse(as_view(cursor.range())));
  return range.size();
}

}  // namespace

// Two notes that the owner signed: of what we hold, and of what we vouched for as a witness, which may be
// further.
Status KeptLedgers::add_checkpoints(const Hash& owner, v1::HeldReply& reply) const {
  TRY_ASSIGN(const v1::PeerCursor cursor, peers_.cursor(owner));
  TRY_ASSIGN(const std::uint64_t size, leaves_of(cursor));
  reply.set_size(size);
  if (!cursor.checkpoint().empty()) reply.add_checkpoints(cursor.checkpoint());
  TRY_ASSIGN(const auto row, peers_.get(owner));
  const auto descriptor =
      row ? protocol::parse_descriptor(row->signed_descriptor()) : fail(Code::kNotFound, "no such peer");
  if (!descriptor) return {};
  TRY_ASSIGN(const auto cosigned, storage::WitnessStore(store_).seen(descriptor->message().log_origin()));
  if (cosigned && *cosigned != cursor.checkpoint()) reply.add_checkpoints(*cosigned);
  return {};
}

Status KeptLedgers::add_heads(const Hash& owner, v1::HeldReply& reply) const {
  TRY_ASSIGN(const auto rows, peers_.list());
  for (const v1::PeerRow& row : rows) {
    TRY_ASSIGN(const Hash peer, fixed<32>(as_view(row.node()), "a peer's fingerprint"));
    if (peer == owner || row.standing() != v1::PEER_ACTIVE) continue;
    *reply.add_members() = row.signed_descriptor();
    TRY_ASSIGN(const v1::PeerCursor cursor, peers_.cursor(peer));
    if (!cursor.checkpoint().empty()) reply.add_heads(cursor.checkpoint());
  }
  return {};
}

Status KeptLedgers::add_page(const Hash& owner, const v1::HeldRequest& request, v1::HeldReply& reply) const {
  const std::size_t target = std::clamp(request.max_bytes(), kPageTargetMin, kPageTargetMax);
  const std::uint64_t most = std::min(
      {reply.size() - request.from(), kLeavesMax, static_cast<std::uint64_t>(target / protocol::kLeafBytes)});
  TRY_ASSIGN(Bytes leaves, peers_.leaves(owner, request.from(), most));
  std::uint64_t end = request.from() + leaves.size() / protocol::kLeafBytes;
  v1::Openings openings;
  std::size_t bytes = 0;
  for (std::uint64_t next = request.from(); next < end && !request.envelope_key().empty();) {
    TRY_ASSIGN(auto more, peers_.openings(owner, next, kOpeningsAtOnce));
    next = end;
    for (v1::Opening& opening : more) {
      if (opening.index() >= end) break;
      bytes += opening.ByteSizeLong() + protocol::kLeafBytes;
      next = opening.index() + 1;
      // The page ends before what would not fit, but not before its first record.
      if (bytes > target && opening.index() > request.from()) {
        end = opening.index();
        break;
      }
      *openings.add_openings() = std::move(opening);
    }
    if (more.size() < kOpeningsAtOnce) break;
  }
  leaves.resize((end - request.from()) * protocol::kLeafBytes);
  reply.set_from(request.from());
  reply.set_leaves(to_string(leaves));
  if (request.envelope_key().empty()) return {};
  TRY_ASSIGN(const auto recipient, fixed<32>(as_view(request.envelope_key()), "an envelope key"));
  Secret<32> key, entropy;
  crypto::SealNonce nonce;
  runtime_.fill_random(key.expose_mutable());
  runtime_.fill_random(entropy.expose_mutable());
  runtime_.fill_random(nonce);
  TRY_ASSIGN(*reply.mutable_page(),
             protocol::seal_page({self_, owner, request.from()}, recipient, openings, key, nonce, entropy));
  return {};
}

Result<v1::HeldReply> KeptLedgers::held(const Hash& owner, const v1::HeldRequest& request) const {
  if (!request.envelope_key().empty() && request.envelope_key().size() != 32)
    return fail(Code::kInvalidArgument, "an envelope key has 32 bytes", "peer/held");
  v1::HeldReply reply;
  TRY(add_checkpoints(owner, reply));
  if (request.heads()) TRY(add_heads(owner, reply));
  if (request.from() < reply.size()) TRY(add_page(owner, request, reply));
  return reply;
}

}  // namespace tocsin::node
