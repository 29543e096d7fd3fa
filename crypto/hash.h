#pragma once
// Digests of public and secret bytes: SHA-256 (ledger, notes, content identifiers) and BLAKE2b (commitments,
// tags).
//
// SHA-256 runs on the fastest kernel this processor has, chosen once at run time (crypto/sha256_kernel.h).
// sha256_many() hashes equally long messages side by side (leaves, Merkle nodes), sha256_each() any others
// (slots, whole files): a batch costs a third of its messages one by one. Concurrency: functions are pure; an
// incremental hasher belongs to one thread. Sources: FIPS 180-4; RFC 7693; RFC 6962 §2.1 for the 0x00 and
// 0x01 prefixes.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include <sodium/crypto_generichash_blake2b.h>

#include "crypto/base/bytes.h"

namespace tocsin::crypto {

// Incremental SHA-256. After finish() the hasher is spent.
class Sha256 {
 public:
  Sha256();
  Sha256& update(ByteView bytes);
  Hash finish();

 private:
  std::array<std::uint32_t, 8> state_;
  FixedBytes<64> pending_;
  std::uint64_t length_ = 0;  // bytes taken so far
};

Hash sha256(ByteView message);
// The digest of the parts in order, without gluing them together first.
Hash sha256_parts(std::initializer_list<ByteView> parts);

// Longest prefix that sha256_many() takes, bytes.
inline constexpr std::size_t kHashPrefixMax = 16;

// out[i] = SHA256(prefix ‖ messages[i·length, (i+1)·length)); messages.size() must be length × out.size().
// `out` may begin where `messages` begins when length ≥ 32.
void sha256_many(ByteView prefix, ByteView messages, std::size_t length, std::span<Hash> out);

// out[i] = SHA256(messages[i]). Messages of the same number of blocks are hashed side by side.
void sha256_each(std::span<const ByteView> messages, std::span<Hash> out);

// leaf_hashes: SHA256(0x00 ‖ leaf) for each of the equally long leaves standing one after another.
void leaf_hashes(ByteView leaves, std::size_t length, std::span<Hash> out);
// The same of leaves that begin `apart` bytes from each other; the first begins at leaves.data().
void leaf_hashes_apart(ByteView leaves, std::size_t length, std::size_t apart, std::span<Hash> out);
// merkle_nodes: parents[i] = SHA256(0x01 ‖ children[2i] ‖ children[2i+1]); exactly twice as many children as
// parents. `parents` may begin where `children` begins, so that a level folds in place.
void merkle_nodes(std::span<const Hash> children, std::span<Hash> parents);
Hash leaf_hash(ByteView leaf);
Hash node_hash(const Hash& left, const Hash& right);

// Incremental BLAKE2b-256, keyed when `key` is not empty (at most 64 bytes). After finish() the hasher is
// spent.
class Blake2b256 {
 public:
  explicit Blake2b256(ByteView key = {});
  ~Blake2b256();
  Blake2b256(const Blake2b256&) = delete;
  Blake2b256& operator=(const Blake2b256&) = delete;
  Blake2b256& update(ByteView bytes);
  Hash finish();

 private:
  crypto_generichash_blake2b_state state_;
};

Hash blake2b_256(ByteView message, ByteView key = {});
// BLAKE2b with an output of 1 to 64 bytes (the length is part of the hash, RFC 7693 §2.5) and a key of at
// most 64.
void blake2b(ByteView message, ByteView key, std::span<std::uint8_t> out);

}  // namespace tocsin::crypto
