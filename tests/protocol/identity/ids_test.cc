#include "protocol/identity/ids.h"

#include <set>

#include "crypto/hash.h"
#include "protocol/identity/descriptor.h"
#include "protocol/process/event.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

namespace tocsin::protocol {
namespace {

Hash filled(std::uint8_t byte) {
  Hash hash;
  hash.fill(byte);
  return hash;
}

TEST_CASE("a signal's id depends on issuer and indicator, and a chain's on the node's secret") {
  const Bytes indicator = {1, 2, 3};
  const Hash signal = signal_id(filled(1), indicator);
  const Secret<32> mine(filled(7));
  const Secret<32> yours(filled(8));
  Bytes message = to_bytes(as_view("tocsin1/signal"));
  message.push_back(0);
  append(message, filled(1));
  append(message, indicator);
  CHECK(signal == crypto::blake2b_256(message));
  const std::set<Hash> distinct = {
      signal,
      signal_id(filled(2), indicator),
      signal_id(filled(1), Bytes{1, 2, 4}),
      signal_chain_id(mine, signal),
      signal_chain_id(yours, signal),
      batch_chain_id(mine, FixedBytes<16>{1}),
      batch_chain_id(mine, FixedBytes<16>{2}),
      batch_chain_id(yours, FixedBytes<16>{1}),
      node_chain_id(mine),
      node_chain_id(yours),
  };
  CHECK(distinct.size() == 10);
}

TEST_CASE("a printed signal id parses back, whole or by its beginning") {
  for (unsigned i = 0; i < 200; ++i) {
    const Hash signal = signal_id(filled(static_cast<std::uint8_t>(i)), Bytes{1});
    const std::string text = print_signal_id(signal);
    REQUIRE(text.size() == 56);
    CHECK(*parse_signal_id(text) == signal);
    for (std::size_t length = 8; length <= text.size(); ++length) {
      const auto range = parse_signal_prefix(text.substr(0, length));
      REQUIRE(range);
      CHECK(range->contains(signal));
      CHECK(print_signal_id(range->low).substr(0, length) == text.substr(0, length));
      CHECK(print_signal_id(range->high).substr(0, length) == text.substr(0, length));
    }
    const auto range = *parse_signal_prefix(text.substr(0, 12));
    CHECK_FALSE(range.contains(signal_id(filled(static_cast<std::uint8_t>(i + 1)), Bytes{1})));
  }
}

TEST_CASE("what is not a signal's id is refused") {
  const std::string good = print_signal_id(filled(0xAB));
  for (const std::string& bad :
       {std::string(), std::string("sig_"), good.substr(4), good + "a", "SIG_" + good.substr(4),
        good.substr(0, 55) + "1", good.substr(0, 55) + "h"}) {
    INFO(bad);
    CHECK_FALSE(parse_signal_id(bad));
    CHECK_FALSE(parse_signal_prefix(bad));
  }
  CHECK_FALSE(parse_signal_prefix("sig_abc"));
  CHECK_FALSE(parse_signal_prefix("sig_abc1"));
  CHECK_FALSE(parse_signal_prefix("sig_ABCD"));
  CHECK(parse_signal_prefix("sig_abcd"));
}

TEST_CASE("label sets and recipient sets hash the same in any order") {
  const Hash labels = label_set_hash(std::vector<std::string>{"b", "a", "b"});
  CHECK(labels == label_set_hash(std::vector<std::string>{"a", "b"}));
  CHECK(labels == label_set_hash(slot_labels(4, {"a", "b"}).value));
  CHECK(labels != label_set_hash(std::vector<std::string>{"ab"}));
  CHECK(recipient_set_digest({filled(2), filled(1)}) ==
        recipient_set_digest({filled(1), filled(2), filled(2)}));
  CHECK(recipient_set_digest({filled(2)}) != recipient_set_digest({filled(1)}));
}

TEST_CASE("key ids, fingerprints, signal and chain ids and set digests agree with the published vectors") {
  const auto vectors = tocsin::test::own_vectors("process.json");
  const auto bytes = [&](const char* group, const char* name) {
    return tocsin::test::hex_bytes(vectors.at(group).at(name));
  };
  const auto hash = [&](const char* group, const char* name) {
    return tocsin::test::hex_hash(vectors.at(group).at(name));
  };
  const auto text = [&](const char* group, const char* name) {
    return std::string(vectors.at(group).at(name).as_string());
  };
  const Hash issuer = fingerprint(hash("key", "public"));
  CHECK(issuer == hash("key", "fingerprint"));
  CHECK(print_fingerprint(issuer) == text("key", "printed"));
  CHECK(equal(key_id(hash("key", "public")), bytes("key", "key_id")));
  const Hash signal = signal_id(issuer, bytes("signal", "indicator"));
  CHECK(signal == hash("signal", "id"));
  CHECK(print_signal_id(signal) == text("signal", "printed"));
  const Secret<32> chain_key(hash("chains", "chain_key"));
  CHECK(signal_chain_id(chain_key, signal) == hash("chains", "of_signal"));
  CHECK(batch_chain_id(chain_key, *fixed<16>(bytes("chains", "batch"), "batch")) ==
        hash("chains", "of_batch"));
  CHECK(node_chain_id(chain_key) == hash("chains", "of_node"));
  CHECK(slot_labels(4, {"terror", "é", "gore"}).value == bytes("labels", "value"));
  CHECK(label_set_hash(bytes("labels", "value")) == hash("labels", "hash"));
  std::vector<Hash> nodes;
  for (const auto& node : vectors.at("recipients").at("nodes").as_array())
    nodes.push_back(tocsin::test::hex_hash(node));
  CHECK(recipient_set_digest(nodes) == hash("recipients", "digest"));
}

}  // namespace
}  // namespace tocsin::protocol
