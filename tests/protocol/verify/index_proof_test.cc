#include "protocol/verify/index_proof.h"

#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

std::vector<IndexEntry> made_entries(std::size_t count) {
  std::vector<IndexEntry> out;
  for (std::size_t i = 0; i < count; ++i) {
    IndexEntry entry;
    entry.chain[0] = static_cast<std::uint8_t>(i >> 7);
    entry.chain[1] = static_cast<std::uint8_t>(i << 1);  // odd ones are absent
    entry.last_seq = i;
    entry.last_index = 7 * i;
    entry.last_hash[3] = static_cast<std::uint8_t>(i);
    out.push_back(entry);
  }
  return out;
}

IndexEpoch epoch_of(const std::vector<IndexEntry>& entries) {
  IndexTree tree;
  for (const IndexEntry& entry : entries) tree.add(entry);
  return {0, tree.root(), tree.size(), 0};
}

}  // namespace

TEST_CASE("an index proves each chain present and each gap absent") {
  for (const std::size_t count :
       {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{300}}) {
    const auto entries = made_entries(count);
    const IndexEpoch epoch = epoch_of(entries);
    for (std::size_t i = 0; i < 2 * count + 1; ++i) {
      Hash chain{};
      chain[0] = static_cast<std::uint8_t>(i >> 8);
      chain[1] = static_cast<std::uint8_t>(i);
      const IndexProof proof = prove_in_index(entries, chain);
      CHECK(proof.present == (i % 2 == 0 && i / 2 < count));
      CHECK(verify_index_proof(proof, chain, epoch));
      const std::string text = format_index_proof(proof);
      const auto parsed = parse_index_proof(text);
      REQUIRE(parsed);
      CHECK(format_index_proof(*parsed) == text);
      CHECK(verify_index_proof(*parsed, chain, epoch));
      Hash other = chain;
      other[1] ^= 1;
      if (i < 2 * count) CHECK_FALSE(verify_index_proof(proof, other, epoch));
    }
  }
}

TEST_CASE("neighbours that are not adjacent, or not at the end, prove nothing") {
  const auto entries = made_entries(9);
  const IndexEpoch epoch = epoch_of(entries);
  Hash missing{};
  missing[1] = 7;  // between the entries 3 and 4
  IndexProof proof = prove_in_index(entries, missing);
  IndexProof skipped = proof;
  skipped.places[1] = prove_in_index(entries, entries[5].chain).places[0];
  CHECK_FALSE(verify_index_proof(skipped, missing, epoch));
  IndexProof one = proof;
  one.places.pop_back();
  CHECK_FALSE(verify_index_proof(one, missing, epoch));
  one.places.clear();
  CHECK_FALSE(verify_index_proof(one, missing, epoch));
  proof.present = true;
  CHECK_FALSE(verify_index_proof(proof, missing, epoch));
}

TEST_CASE("an index proof has one form") {
  const auto entries = made_entries(5);
  const std::string text = format_index_proof(prove_in_index(entries, entries[2].chain));
  for (const std::string& bad : {std::string(), text + "x", text + "\n", "tocsin-index/2" + text.substr(14),
                                 text.substr(0, text.size() - 1), std::string("tocsin-index/1\nperhaps\n"),
                                 std::string("tocsin-index/1\npresent\nentry 1\n"),
                                 std::string("tocsin-index/1\npresent\nentry 01 AAAA\n")}) {
    INFO(bad);
    CHECK_FALSE(parse_index_proof(bad));
  }
}

}  // namespace tocsin::protocol
