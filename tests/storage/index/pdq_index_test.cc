#include "storage/index/pdq_index.h"

#include <atomic>
#include <random>
#include <thread>

#include "storage/index/pdq_scan.h"
#include "tests/support/catch.h"

using namespace tocsin;
using protocol::PdqHash;
using storage::PdqIndex;
using storage::PdqMatch;

namespace {

PdqHash random_hash(std::mt19937_64& random) {
  PdqHash hash;
  for (auto& byte : hash.bytes) byte = static_cast<std::uint8_t>(random());
  return hash;
}

PdqHash at_distance(PdqHash hash, unsigned distance, std::mt19937_64& random) {
  std::vector<unsigned> bits(256);
  for (unsigned i = 0; i < 256; ++i) bits[i] = i;
  std::shuffle(bits.begin(), bits.end(), random);
  for (unsigned i = 0; i < distance; ++i)
    hash.bytes[bits[i] / 8] ^= static_cast<std::uint8_t>(1U << bits[i] % 8);
  return hash;
}

std::vector<PdqMatch> brute_force(const std::vector<PdqHash>& all, const PdqHash& query, unsigned radius) {
  std::vector<PdqMatch> out;
  for (std::uint32_t i = 0; i < all.size(); ++i)
    if (unsigned d = protocol::pdq_distance(all[i], query); d <= radius) out.push_back({i, d});
  return out;
}

}  // namespace

TEST_CASE("every match and nothing else is found at every radius from 0 to 64") {
  std::mt19937_64 random(7);
  std::vector<PdqHash> all;
  const PdqHash centre = random_hash(random);
  for (unsigned d = 0; d <= 66; ++d)
    for (int k = 0; k < 20; ++k) all.push_back(at_distance(centre, d, random));
  while (all.size() < 5000) all.push_back(random_hash(random));
  std::shuffle(all.begin(), all.end(), random);
  PdqIndex index;
  for (const PdqHash& hash : all) index.insert(hash);
  const auto snapshot = index.open();
  for (unsigned radius = 0; radius <= 64; ++radius)
    REQUIRE(snapshot.search(centre, radius) == brute_force(all, centre, radius));
}

TEST_CASE("every kernel this processor runs agrees with the portable one") {
  std::mt19937_64 random(11);
  std::vector<std::uint64_t> words(4 * 1023);
  for (auto& word : words) word = random();
  const std::uint64_t query[4] = {words[40], words[41] ^ 0xffff, words[42], words[43]};
  std::vector<storage::ScanHit> expected(1024), got(1024);
  for (std::size_t count : {0, 1, 2, 3, 7, 64, 1023})
    for (unsigned radius : {0U, 16U, 31U, 64U, 128U}) {
      const std::size_t n = storage::pdq_scan_portable(words.data(), count, query, radius, expected.data());
      for (const auto& kernel : storage::pdq_kernels()) {
        if (!kernel.usable()) continue;
        INFO(kernel.name);
        REQUIRE(kernel.scan(words.data(), count, query, radius, got.data()) == n);
        for (std::size_t i = 0; i < n; ++i) {
          CHECK(got[i].position == expected[i].position);
          CHECK(got[i].distance == expected[i].distance);
        }
      }
    }
}

TEST_CASE("a removed hash stops matching in a snapshot that was opened before") {
  std::mt19937_64 random(3);
  PdqIndex index;
  const PdqHash hash = random_hash(random);
  const std::uint32_t entry = index.insert(hash);
  const auto snapshot = index.open();
  REQUIRE(snapshot.search(hash, 0).size() == 1);
  index.remove(entry);
  CHECK(snapshot.search(hash, 0).empty());
}

TEST_CASE("a snapshot does not see what is inserted after it") {
  std::mt19937_64 random(4);
  PdqIndex index;
  const PdqHash hash = random_hash(random);
  const auto before = index.open();
  index.insert(hash);
  CHECK(before.search(hash, 64).empty());
  CHECK(index.open().search(hash, 0).size() == 1);
}

TEST_CASE("searching many at once equals searching one by one") {
  std::mt19937_64 random(5);
  std::vector<PdqHash> all(3000);
  for (auto& hash : all) hash = random_hash(random);
  PdqIndex index;
  for (const auto& hash : all) index.insert(hash);
  std::vector<PdqHash> queries;
  for (unsigned i = 0; i < 50; ++i) queries.push_back(at_distance(all[i * 50], i % 40, random));
  const auto snapshot = index.open();
  const auto together = snapshot.search_many(queries, 31);
  for (std::size_t i = 0; i < queries.size(); ++i) REQUIRE(together[i] == snapshot.search(queries[i], 31));
}

TEST_CASE("readers see whole entries while the writer inserts and removes") {
  PdqIndex index;
  std::mt19937_64 random(6);
  const PdqHash planted = random_hash(random);
  index.insert(planted);
  std::atomic<bool> done{false};
  std::atomic<int> missed{0};
  std::thread reader([&] {
    while (!done.load())
      if (index.open().search(planted, 0).empty()) ++missed;
  });
  for (int i = 0; i < 20000; ++i) {
    const std::uint32_t entry = index.insert(random_hash(random));
    if (i % 3 == 0) index.remove(entry);
  }
  done = true;
  reader.join();
  CHECK(missed.load() == 0);
}
