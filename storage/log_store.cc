#include "storage/log_store.h"

#include <algorithm>

#include "crypto/hash.h"
#include "storage/keys.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::storage {
namespace {

tl::unexpected<Error> damaged(std::string what) {
  return fail(Code::kDataLoss, std::move(what), "storage/log");
}
tl::unexpected<Error> absent(std::uint64_t index) {
  return fail(Code::kOutOfRange, "the ledger has no record " + std::to_string(index), "storage/log");
}

}  // namespace

void LogStore::put_leaf(Batch& batch, std::uint64_t index, const protocol::LeafBytes& leaf) {
  batch.put(Family::kLeaf, index_key(index), leaf);
}

void LogStore::put_sealed(Batch& batch, std::uint64_t index, const v1::SealedRecord& record) {
  batch.put(Family::kSealed, index_key(index), as_view(record.SerializeAsString()));
}

void LogStore::put_key(Batch& batch, std::uint64_t index, protocol::SlotClass slot_class, ByteView wrapped) {
  batch.put(Family::kKey, record_key_key(index, slot_class), wrapped);
}

void LogStore::remove_key(Batch& batch, std::uint64_t index, protocol::SlotClass slot_class) {
  batch.remove(Family::kKey, record_key_key(index, slot_class));
}

void LogStore::put_tile(Batch& batch, const protocol::TileValue& tile) {
  if (tile.level == 0 && tile.hashes.size() < protocol::kTileBytesMax) return;
  batch.put(Family::kTile, tile_key(tile.level, tile.index), tile.hashes);
}

void LogStore::put_checkpoint(Batch& batch, std::uint64_t size, std::string_view note) {
  batch.put(Family::kCheckpoint, index_key(size), as_view(note));
}

Result<std::optional<ByteView>> LogReader::find(std::optional<Cursor>& cursor, Family family,
                                                ByteView key) const {
  constexpr int kSteps = 16;  // further away, a search is cheaper than walking
  const auto order = [&] {
    return std::lexicographical_compare_three_way(cursor->key().begin(), cursor->key().end(), key.begin(),
                                                  key.end());
  };
  for (int step = 0; cursor && cursor->valid() && step < kSteps && order() < 0; ++step) cursor->next();
  if (!cursor || !cursor->valid() || order() != 0) cursor = store_.scan(family, {}, key);
  TRY(cursor->status());
  if (!cursor->valid() || order() != 0) return std::optional<ByteView>();
  return std::optional<ByteView>(cursor->value());
}

Result<protocol::LeafBytes> LogReader::leaf(std::uint64_t index) {
  TRY_ASSIGN(const auto row, find(leaves_, Family::kLeaf, index_key(index)));
  if (!row) return absent(index);
  if (row->size() != protocol::kLeafBytes) return damaged("a stored leaf is not 128 bytes");
  return fixed<protocol::kLeafBytes>(*row, "leaf");
}

Result<v1::SealedRecord> LogReader::sealed(std::uint64_t index) {
  TRY_ASSIGN(const auto row, find(sealed_, Family::kSealed, index_key(index)));
  if (!row) return absent(index);
  v1::SealedRecord record;
  if (!record.ParseFromArray(row->data(), static_cast<int>(row->size())))
    return damaged("a stored record does not parse");
  return record;
}

Result<std::optional<Bytes>> LogReader::key(std::uint64_t index, protocol::SlotClass slot_class) {
  TRY_ASSIGN(const auto row, find(keys_, Family::kKey, record_key_key(index, slot_class)));
  if (!row) return std::optional<Bytes>();
  return std::optional<Bytes>(to_bytes(*row));
}

Result<protocol::LeafBytes> LogStore::leaf(std::uint64_t index) const {
  TRY_ASSIGN(const auto row, store_.get(Family::kLeaf, index_key(index)));
  if (!row) return absent(index);
  if (row->size() != protocol::kLeafBytes) return damaged("a stored leaf is not 128 bytes");
  return fixed<protocol::kLeafBytes>(as_view(*row), "leaf");
}

