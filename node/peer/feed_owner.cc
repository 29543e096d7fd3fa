#include "node/peer/feed_owner.h"

#include <algorithm>
#include <iterator>

#include "protocol/feed/page.h"
#include "protocol/log/tile.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
bool FeedOwner::entitled(const v1::SealedRecord& record, const Reader& reader) {
  if (record.members()) return true;
  return std::any_of(record.audience().begin(), record.audience().end(), [&](const std::string& group) {
    return std::find(reader.groups.begin(), reader.groups.end(), group) != reader.groups.end();
  });
}

Result<std::optional<FeedOwner::Reader>> FeedOwner::reader_of(const Hash& peer) const {
  TRY_ASSIGN(const auto row, members_.row(peer));
  if (!row || row->standing() != v1::PEER_ACTIVE) return std::optional<Reader>();
  Reader reader;
  TRY_ASSIGN(reader.envelope_key, envelope_key(peer, row->signed_descriptor()));
  const auto registry = ledger_.registry();
  for (const protocol::GroupEpoch* group : registry->current_groups())
    if (group->has_member(peer)) reader.groups.push_back(to_string(group->group));
  return std::optional(std::move(reader));
}

Result<crypto::KemPublicKey> FeedOwner::envelope_key(const Hash& peer,
                                                     const v1::SignedDescriptor& descriptor) const {
  const std::lock_guard lock(mu_);
  KnownKey& known = known_[peer];
  std::string bytes = descriptor.SerializeAsString();
  if (known.descriptor != bytes) {
    TRY_ASSIGN(const auto valid, protocol::parse_descriptor(descriptor));
    known = {std::move(bytes), valid.envelope_key()};
  }
  return known.key;
}

// One page's walk through the ledger: the records themselves, and the earlier ones that publications attach.
struct FeedOwner::Pass {
  const Reader& reader;
  std::uint64_t size;  // of the ledger
  storage::LogReader records;
  storage::LogReader attached;
  std::uint64_t to = 0;  // one past the page's last record
};

Status FeedOwner::add_openings(Pass& pass, std::uint64_t index, std::vector<v1::Opening>& openings) const {
  TRY_ASSIGN(const v1::SealedRecord record, pass.records.sealed(index));
  if (record.lost() || !entitled(record, pass.reader)) return {};
  for (const std::uint64_t earlier : record.attached()) {
    TRY_ASSIGN(openings.emplace_back(), ledger_.opening(pass.attached, earlier));
  }
  TRY_ASSIGN(openings.emplace_back(), ledger_.opening(pass.records, index));
  return {};
}

Status FeedOwner::fill(Pass& pass, const v1::RecordsRequest& request, v1::Openings& openings) const {
  const std::size_t target = std::clamp(request.max_bytes(), kPageTargetMin, kPageTargetMax);
  std::vector<v1::Opening> page, more;
  std::size_t bytes = 0;
  pass.to = std::min(request.from(), pass.size);
  // Stops before what would not fit, but never before the first record: any page makes progress.
  for (; pass.to < pass.size && bytes < target && pass.to - request.from() < protocol::kLeavesPerPageMax;
       ++pass.to) {
    more.clear();
    TRY(add_openings(pass, pass.to, more));
    std::size_t more_bytes = protocol::kLeafBytes;
    for (const v1::Opening& opening : more) more_bytes += opening.ByteSizeLong();
    if (pass.to > request.from() &&
        (bytes + more_bytes > target || page.size() + more.size() > protocol::kOpeningsPerPageMax))
      break;
    bytes += more_bytes;
    std::move(more.begin(), more.end(), std::back_inserter(page));
  }
  // An earlier record attached twice (two publications in one page) travels once.
  std::sort(page.begin(), page.end(),
            [](const v1::Opening& a, const v1::Opening& b) { return a.index() < b.index(); });
  const auto end = std::unique(page.begin(), page.end(), [](const v1::Opening& a, const v1::Opening& b) {
    return a.index() == b.index();
  });
  for (auto it = page.begin(); it != end; ++it) *openings.add_openings() = std::move(*it);
  return {};
}

Published FeedOwner::published(std::uint64_t from, std::uint64_t known) const {
  if (published_) return published_(from, known);
  const LedgerHead head = ledger_.head();
  return {head.tree, head.checkpoint};
}

void FeedOwner::tell_descriptor(const v1::RecordsRequest& request, v1::RecordsReply& reply) const {
  if (!descriptor_) return;
  const protocol::ValidDescriptor mine = descriptor_();
  if (request.descriptor_sequence() < mine.message().sequence())
    *reply.mutable_signed_descriptor() = mine.signed_form();
}

// Those that the reader has not read yet.
void FeedOwner::tell_overrides(const v1::RecordsRequest& request, v1::RecordsReply& reply) const {
  const auto registry = ledger_.registry();
  for (const protocol::WitnessPolicy& policy : registry->witness_policies()) {
    if (policy.index < request.from() || policy.override_reason.empty()) continue;
    v1::PolicyOverride& told = *reply.add_policy_overrides();
    told.set_before(policy.overridden);
    told.set_after(policy.text);
    told.set_reason(policy.override_reason);
    told.set_signature(to_string(policy.override_signature));
  }
}

Result<v1::RecordsReply> FeedOwner::records(const Hash& caller, const v1::RecordsRequest& request) const {
  TRY_ASSIGN(const auto reader, reader_of(caller));
  if (!reader)
    return fail(Code::kPermissionDenied, "this node is not a member of our network", "peer/stranger");
  const Published head = published(request.from(), request.known_size());
  const bool behind = head.tree.size < std::max(request.from(), request.known_size());
  if (!head.checkpoint || (behind && request.from() <= ledger_.size())) {
    v1::RecordsReply waiting;
    waiting.set_waiting_for_witnesses(true);
    tell_descriptor(request, waiting);
    return waiting;
  }
  Pass pass{*reader, head.tree.size, ledger_.log().reader(), ledger_.log().reader()};
  v1::Openings openings;
  TRY(fill(pass, request, openings));

  protocol::TileNodes tiles(head.tree.size, ledger_.log().tiles());
  protocol::PageSource source;
  source.size = head.tree.size;
  source.checkpoint = *head.checkpoint;
  source.leaf = [&](std::uint64_t index) { return pass.records.leaf(index); };
  source.nodes = tiles.nodes();
  TRY_ASSIGN(v1::RecordsReply reply, protocol::make_page(request, pass.to, source));
  tell_descriptor(request, reply);
  tell_overrides(request, reply);
  Secret<32> key, entropy;
  crypto::SealNonce nonce;
  runtime_.fill_random(key.expose_mutable());
  runtime_.fill_random(entropy.expose_mutable());
  runtime_.fill_random(nonce);
  TRY_ASSIGN(*reply.mutable_page(), protocol::seal_page({ledger_.self(), caller, request.from()},
                                                        reader->envelope_key, openings, key, nonce, entropy));
  return reply;
}

}  // namespace tocsin::node
