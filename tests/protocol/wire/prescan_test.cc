#include "protocol/wire/prescan.h"

#include "tests/support/catch.h"
#include "tocsin/v1/identity.pb.h"
#include "tocsin/v1/peer.pb.h"

using namespace tocsin;
using namespace tocsin::protocol;

namespace {
Status scan(const std::string& bytes, std::size_t elements = kElementsMax) {
  return prescan(as_view(bytes), *v1::RecordsReply::descriptor(), {1 << 20, elements});
}
}  // namespace

TEST_CASE("an ordinary message passes the scan and parses") {
  v1::RecordsReply reply;
  reply.set_from(1ULL << 63);
  reply.set_leaves(std::string(1280, 'x'));
  reply.mutable_page()->set_sealed("page");
  reply.add_to_checkpoint(std::string(32, 'h'));
  const std::string bytes = reply.SerializeAsString();
  v1::RecordsReply out;
  REQUIRE(parse_untrusted(as_view(bytes), out, {1 << 20}));
  CHECK(out.SerializeAsString() == bytes);
  CHECK(scan(bytes, 5));
  CHECK(scan(bytes, 4).error().rule == "wire/elements");
}

TEST_CASE("a megabyte of empty elements is refused before anything is allocated") {
  std::string bomb;
  for (int i = 0; i < 500'000; ++i) bomb += std::string("\x2a\x00", 2);
  const auto status = scan(bomb);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Code::kResourceExhausted);
  CHECK(scan(std::string((1 << 20) + 1, '\0')).error().rule == "wire/size");
}

TEST_CASE("unknown fields are kept, groups and broken encodings are refused") {
  v1::WatchRequest out;
  REQUIRE(parse_untrusted(as_view("\x7a\x02hi"), out, {100}));
  CHECK(out.SerializeAsString() == "\x7a\x02hi");
  CHECK(scan("\x0b\x0c").error().rule == "wire/format");  // a group
  CHECK(scan("\x08").error().rule == "wire/format");      // no value
  CHECK(scan("\x12\x05"
             "abc")
            .error()
            .rule == "wire/format");  // cut
  CHECK(scan(std::string(11, '\xff')).error().rule == "wire/format");
  CHECK(scan(std::string("\x00\x01", 2)).error().rule == "wire/format");  // field 0
  CHECK(scan("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").error().rule == "wire/format");
}

TEST_CASE("text that is not UTF-8 fails to parse without a word") {
  v1::HelloRequest out;
  CHECK_FALSE(parse_untrusted(as_view("\x12\x01\xff"), out, {100}));
}
