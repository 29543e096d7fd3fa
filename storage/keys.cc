#include "storage/keys.h"

#include <algorithm>

#include "crypto/base/encoding.h"

namespace tocsin::storage {

IndexKey index_key(std::uint64_t index) {
  IndexKey key;
  put_be(key.data(), index);
  return key;
}

Result<std::uint64_t> parse_index_key(ByteView key) {
  if (key.size() != 8) return fail(Code::kDataLoss, "a row's index is not 8 bytes", "storage/key");
  return get_be<std::uint64_t>(key.data());
}

RecordKeyKey record_key_key(std::uint64_t index, protocol::SlotClass slot_class) {
  RecordKeyKey key;
  put_be(key.data(), index);
  key[8] = static_cast<std::uint8_t>(slot_class);
  return key;
}

TileKey tile_key(unsigned level, std::uint64_t index) {
  TileKey key;
  key[0] = static_cast<std::uint8_t>(level);
  put_be(key.data() + 1, index);
  return key;
}

OriginHashKey origin_hash_key(const Hash& origin, const Hash& chain) {
  OriginHashKey key;
  std::copy(origin.begin(), origin.end(), key.begin());
  std::copy(chain.begin(), chain.end(), key.begin() + 32);
  return key;
}

OriginIndexKey origin_index_key(const Hash& origin, std::uint64_t index) {
  OriginIndexKey key;
  std::copy(origin.begin(), origin.end(), key.begin());
  put_be(key.data() + 32, index);
  return key;
}

DueKey due_key(std::uint64_t due_ms, const Hash& signal) {
  DueKey key;
  put_be(key.data(), due_ms);
  std::copy(signal.begin(), signal.end(), key.begin() + 8);
  return key;
}

Bytes indicator_prefix(ByteView indicator) {
  CHECK_INVARIANT(!indicator.empty() && indicator.size() <= 65536);
  Bytes key;
  key.reserve(3 + indicator.size() + 32);
  key.push_back(indicator[0]);
  append_be(key, static_cast<std::uint16_t>(indicator.size() - 1));
  append(key, indicator.subspan(1));
  return key;
}

Bytes indicator_key(ByteView indicator, const Hash& signal) {
  Bytes key = indicator_prefix(indicator);
  append(key, signal);
  return key;
}

}  // namespace tocsin::storage
