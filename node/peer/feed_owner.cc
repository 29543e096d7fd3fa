#include "node/peer/feed_owner.h"

#include <algorithm>

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

Status FeedOwner::add_openings(std::uint64_t index, const Reader& reader, v1::Openings& openings,
                               std::size_t& bytes) const {
  TRY_ASSIGN(const v1::SealedRecord record, ledger_.sealed(index));
  if (!entitled(record, reader)) return {};
  const auto add = [&](std::uint64_t at) -> Status {
    TRY_ASSIGN(v1::Opening opening, ledger_.opening(at));
    bytes += opening.ByteSizeLong();
    *openings.add_openings() = std::move(opening);
    return {};
  };
  for (const std::uint64_t earlier : record.attached()) TRY(add(earlier));
  return add(index);
}

Published FeedOwner::published(std::uint64_t from) const {
  if (published_) return published_(from);
  const LedgerHead head = ledger_.head();
  return {head.tree, head.checkpoint};
}

Result<v1::RecordsReply> FeedOwner::records(const Hash& caller, const v1::RecordsRequest& request) const {
  TRY_ASSIGN(const auto reader, reader_of(caller));
  if (!reader)
    return fail(Code::kPermissionDenied, "this node is not a member of our network", "peer/stranger");
  const Published head = published(request.from());
  const bool behind = head.tree.size < std::max(request.from(), request.known_size());
  if (!head.checkpoint || (behind && request.from() <= ledger_.size())) {
    v1::RecordsReply waiting;
    waiting.set_waiting_for_witnesses(true);
    return waiting;
  }
  const std::size_t target = std::clamp(request.max_bytes(), kPageTargetMin, kPageTargetMax);
  v1::Openings openings;
  std::size_t bytes = 0;
  std::uint64_t to = std::min(request.from(), head.tree.size);
  // Stops before what would not fit, but never before the first record: any page makes progress.
  while (to < head.tree.size && bytes < target && to - request.from() < protocol::kLeavesPerPageMax) {
    v1::Openings more;
    std::size_t more_bytes = protocol::kLeafBytes;
    TRY(add_openings(to, *reader, more, more_bytes));
    const auto count = static_cast<std::size_t>(openings.openings_size() + more.openings_size());
    if (to > request.from() && (bytes + more_bytes > target || count > protocol::kOpeningsPerPageMax)) break;
    bytes += more_bytes;
    openings.MergeFrom(more);
    ++to;
  }
  // An earlier record attached twice (two publications in one page) travels once.
  auto* list = openings.mutable_openings();
  std::sort(list->begin(), list->end(),
            [](const v1::Opening& a, const v1::Opening& b) { return a.index() < b.index(); });
  list->erase(std::unique(list->begin(), list->end(),
                          [](const v1::Opening& a, const v1::Opening& b) { return a.index() == b.index(); }),
              list->end());

  protocol::TileNodes tiles(head.tree.size, ledger_.log().tiles());
  protocol::PageSource source;
  source.size = head.tree.size;
  source.checkpoint = *head.checkpoint;
  source.leaf = [this](std::uint64_t index) { return ledger_.leaf(index); };
  source.nodes = tiles.nodes();
  TRY_ASSIGN(v1::RecordsReply reply, protocol::make_page(request, to, source));
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
