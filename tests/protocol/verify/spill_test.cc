#include "protocol/verify/spill.h"

#include <cstdlib>
#include <map>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

Bytes bytes_of(std::uint64_t seed, std::size_t size) {
  Bytes out;
  for (std::uint64_t i = 0; out.size() < size; ++i)
    append(out, crypto::sha256(as_view(std::to_string(seed) + "/" + std::to_string(i))));
  out.resize(size);
  return out;
}

TEST_CASE("rows are what was last written, in memory and beyond it") {
  for (const std::size_t memory : {std::size_t{0}, std::size_t{1} << 19, std::size_t{64} << 20}) {
    RowStore rows(80, memory);
    constexpr std::uint64_t kRows = 20'000;
    for (std::uint64_t i = 0; i < kRows; ++i) REQUIRE(rows.push(bytes_of(i, 80)));
    for (std::uint64_t i = 0; i < kRows; i += 7) REQUIRE(rows.set(i, bytes_of(i + 1'000'000, 80)));
    bool same = true;
    for (std::uint64_t i = 0; i < kRows; ++i) {
      Bytes row(80);
      REQUIRE(rows.get(i, row));
      same = same && row == bytes_of(i % 7 == 0 ? i + 1'000'000 : i, 80);
    }
    CHECK(same);
    // Several at once, across the end of what is in memory.
    Bytes three(3 * 80);
    bool joined = true;
    for (std::uint64_t i = 0; i + 3 <= kRows; i += 3) {
      REQUIRE(rows.get(i, three));
      Bytes one(80);
      REQUIRE(rows.get(i + 2, one));
      joined = joined && equal(ByteView(three).last(80), one);
    }
    CHECK(joined);
  }
}

TEST_CASE("each key has one row, however many there are and wherever they lie") {
  for (const std::size_t width : {std::size_t{32}, std::size_t{64}}) {
    KeyedRows rows(width, width + 16, 1 << 18);
    constexpr std::uint64_t kKeys = 30'000;
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      const auto place = rows.find_or_add(bytes_of(i, width + 16));
      REQUIRE(place);
      REQUIRE(place->added);
      REQUIRE(place->number == i);
    }
    const auto again = rows.find_or_add(bytes_of(17, width + 16));
    REQUIRE(again);
    CHECK_FALSE(again->added);
    CHECK(again->number == 17);
    bool found = true;
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      const auto number = rows.find(bytes_of(i, width));
      found = found && number && *number == i;
    }
    CHECK(found);
    const auto stranger = rows.find(bytes_of(kKeys + 1, width));
    REQUIRE(stranger);
    CHECK_FALSE(stranger->has_value());
    CHECK(rows.size() == kKeys);
  }
}

TEST_CASE("byte strings grow and shrink in a store that holds hardly any of them in memory") {
  for (const std::size_t memory : {std::size_t{0}, std::size_t{1} << 18, std::size_t{64} << 20}) {
    BlobStore blobs(memory);
    std::map<std::uint64_t, Bytes> expected;
    for (std::uint64_t step = 0; step < 20'000; ++step) {
      const std::uint64_t number = (step * 7919) % 3001;
      const Bytes bytes = bytes_of(step, static_cast<std::size_t>((step * 31) % 700));
      REQUIRE(blobs.put(number, bytes));
      expected[number] = bytes;
    }
    Bytes out;
    bool same = true;
    for (const auto& [number, bytes] : expected) {
      REQUIRE(blobs.get(number, out));
      same = same && out == bytes;
    }
    CHECK(same);
    REQUIRE(blobs.get(5'000'000, out));
    CHECK(out.empty());
  }
}

TEST_CASE("where no temporary file can be made rows stay in memory") {
  const char* named = std::getenv("TMPDIR");
  const std::string before = named == nullptr ? "" : named;
  setenv("TMPDIR", "/nowhere/at/all", 1);
  RowStore rows(32, 0);
  for (std::uint64_t i = 0; i < 20'000; ++i) REQUIRE(rows.push(bytes_of(i, 32)));
  if (before.empty())
    unsetenv("TMPDIR");
  else
    setenv("TMPDIR", before.c_str(), 1);
  Bytes row(32);
  REQUIRE(rows.get(19'999, row));
  CHECK(row == bytes_of(19'999, 32));
}

}  // namespace
}  // namespace tocsin::protocol
