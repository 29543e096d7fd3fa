#include "protocol/log/leaf.h"

#include "crypto/base/encoding.h"
#include "protocol/log/merkle.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

namespace tocsin::protocol {
namespace {

Leaf second_leaf() {
  Leaf leaf;
  leaf.event = 3;
  leaf.flags = kLeafPersonal | kLeafTest;
  leaf.time_ms = 1767225600000;
  leaf.chain.fill(1);
  leaf.chain_seq = 1;
  leaf.previous.fill(2);
  leaf.body_root.fill(3);
  leaf.previous_index = 0;
  return leaf;
}

TEST_CASE("leaves agree with the published vectors") {
  const auto vectors = test::own_vectors("leaf.json");
  REQUIRE(vectors.at("cases").as_array().size() == 3);
  for (const auto& c : vectors.at("cases").as_array()) {
    INFO(c.at("name").as_string().c_str());
    Leaf leaf;
    leaf.event = static_cast<std::uint16_t>(test::number(c.at("event")));
    leaf.flags = static_cast<std::uint16_t>(test::number(c.at("flags")));
    leaf.time_ms = test::number(c.at("time_ms"));
    leaf.chain = test::hex_hash(c.at("chain"));
    leaf.chain_seq = test::number(c.at("chain_seq"));
    leaf.previous = test::hex_hash(c.at("previous"));
    leaf.body_root = test::hex_hash(c.at("body_root"));
    leaf.previous_index = test::number(c.at("previous_index"));
    const LeafBytes bytes = encode_leaf(leaf);
    CHECK(hex_encode(bytes) == c.at("bytes").as_string().c_str());
    CHECK(leaf_hash(bytes) == test::hex_hash(c.at("leaf_hash")));
    const auto parsed = parse_leaf(bytes);
    REQUIRE(parsed);
    CHECK(*parsed == leaf);
  }
}

TEST_CASE("a leaf of another length is refused") {
  Bytes bytes = to_bytes(encode_leaf(second_leaf()));
  for (std::size_t n = 0; n < bytes.size(); ++n) CHECK_FALSE(parse_leaf(ByteView(bytes).first(n)));
  bytes.push_back(0);
  CHECK_FALSE(parse_leaf(bytes));
}

TEST_CASE("every flipped bit of a leaf is refused or read as another leaf") {
  const Leaf leaf = second_leaf();
  const LeafBytes bytes = encode_leaf(leaf);
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    LeafBytes flipped = bytes;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1 << bit % 8));
    const auto parsed = parse_leaf(flipped);
    if (!parsed) {
      ++refused;
      continue;
    }
    CHECK_FALSE(*parsed == leaf);
    CHECK(encode_leaf(*parsed) == flipped);
  }
  // 32 bits of magic, 13 unknown flags, and the one bit that makes the sequence zero.
  CHECK(refused == 32 + 13 + 1);
}

TEST_CASE("the previous record is named exactly when there is one") {
  Leaf leaf = second_leaf();
  CHECK(check_leaf(leaf));
  leaf.chain_seq = 0;
  CHECK_FALSE(check_leaf(leaf));
  leaf.previous = Hash{};
  CHECK_FALSE(check_leaf(leaf));
  leaf.previous_index = kNoPrevious;
  CHECK(check_leaf(leaf));
  leaf.chain_seq = 5;
  CHECK_FALSE(check_leaf(leaf));
  leaf.previous.fill(9);
  CHECK_FALSE(check_leaf(leaf));
  leaf.previous_index = 7;
  CHECK(check_leaf(leaf));
}

}  // namespace
}  // namespace tocsin::protocol
