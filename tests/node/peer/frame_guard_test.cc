#include "node/peer/frame_guard.h"

#include <functional>

#include "tests/node/peer/http2_frames.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;
namespace f = tocsin::node::frames;

namespace {

constexpr std::uint64_t kStart = 1'000'000;

Bytes repeated(std::size_t times, const std::function<Bytes(std::uint32_t)>& make) {
  Bytes out;
  for (std::uint32_t i = 0; i < times; ++i) append(out, make(i));
  return out;
}

GuardLimit verdict(const Bytes& bytes, std::size_t chunk, FrameGuard::From from = FrameGuard::From::kClient) {
  FrameGuard guard(from, kStart);
  GuardLimit limit = GuardLimit::kNone;
  for (std::size_t at = 0; at < bytes.size(); at += chunk)
    limit = guard.inbound(ByteView(bytes).subspan(at, std::min(chunk, bytes.size() - at)), kStart);
  return limit;
}

// After the greeting, at once, in odd pieces and byte by byte.
void expect(const Bytes& frames, GuardLimit limit) {
  Bytes bytes = f::greeting();
  append(bytes, frames);
  for (const std::size_t chunk : {bytes.size(), std::size_t{7}, std::size_t{1}})
    CHECK(verdict(bytes, chunk) == limit);
}

}  // namespace

TEST_CASE("an ordinary call passes the frame guard however it is cut") {
  Bytes call = f::frame(f::kSettings, 1, 0);
  append(call, f::frame(f::kHeaders, f::kEndHeaders, 1, f::call_headers("/tocsin.v1.PeerFeed/Records")));
  append(call, f::frame(f::kData, f::kEndStream, 1, Bytes(9, 0)));
  append(call, f::frame(f::kData, 0, 1, Bytes(kFrameLengthMax, 0)));
  append(call, f::window_update(0));
  append(call, f::ping());
  expect(call, GuardLimit::kNone);
}

TEST_CASE("the frame guard refuses what is not HTTP/2") {
  CHECK(verdict(to_bytes(as_view("GET / HTTP/1.1\r\n\r\n")), 1) == GuardLimit::kPreface);
  Bytes no_settings = f::preface();
  append(no_settings, f::ping());
  CHECK(verdict(no_settings, 1) == GuardLimit::kPreface);
  CHECK(verdict(f::preface(), 1) == GuardLimit::kNone);
}

TEST_CASE("the frame guard knows when a peer has greeted") {
  FrameGuard guard(FrameGuard::From::kClient, kStart);
  CHECK_FALSE(guard.greeted());
  CHECK(guard.inbound(f::preface(), kStart) == GuardLimit::kNone);
  CHECK_FALSE(guard.greeted());
  CHECK(guard.inbound(f::settings(), kStart) == GuardLimit::kNone);
  CHECK(guard.greeted());
}

TEST_CASE("a frame over 16 KiB is refused before its payload has come") {
  const Bytes big = f::frame(f::kData, 0, 1, Bytes(kFrameLengthMax + 1, 0));
  expect(Bytes(big.begin(), big.begin() + 9), GuardLimit::kFrameLength);
}

TEST_CASE("a CONTINUATION flood is refused by count and by bytes") {
  Bytes many = f::frame(f::kHeaders, 0, 1, Bytes(10, 0));
  append(many,
         repeated(kContinuationsMax + 1, [](auto) { return f::frame(f::kContinuation, 0, 1, Bytes(1, 0)); }));
  expect(many, GuardLimit::kContinuations);
  Bytes large = f::frame(f::kHeaders, 0, 1, Bytes(kHeaderBlockMax, 0));
  append(large, f::frame(f::kContinuation, f::kEndHeaders, 1, Bytes(1, 0)));
  expect(large, GuardLimit::kHeaderBlock);
}

TEST_CASE("a header block that is interrupted or continues nothing is refused") {
  expect(f::frame(f::kContinuation, f::kEndHeaders, 1, Bytes(1, 0)), GuardLimit::kHeaderOrder);
  Bytes interrupted = f::frame(f::kHeaders, 0, 1, Bytes(1, 0));
  append(interrupted, f::ping());
  expect(interrupted, GuardLimit::kHeaderOrder);
  Bytes other = f::frame(f::kHeaders, 0, 1, Bytes(1, 0));
  append(other, f::frame(f::kContinuation, f::kEndHeaders, 3, Bytes(1, 0)));
  expect(other, GuardLimit::kHeaderOrder);
}

TEST_CASE("a rapid reset is refused") {
  expect(repeated(200,
                  [](std::uint32_t i) {
                    Bytes out = f::frame(f::kHeaders, f::kEndHeaders, 2 * i + 1, Bytes(1, 0));
                    append(out, f::rst(2 * i + 1));
                    return out;
                  }),
         GuardLimit::kResetRate);
}

TEST_CASE("floods of SETTINGS, PING, PRIORITY and unknown frames are refused") {
  expect(repeated(200, [](auto) { return f::settings(); }), GuardLimit::kControlRate);
  expect(repeated(200, [](auto) { return f::ping(); }), GuardLimit::kControlRate);
  expect(repeated(200, [](auto) { return f::frame(f::kPriority, 0, 1, Bytes(5, 0)); }),
         GuardLimit::kControlRate);
  expect(repeated(200, [](auto) { return f::frame(0x77, 0, 1); }), GuardLimit::kControlRate);
}

