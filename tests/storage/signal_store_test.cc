#include "storage/signal_store.h"

#include "tests/storage/memory_store.h"

namespace tocsin::storage {
namespace {

v1::Case case_of(std::uint8_t id, std::string indicator, v1::Phase phase = v1::DRAFT,
                 std::uint64_t valid_until = 0) {
  v1::Case out;
  out.set_signal(to_string(hash_of(id)));
  out.set_indicator(std::move(indicator));
  out.mutable_origin()->set_phase(phase);
  out.mutable_origin()->set_valid_until_ms(valid_until);
  return out;
}

TEST_CASE("a case is found by its id, by a prefix of it and by its indicator") {
  MemoryStore memory;
  Batch batch;
  SignalStore::put(batch, nullptr,
                   case_of(1,
                           "\x01"
                           "aa"));
  SignalStore::put(batch, nullptr,
                   case_of(2,
                           "\x01"
                           "aa"));
  SignalStore::put(batch, nullptr,
                   case_of(3,
                           "\x01"
                           "aab"));
  SignalStore::put(batch, nullptr,
                   case_of(4,
                           "\x02"
                           "aa"));
  REQUIRE(memory->commit(batch));
  const SignalStore signals(*memory);
  CHECK(signals.get(hash_of(3)).value()->indicator() ==
        "\x01"
        "aab");
  CHECK_FALSE(signals.get(hash_of(9)).value());
  CHECK(signals
            .by_indicator(as_view("\x01"
                                  "aa"))
            .value() == std::vector<Hash>{hash_of(1), hash_of(2)});
  CHECK(signals
            .by_indicator(as_view("\x01"
                                  "a"))
            .value()
            .empty());
  CHECK(signals.by_indicator({}).value().empty());
  const Hash second = hash_of(2);
  const auto rest = signals.list({}, &second, 10).value();
  REQUIRE(rest.size() == 2);
  CHECK(rest[0].signal() == to_string(hash_of(3)));
  CHECK(signals.list(ByteView(second).first(2), nullptr, 10).value().size() == 1);
  std::size_t seen = 0;
  REQUIRE(signals.each_indicator(1, [&](ByteView indicator, const Hash&) {
    CHECK(indicator[0] == 1);
    return ++seen < 10;
  }));
  CHECK(seen == 3);
}

TEST_CASE("a case falls due when its validity ends, and no longer once it is over") {
  MemoryStore memory;
  const SignalStore signals(*memory);
  const v1::Case draft = case_of(1,
                                 "\x01"
                                 "a",
                                 v1::DRAFT, 500);
  const v1::Case live = case_of(1,
                                "\x01"
                                "a",
                                v1::LIVE, 500);
  const v1::Case expired = case_of(1,
                                   "\x01"
                                   "a",
                                   v1::EXPIRED, 500);
  Batch first;
  SignalStore::put(first, nullptr, draft);
  REQUIRE(memory->commit(first));
  CHECK(signals.due(1000, 10).value().empty());
  Batch second;
  SignalStore::put(second, &draft, live);
  REQUIRE(memory->commit(second));
  CHECK(signals.due(499, 10).value().empty());
  CHECK(signals.due(500, 10).value() == std::vector<Hash>{hash_of(1)});
  Batch third;
  SignalStore::put(third, &live, expired);
  REQUIRE(memory->commit(third));
  CHECK(signals.due(1000, 10).value().empty());
}

}  // namespace
}  // namespace tocsin::storage
