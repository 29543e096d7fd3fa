#include "crypto/hash.h"

#include <random>

#include <sodium.h>

#include "crypto/base/encoding.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace tocsin;
using namespace tocsin::crypto;
using tocsin::test::unhex;

namespace {

Bytes counting(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i);
  return out;
}

// The byte generator of RFC 7693, appendix E.
Bytes rfc7693_sequence(std::size_t size, std::uint32_t seed) {
  std::uint32_t a = 0xDEAD4BADU * seed;
  std::uint32_t b = 1;
  Bytes out(size);
  for (std::uint8_t& byte : out) {
    const std::uint32_t t = a + b;
    a = b;
    b = t;
    byte = static_cast<std::uint8_t>(t >> 24);
  }
  return out;
}

}  // namespace

TEST_CASE("SHA-256 gives the digests of the FIPS 180 examples") {
  CHECK(hex_encode(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex_encode(sha256(as_view("abc"))) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex_encode(sha256(as_view("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex_encode(sha256(as_view("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                                  "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"))) ==
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  CHECK(hex_encode(sha256(Bytes(1000000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 agrees with libsodium on 100,000 random messages, in one piece and in several") {
  std::mt19937_64 random(1);
  Bytes pool(2048);
  for (std::uint8_t& byte : pool) byte = static_cast<std::uint8_t>(random());
  std::size_t wrong = 0;
  for (int round = 0; round < 100000; ++round) {
    const std::size_t length = random() % (round % 10 == 0 ? 1500 : 200);
    const ByteView message = ByteView(pool).subspan(random() % 500, length);
    Hash expected;
    crypto_hash_sha256(expected.data(), message.data(), message.size());
    const std::size_t first = length == 0 ? 0 : random() % length;
    const std::size_t second = first + (length == first ? 0 : random() % (length - first));
    const Hash pieces =
        sha256_parts({message.first(first), message.subspan(first, second - first), message.subspan(second)});
    wrong += sha256(message) == expected && pieces == expected ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("a batch of leaves and nodes hashes as each of them alone") {
  for (std::size_t count : {0U, 1U, 2U, 3U, 4U, 5U, 7U, 8U, 31U, 256U}) {
    const Bytes leaves = counting(count * 128);
    std::vector<Hash> hashes(count);
    leaf_hashes(leaves, 128, hashes);
    for (std::size_t i = 0; i < count; ++i)
      REQUIRE(hashes[i] == leaf_hash(ByteView(leaves).subspan(i * 128, 128)));
    std::vector<Hash> parents(count / 2);
    const std::span<const Hash> pairs(hashes.data(), count / 2 * 2);
    merkle_nodes(pairs, parents);
    for (std::size_t i = 0; i < parents.size(); ++i)
      REQUIRE(parents[i] == node_hash(pairs[2 * i], pairs[2 * i + 1]));
  }
}

TEST_CASE("a tree level folds in place") {
  std::vector<Hash> level(64);
  leaf_hashes(counting(64 * 8), 8, level);
  std::vector<Hash> expected(32);
  merkle_nodes(level, expected);
  merkle_nodes(level, std::span(level).first(32));
  level.resize(32);
  CHECK(level == expected);
}

TEST_CASE("RFC 6962 leaf and node prefixes are zero and one") {
  CHECK(hex_encode(leaf_hash({})) == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  const Hash left = leaf_hash({});
  const Hash right = leaf_hash(unhex("00"));
  CHECK(hex_encode(right) == "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7");
  CHECK(hex_encode(node_hash(left, right)) ==
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
}

TEST_CASE("BLAKE2b passes the self-test of RFC 7693, keyed and not, at four output lengths") {
  Blake2b256 grand;
  for (std::size_t out_size : {20U, 32U, 48U, 64U}) {
    for (std::size_t in_size : {0U, 3U, 128U, 129U, 255U, 1024U}) {
      const Bytes in = rfc7693_sequence(in_size, static_cast<std::uint32_t>(in_size));
      const Bytes key = rfc7693_sequence(out_size, static_cast<std::uint32_t>(out_size));
      Bytes digest(out_size);
      blake2b(in, {}, digest);
      grand.update(digest);
      blake2b(in, key, digest);
      grand.update(digest);
    }
  }
  CHECK(hex_encode(grand.finish()) == "c23a7800d98123bd10f506c61e29da5603d763b8bbad2e737f5e765a7bccd475");
}

TEST_CASE("BLAKE2b gives the digest of RFC 7693's example and of the keyed reference vector") {
  FixedBytes<64> digest;
  blake2b(as_view("abc"), {}, digest);
  CHECK(hex_encode(digest) ==
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
  blake2b(counting(255), counting(64), digest);
  CHECK(hex_encode(digest) ==
        "142709d62e28fcccd0af97fad0f8465b971e82201dc51070faa0372aa43e9248"
        "4be1c1e73ba10906d5d1853db6a4106e0a7bf9800d373d6dee2d46d62ef2a461");
}

TEST_CASE("incremental BLAKE2b-256 equals one-shot, and a key changes it") {
  const Bytes message = counting(300);
  const Bytes key = counting(32);
  Blake2b256 hasher(key);
  hasher.update(ByteView(message).first(129)).update(ByteView(message).subspan(129));
  CHECK(hasher.finish() == blake2b_256(message, key));
  CHECK(blake2b_256(message, key) != blake2b_256(message));
}
