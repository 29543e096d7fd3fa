#include "storage/keys.h"

#include "tests/storage/memory_store.h"

namespace tocsin::storage {
namespace {

TEST_CASE("index keys sort as their numbers do") {
  CHECK(index_key(1) < index_key(2));
  CHECK(index_key(255) < index_key(256));
  CHECK(index_key(UINT64_MAX - 1) < index_key(UINT64_MAX));
  CHECK(parse_index_key(index_key(77)).value() == 77);
  CHECK_FALSE(parse_index_key(as_view("short")));
  CHECK(record_key_key(1, protocol::SlotClass::kPersonal) <
        record_key_key(2, protocol::SlotClass::kAccountability));
}

TEST_CASE("one indicator's prefix never covers another's rows") {
  const Bytes shorter =
      indicator_prefix(as_view("\x05"
                               "ab"));
  const Bytes longer = indicator_key(as_view("\x05"
                                             "abc"),
                                     hash_of(1));
  CHECK_FALSE(equal(shorter, ByteView(longer).first(shorter.size())));
}

TEST_CASE("due keys sort by time before signal") {
  CHECK(due_key(5, hash_of(9)) < due_key(6, hash_of(1)));
  CHECK(due_key(5, hash_of(1)) < due_key(5, hash_of(2)));
}

}  // namespace
}  // namespace tocsin::storage
