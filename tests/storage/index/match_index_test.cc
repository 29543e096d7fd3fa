#include "storage/index/match_index.h"

#include "tests/support/catch.h"

using namespace tocsin;
using protocol::Indicator;
using protocol::IndicatorType;
using storage::MatchIndex;

namespace {

Hash signal(std::uint8_t n) {
  Hash id{};
  id.fill(n);
  return id;
}
Indicator indicator(IndicatorType type, const char* text) {
  auto parsed = protocol::parse_indicator(type, text);
  REQUIRE(parsed);
  return *parsed;
}
constexpr const char* kPdq = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22";
constexpr const char* kPdqNear = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b23";

}  // namespace

TEST_CASE("two companies' signals about one hash are both found") {
  MatchIndex index;
  const Indicator hash = indicator(IndicatorType::kMd5, "0123456789abcdef0123456789abcdef");
  index.insert(signal(1), hash);
  index.insert(signal(2), hash);
  CHECK(index.open().search(hash, 31).size() == 2);
  index.remove(signal(1));
  const auto hits = index.open().search(hash, 31);
  REQUIRE(hits.size() == 1);
  CHECK(hits[0].signal == signal(2));
}

TEST_CASE("equal bytes of different types do not match") {
  MatchIndex index;
  index.insert(signal(1), indicator(IndicatorType::kSha256, kPdq));
  CHECK(index.open().search(indicator(IndicatorType::kPdq, kPdq), 64).empty());
}

TEST_CASE("a PDQ query finds the nearest signal first and says how far it is") {
  MatchIndex index;
  index.insert(signal(1), indicator(IndicatorType::kPdq, kPdqNear));
  index.insert(signal(2), indicator(IndicatorType::kPdq, kPdq));
  const auto hits = index.open().search(indicator(IndicatorType::kPdq, kPdq), 31);
  REQUIRE(hits.size() == 2);
  CHECK(hits[0].signal == signal(2));
  CHECK(hits[0].distance == 0);
  CHECK(hits[1].distance == 1);
}

TEST_CASE("a signal inserted twice is one entry, and removing a stranger changes nothing") {
  MatchIndex index;
  index.insert(signal(1), indicator(IndicatorType::kPdq, kPdq));
  index.insert(signal(1), indicator(IndicatorType::kPdq, kPdq));
  index.remove(signal(9));
  CHECK(index.size() == 1);
  CHECK(index.open().search(indicator(IndicatorType::kPdq, kPdq), 0).size() == 1);
}