Result<Bytes> LogStore::leaves(std::uint64_t from, std::uint64_t count) const {
  Bytes out;
  const IndexKey start = index_key(from);
  Cursor cursor = store_.scan(Family::kLeaf, {}, start);
  for (std::uint64_t i = 0; i < count; ++i, cursor.next()) {
    TRY(cursor.status());
    if (!cursor.valid()) return absent(from + i);
    if (!equal(cursor.key(), index_key(from + i))) return damaged("a stored leaf is missing");
    if (cursor.value().size() != protocol::kLeafBytes) return damaged("a stored leaf is not 128 bytes");
    append(out, cursor.value());
  }
  return out;
}

Result<v1::SealedRecord> LogStore::sealed(std::uint64_t index) const {
  TRY_ASSIGN(const auto row, store_.get(Family::kSealed, index_key(index)));
  if (!row) return absent(index);
  v1::SealedRecord record;
  if (!record.ParseFromString(*row)) return damaged("a stored record does not parse");
  return record;
}

Result<std::optional<Bytes>> LogStore::key(std::uint64_t index, protocol::SlotClass slot_class) const {
  TRY_ASSIGN(const auto row, store_.get(Family::kKey, record_key_key(index, slot_class)));
  if (!row) return std::optional<Bytes>();
  return std::optional<Bytes>(to_bytes(as_view(*row)));
}

Result<Bytes> LogStore::tile(const protocol::TileId& tile) const {
  TRY_ASSIGN(const auto row, store_.get(Family::kTile, tile_key(tile.level, tile.index)));
  if (row && row->size() >= tile.width * sizeof(Hash)) return to_bytes(as_view(*row));
  if (tile.level == 0 && tile.width < protocol::kTileWidth) return growing_tile(tile);
  return damaged(row ? "a tile is shorter than the tree" : "a tile is missing");
}

Result<Bytes> LogStore::growing_tile(const protocol::TileId& tile) const {
  const auto bytes = leaves(tile.index * protocol::kTileWidth, tile.width);
  if (!bytes) return damaged("a tile's leaves are missing: " + bytes.error().message);
  std::vector<Hash> hashes(tile.width);
  crypto::leaf_hashes(*bytes, protocol::kLeafBytes, hashes);
  Bytes out;
  out.reserve(hashes.size() * sizeof(Hash));
  for (const Hash& hash : hashes) append(out, hash);
  return out;
}

protocol::TileSource LogStore::tiles() const {
  return [this](const protocol::TileId& id) { return tile(id); };
}

Result<std::optional<std::string>> LogStore::checkpoint(std::uint64_t size) const {
  return store_.get(Family::kCheckpoint, index_key(size));
}

Result<std::optional<LogStore::StoredCheckpoint>> LogStore::newest_checkpoint() const {
  TRY_ASSIGN(auto row, store_.last(Family::kCheckpoint));
  if (!row) return std::optional<StoredCheckpoint>();
  TRY_ASSIGN(const std::uint64_t size, parse_index_key(as_view(row->key)));
  return std::optional<StoredCheckpoint>(StoredCheckpoint{size, std::move(row->value)});
}

Result<std::vector<LogStore::StoredCheckpoint>> LogStore::checkpoints(std::uint64_t from,
                                                                      std::size_t limit) const {
  std::vector<StoredCheckpoint> out;
  const IndexKey start = index_key(from);
  Cursor cursor = store_.scan(Family::kCheckpoint, {}, start);
  for (; cursor.valid() && out.size() < limit; cursor.next()) {
    TRY_ASSIGN(const std::uint64_t size, parse_index_key(cursor.key()));
    out.push_back({size, to_string(cursor.value())});
  }
  TRY(cursor.status());
  return out;
}

Result<std::uint64_t> LogStore::leaf_count() const {
  TRY_ASSIGN(const auto row, store_.last(Family::kLeaf));
  if (!row) return std::uint64_t{0};
  TRY_ASSIGN(const std::uint64_t index, parse_index_key(as_view(row->key)));
  return index + 1;
}

}  // namespace tocsin::storage