TEST_CASE("floods of WINDOW_UPDATE, empty DATA and pushes are refused") {
  expect(repeated(3000, [](auto) { return f::window_update(0); }), GuardLimit::kWindowUpdateRate);
  expect(repeated(300, [](auto) { return f::frame(f::kData, 0, 1); }), GuardLimit::kSmallDataRate);
  expect(f::frame(f::kPush, 4, 1, Bytes(5, 0)), GuardLimit::kPush);
}

TEST_CASE("only the first end of a call is free of the small-frame limit") {
  Bytes bytes = f::frame(f::kHeaders, f::kEndHeaders, 1, Bytes(1, 0));
  append(bytes, repeated(300, [](auto) { return f::frame(f::kData, f::kEndStream, 1); }));
  expect(bytes, GuardLimit::kSmallDataRate);
}

TEST_CASE("more than a hundred calls at once are refused, one after another they are not") {
  expect(repeated(kStreamsOpenMax + 1,
                  [](std::uint32_t i) { return f::frame(f::kHeaders, 4, 2 * i + 1, Bytes(1, 0)); }),
         GuardLimit::kStreamsOpen);
  FrameGuard guard(FrameGuard::From::kClient, kStart);
  REQUIRE(guard.inbound(f::greeting(), kStart) == GuardLimit::kNone);
  guard.outbound(f::settings());
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const std::uint64_t now = kStart + std::uint64_t{i} * 10;
    REQUIRE(guard.inbound(f::frame(f::kHeaders, 5, 2 * i + 1, Bytes(1, 0)), now) == GuardLimit::kNone);
    guard.outbound(f::frame(f::kHeaders, 5, 2 * i + 1, Bytes(1, 0)));
  }
}

TEST_CASE("calls opened faster than the rate are refused") {
  FrameGuard guard(FrameGuard::From::kClient, kStart);
  REQUIRE(guard.inbound(f::greeting(), kStart) == GuardLimit::kNone);
  GuardLimit limit = GuardLimit::kNone;
  std::uint32_t opened = 0;
  for (; limit == GuardLimit::kNone && opened < 1000; ++opened) {
    limit = guard.inbound(f::frame(f::kHeaders, 5, 2 * opened + 1, Bytes(1, 0)), kStart);
    guard.outbound(f::frame(f::kHeaders, 5, 2 * opened + 1, Bytes(1, 0)));
  }
  CHECK(limit == GuardLimit::kHeadersRate);
  CHECK(opened == kHeadersRate.burst + 1);
}

TEST_CASE("what we send entitles the peer to window updates") {
  FrameGuard guard(FrameGuard::From::kServer, kStart);
  REQUIRE(guard.inbound(f::settings(), kStart) == GuardLimit::kNone);
  guard.outbound(f::greeting());
  for (int i = 0; i < 10000; ++i) {
    guard.outbound(f::frame(f::kData, 0, 1, Bytes(kSentBytesPerWindowUpdate, 0)));
    REQUIRE(guard.inbound(f::window_update(0), kStart) == GuardLimit::kNone);
  }
}

TEST_CASE("a server answers the calls that were made, without limit of number") {
  FrameGuard guard(FrameGuard::From::kServer, kStart);
  REQUIRE(guard.inbound(f::settings(), kStart) == GuardLimit::kNone);
  guard.outbound(f::greeting());
  for (std::uint32_t i = 0; i < 5000; ++i) {
    const std::uint32_t stream = 2 * i + 1;
    guard.outbound(f::frame(f::kHeaders, 4, stream, Bytes(1, 0)));
    guard.outbound(f::frame(f::kData, 1, stream, Bytes(1, 0)));
    REQUIRE(guard.inbound(f::frame(f::kHeaders, 4, stream, Bytes(1, 0)), kStart) == GuardLimit::kNone);
    REQUIRE(guard.inbound(f::frame(f::kData, 0, stream, Bytes(1, 0)), kStart) == GuardLimit::kNone);
    REQUIRE(guard.inbound(f::frame(f::kHeaders, 5, stream, Bytes(1, 0)), kStart) == GuardLimit::kNone);
  }
}

TEST_CASE("a request over 64 KiB is refused while it arrives") {
  Bytes bytes = f::frame(f::kHeaders, f::kEndHeaders, 1, Bytes(1, 0));
  append(bytes, repeated(4, [](auto) { return f::frame(f::kData, 0, 1, Bytes(kFrameLengthMax, 0)); }));
  expect(bytes, GuardLimit::kNone);
  append(bytes, f::frame(f::kData, 0, 1, Bytes(1, 0)));
  expect(bytes, GuardLimit::kCallBytes);
}

TEST_CASE("a verdict stays") {
  FrameGuard guard(FrameGuard::From::kClient, kStart);
  CHECK(guard.inbound(to_bytes(as_view("no")), kStart) == GuardLimit::kPreface);
  CHECK(guard.inbound(f::greeting(), kStart + 1'000'000) == GuardLimit::kPreface);
  CHECK(limit_name(GuardLimit::kPreface) == "preface");
}

TEST_CASE("a token bucket refills with time and never above its burst") {
  TokenBucket bucket({2, 10}, kStart);
  CHECK(bucket.take(kStart));
  CHECK(bucket.take(kStart));
  CHECK_FALSE(bucket.take(kStart + 99));
  CHECK(bucket.take(kStart + 100));
  CHECK_FALSE(bucket.take(kStart));
  CHECK(bucket.take(kStart + 1'000'000'000));
  CHECK(bucket.take(kStart + 1'000'000'000));
  CHECK_FALSE(bucket.take(kStart + 1'000'000'000));
}
