#include "storage/witness_store.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"

namespace tocsin::storage {
namespace {

// The family's two kinds of rows.
constexpr std::uint8_t kSeen = 0;
constexpr std::uint8_t kOwn = 1;
constexpr Bytes::size_type kOwnKeyBytes = 9;

Bytes seen_key(std::string_view origin) {
  const Hash digest = crypto::sha256(as_view(origin));
  Bytes key(1 + digest.size(), kSeen);
  std::copy(digest.begin(), digest.end(), key.begin() + 1);
  return key;
}

Bytes own_key(std::uint64_t size) {
  Bytes key;
  key.reserve(kOwnKeyBytes);
  key.push_back(kOwn);
  append_be(key, size);
  return key;
}

Result<WitnessStore::OwnNote> own_note(ByteView key, ByteView value) {
  if (key.size() != kOwnKeyBytes)
    return fail(Code::kDataLoss, "a cosigned checkpoint's key is damaged", "storage/witness");
  return WitnessStore::OwnNote{get_be<std::uint64_t>(key.data() + 1), to_string(value)};
}

}  // namespace

void WitnessStore::put_seen(Batch& batch, std::string_view origin, std::string_view note) {
  batch.put(Family::kWitness, seen_key(origin), as_view(note));
}

Result<std::optional<std::string>> WitnessStore::seen(std::string_view origin) const {
  return store_.get(Family::kWitness, seen_key(origin));
}

Status WitnessStore::forget_cosigned(Batch& batch, std::uint64_t size) const {
  const Bytes prefix = {kOwn};
  Cursor rows = store_.scan(Family::kWitness, prefix, own_key(size + 1));
  for (; rows.valid(); rows.next()) batch.remove(Family::kWitness, rows.key());
  return rows.status();
}

void WitnessStore::put_cosigned(Batch& batch, std::uint64_t size, std::string_view note) {
  batch.put(Family::kWitness, own_key(size), as_view(note));
}

Result<std::optional<WitnessStore::OwnNote>> WitnessStore::newest_cosigned() const {
  const Bytes prefix = {kOwn};
  TRY_ASSIGN(const auto row, store_.last(Family::kWitness, prefix));
  if (!row) return std::optional<OwnNote>();
  TRY_ASSIGN(OwnNote note, own_note(as_view(row->key), as_view(row->value)));
  return std::optional(std::move(note));
}

Result<std::optional<WitnessStore::OwnNote>> WitnessStore::cosigned_from(std::uint64_t size) const {
  const Bytes prefix = {kOwn};
  const Cursor cursor = store_.scan(Family::kWitness, prefix, own_key(size));
  TRY(cursor.status());
  if (!cursor.valid()) return std::optional<OwnNote>();
  TRY_ASSIGN(OwnNote note, own_note(cursor.key(), cursor.value()));
  return std::optional(std::move(note));
}

}  // namespace tocsin::storage
