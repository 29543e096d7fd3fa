#include "storage/peer_store.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "storage/keys.h"
#include "tocsin/v1/record.pb.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::storage {
namespace {

// Second part of a key in the peer family.
constexpr std::uint8_t kRow = 0;
constexpr std::uint8_t kCursor = 1;
using PeerKey = FixedBytes<33>;

tl::unexpected<Error> damaged(const char* what) {
  return fail(Code::kDataLoss, what, "storage/peer");
}

PeerKey peer_key(ByteView peer, std::uint8_t room) {
  CHECK_INVARIANT(peer.size() == 32);
  PeerKey key;
  std::copy(peer.begin(), peer.end(), key.begin());
  key[32] = room;
  return key;
}

template <typename Message>
Result<Message> parse(ByteView row, const char* what) {
  Message message;
  if (!message.ParseFromArray(row.data(), static_cast<int>(row.size()))) return damaged(what);
  return message;
}

}  // namespace

void PeerStore::put(Batch& batch, const v1::PeerRow& peer) {
  batch.put(Family::kPeer, peer_key(as_view(peer.node()), kRow), as_view(peer.SerializeAsString()));
}

Result<std::optional<v1::PeerRow>> PeerStore::get(const Hash& peer) const {
  TRY_ASSIGN(const auto row, store_.get(Family::kPeer, peer_key(peer, kRow)));
  if (!row) return std::optional<v1::PeerRow>();
  TRY_ASSIGN(auto parsed, parse<v1::PeerRow>(as_view(*row), "a peer's row does not parse"));
  return std::optional<v1::PeerRow>(std::move(parsed));
}

Result<std::vector<v1::PeerRow>> PeerStore::list() const {
  std::vector<v1::PeerRow> out;
  Cursor rows = store_.scan(Family::kPeer);
  for (; rows.valid(); rows.next()) {
    if (rows.key().size() != 33) return damaged("a peer's key has a wrong length");
    if (rows.key()[32] != kRow) continue;
    TRY_ASSIGN(auto parsed, parse<v1::PeerRow>(rows.value(), "a peer's row does not parse"));
    out.push_back(std::move(parsed));
  }
  TRY(rows.status());
  return out;
}

void PeerStore::put_cursor(Batch& batch, const Hash& peer, const v1::PeerCursor& cursor) {
  batch.put(Family::kPeer, peer_key(peer, kCursor), as_view(cursor.SerializeAsString()));
}

Result<v1::PeerCursor> PeerStore::cursor(const Hash& peer) const {
  TRY_ASSIGN(const auto row, store_.get(Family::kPeer, peer_key(peer, kCursor)));
  if (!row) {
    v1::PeerCursor empty;
    empty.set_range(to_string(protocol::CompactRange().encode()));
    return empty;
  }
  return parse<v1::PeerCursor>(as_view(*row), "a peer's cursor does not parse");
}

void PeerStore::put_leaf(Batch& batch, const Hash& peer, std::uint64_t index,
                         const protocol::LeafBytes& leaf) {
  batch.put(Family::kForeignLeaf, origin_index_key(peer, index), leaf);
}

Result<std::optional<protocol::LeafBytes>> PeerStore::leaf(const Hash& peer, std::uint64_t index) const {
  TRY_ASSIGN(const auto row, store_.get(Family::kForeignLeaf, origin_index_key(peer, index)));
  if (!row) return std::optional<protocol::LeafBytes>();
  if (row->size() != protocol::kLeafBytes) return damaged("a peer's leaf is not 128 bytes");
  TRY_ASSIGN(const auto bytes, fixed<protocol::kLeafBytes>(as_view(*row), "leaf"));
  return std::optional<protocol::LeafBytes>(bytes);
}

Result<Bytes> PeerStore::leaves(const Hash& peer, std::uint64_t from, std::uint64_t count) const {
  Bytes out;
  Cursor rows = store_.scan(Family::kForeignLeaf, peer, origin_index_key(peer, from));
  for (std::uint64_t i = 0; i < count && rows.valid(); ++i, rows.next()) {
    if (!equal(rows.key(), origin_index_key(peer, from + i))) break;
    if (rows.value().size() != protocol::kLeafBytes) return damaged("a peer's leaf is not 128 bytes");
    append(out, rows.value());
  }
  TRY(rows.status());
  return out;
}

void PeerStore::put_opening(Batch& batch, const Hash& peer, const v1::Opening& opening) {
  batch.put(Family::kForeignOpening, origin_index_key(peer, opening.index()),
            as_view(opening.SerializeAsString()));
}

Result<std::optional<v1::Opening>> PeerStore::opening(const Hash& peer, std::uint64_t index) const {
  TRY_ASSIGN(const auto row, store_.get(Family::kForeignOpening, origin_index_key(peer, index)));
  if (!row) return std::optional<v1::Opening>();
  TRY_ASSIGN(auto parsed, parse<v1::Opening>(as_view(*row), "a peer's opening does not parse"));
  return std::optional<v1::Opening>(std::move(parsed));
}

Result<std::vector<v1::Opening>> PeerStore::openings(const Hash& peer, std::uint64_t from,
                                                     std::size_t limit) const {
  std::vector<v1::Opening> out;
  Cursor rows = store_.scan(Family::kForeignOpening, peer, origin_index_key(peer, from));
  for (; rows.valid() && out.size() < limit; rows.next()) {
    TRY_ASSIGN(auto parsed, parse<v1::Opening>(rows.value(), "a peer's opening does not parse"));
    out.push_back(std::move(parsed));
  }
  TRY(rows.status());
  return out;
}

Status PeerStore::add_evidence(Batch& batch, const Hash& peer, v1::Evidence evidence) const {
  while (evidence.exhibits_size() > 0 && evidence.ByteSizeLong() > kEvidenceBytesMax)
    evidence.mutable_exhibits()->RemoveLast();
  std::vector<OriginIndexKey> keys;
  Cursor rows = store_.scan(Family::kEvidence, peer);
  for (; rows.valid(); rows.next()) {
    TRY_ASSIGN(const auto key, fixed<40>(rows.key(), "evidence key"));
    keys.push_back(key);
  }
  TRY(rows.status());
  for (std::size_t i = kEvidenceMax / 2; i < keys.size() && keys.size() - i >= kEvidenceMax / 2; ++i)
    batch.remove(Family::kEvidence, keys[i]);
  const std::uint64_t next = keys.empty() ? 0 : get_be<std::uint64_t>(keys.back().data() + 32) + 1;
  batch.put(Family::kEvidence, origin_index_key(peer, next), as_view(evidence.SerializeAsString()));
  return {};
}

Result<std::vector<v1::Evidence>> PeerStore::evidence(const Hash& peer) const {
  std::vector<v1::Evidence> out;
  Cursor rows = store_.scan(Family::kEvidence, peer);
  for (; rows.valid(); rows.next()) {
    TRY_ASSIGN(auto parsed, parse<v1::Evidence>(rows.value(), "a peer's evidence does not parse"));
    out.push_back(std::move(parsed));
  }
  TRY(rows.status());
  return out;
}

}  // namespace tocsin::storage
