#pragma once
// Keys of the store's rows. Integers are big-endian, so that rows lie in the order of their numbers; fixed
// widths come before variable ones, so that no key is another's prefix by accident.
//
// Concurrency: pure functions. Source: storage/DESIGN.md.

#include <cstdint>

#include "crypto/base/bytes.h"
#include "protocol/log/slots.h"

namespace tocsin::storage {

using IndexKey = FixedBytes<8>;
using RecordKeyKey = FixedBytes<9>;
using TileKey = FixedBytes<9>;
using OriginHashKey = FixedBytes<64>;
using OriginIndexKey = FixedBytes<40>;
using DueKey = FixedBytes<40>;

IndexKey index_key(std::uint64_t index);
Result<std::uint64_t> parse_index_key(ByteView key);
// u64 index ‖ u8 class.
RecordKeyKey record_key_key(std::uint64_t index, protocol::SlotClass slot_class);
// u8 level ‖ u64 index.
TileKey tile_key(unsigned level, std::uint64_t index);
// Origin's root fingerprint ‖ chain id.
OriginHashKey origin_hash_key(const Hash& origin, const Hash& chain);
// Origin's root fingerprint ‖ u64 index.
OriginIndexKey origin_index_key(const Hash& origin, std::uint64_t index);
// u64 time in ms ‖ signal id.
DueKey due_key(std::uint64_t due_ms, const Hash& signal);
// Indicator `u8 type ‖ value` as `u8 type ‖ u16 value length ‖ value`: a prefix of that indicator's rows and
// no other's. Precondition: 1 to 65536 bytes.
Bytes indicator_prefix(ByteView indicator);
// indicator_prefix ‖ signal id.
Bytes indicator_key(ByteView indicator, const Hash& signal);

}  // namespace tocsin::storage
