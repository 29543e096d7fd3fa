#include "crypto/hash.h"

#include <algorithm>

#include <sodium.h>

#include "crypto/base/encoding.h"
#include "crypto/sha256_kernel.h"

namespace tocsin::crypto {

Sha256::Sha256() : state_(kSha256Initial) {}

Sha256& Sha256::update(ByteView bytes) {
  const std::size_t held = length_ % kSha256Block;
  length_ += bytes.size();
  if (held > 0) {
    const std::size_t take = std::min(kSha256Block - held, bytes.size());
    std::copy_n(bytes.begin(), take, pending_.begin() + static_cast<std::ptrdiff_t>(held));
    bytes = bytes.subspan(take);
    if (held + take < kSha256Block) return *this;
    sha256_stream_kernel().compress(state_, pending_.data(), 1);
  }
  const std::size_t blocks = bytes.size() / kSha256Block;
  if (blocks > 0) sha256_stream_kernel().compress(state_, bytes.data(), blocks);
  const ByteView rest = bytes.subspan(blocks * kSha256Block);
  std::copy(rest.begin(), rest.end(), pending_.begin());
  return *this;
}

Hash Sha256::finish() {
  FixedBytes<2 * kSha256Block> last{};
  const std::size_t held = length_ % kSha256Block;
  std::copy_n(pending_.begin(), held, last.begin());
  last[held] = 0x80;
  const std::size_t blocks = held + 9 <= kSha256Block ? 1 : 2;
  put_be(last.data() + blocks * kSha256Block - 8, length_ * 8);
  sha256_stream_kernel().compress(state_, last.data(), blocks);
  Hash digest;
  for (std::size_t i = 0; i < state_.size(); ++i) put_be(digest.data() + 4 * i, state_[i]);
  return digest;
}

Hash sha256(ByteView message) {
  return Sha256().update(message).finish();
}

Hash sha256_parts(std::initializer_list<ByteView> parts) {
  Sha256 hasher;
  for (ByteView part : parts) hasher.update(part);
  return hasher.finish();
}

void sha256_many(ByteView prefix, ByteView messages, std::size_t length, std::span<Hash> out) {
  CHECK_INVARIANT(messages.size() == length * out.size());
  sha256_many_on(sha256_kernel(), prefix, {messages, length, length}, out);
}

void sha256_each(std::span<const ByteView> messages, std::span<Hash> out) {
  sha256_each_on(sha256_kernel(), messages, out);
}

namespace {
constexpr std::uint8_t kLeafPrefix[] = {0x00};
}  // namespace

void leaf_hashes(ByteView leaves, std::size_t length, std::span<Hash> out) {
  sha256_many(kLeafPrefix, leaves, length, out);
}

void leaf_hashes_apart(ByteView leaves, std::size_t length, std::size_t apart, std::span<Hash> out) {
  sha256_many_on(sha256_kernel(), kLeafPrefix, {leaves, length, apart}, out);
}

void merkle_nodes(std::span<const Hash> children, std::span<Hash> parents) {
  sha256_nodes_on(sha256_kernel(), children, parents);
}

Hash leaf_hash(ByteView leaf) {
  return sha256_parts({kLeafPrefix, leaf});
}

Hash node_hash(const Hash& left, const Hash& right) {
  return sha256_node(left, right);
}

Blake2b256::Blake2b256(ByteView key) {
  CHECK_INVARIANT(crypto_generichash_blake2b_init(&state_, key.data(), key.size(), sizeof(Hash)) == 0);
}

Blake2b256::~Blake2b256() {
  sodium_memzero(&state_, sizeof state_);
}

Blake2b256& Blake2b256::update(ByteView bytes) {
  crypto_generichash_blake2b_update(&state_, not_null(bytes), bytes.size());
  return *this;
}

Hash Blake2b256::finish() {
  Hash digest;
  crypto_generichash_blake2b_final(&state_, digest.data(), digest.size());
  return digest;
}

Hash blake2b_256(ByteView message, ByteView key) {
  Hash digest;
  blake2b(message, key, digest);
  return digest;
}

void blake2b(ByteView message, ByteView key, std::span<std::uint8_t> out) {
  CHECK_INVARIANT(crypto_generichash_blake2b(out.data(), out.size(), message.data(), message.size(),
                                             key.data(), key.size()) == 0);
}

}  // namespace tocsin::crypto
