#pragma once
// FrameGuard: reads the HTTP/2 frames that a peer sends, before gRPC does, and says when to hang up.
//
// gRPC 1.51 lets an authenticated peer exhaust memory and processor with a few kilobytes a second
// (CONTINUATION flood, rapid reset, huge header lists, floods of SETTINGS, PING or empty frames). The guard
// looks only at frame headers: it holds at most kStreamsOpenMax stream ids and nine bytes of a header,
// whatever it is fed. Guarantee: the verdict does not depend on how the bytes are cut into calls; it is given
// before the offending frame's payload has been passed; after a violation every call repeats it. Rates are
// token buckets in the caller's clock. Concurrency: one thread. Pure: no clock, no sockets. Source: RFC 9113
// §4, §5, §6; SPEC §7.

#include <cstdint>
#include <map>
#include <string_view>

#include "crypto/base/bytes.h"

namespace tocsin::node {

// Which limit was broken; kNone is a pass.
enum class GuardLimit : std::uint8_t {
  kNone,
  kPreface,        // not HTTP/2, or the first frame is not SETTINGS
  kFrameLength,    // a payload over kFrameLengthMax
  kHeaderBlock,    // HEADERS and its CONTINUATIONs over kHeaderBlockMax
  kContinuations,  // more than kContinuationsMax of them
  kHeaderOrder,    // a CONTINUATION that continues nothing, or a header block that was interrupted
  kPush,           // PUSH_PROMISE: nobody pushes here
  kResetRate,
  kControlRate,  // SETTINGS, PING, PRIORITY, GOAWAY, unknown types
  kWindowUpdateRate,
  kSmallDataRate,  // DATA of almost nothing that does not end its stream
  kStreamsOpen,
  kHeadersRate,
  kCallBytes,  // more DATA in one call than its message may have
};
// For logs and metrics: "frame-length", "reset-rate" ….
std::string_view limit_name(GuardLimit limit);

// Our gRPC never announces more than HTTP/2's initial frame size.
inline constexpr std::uint32_t kFrameLengthMax = 16 * 1024;
// A call of ours carries about 300 bytes of headers.
inline constexpr std::uint32_t kHeaderBlockMax = 16 * 1024;
inline constexpr std::uint32_t kContinuationsMax = 4;
// A peer needs one watch and a few calls; gRPC is told less (kStreamsAnnounced), this catches who ignores
// that.
inline constexpr std::size_t kStreamsOpenMax = 100;
// DATA below this many bytes costs more to keep than it carries.
inline constexpr std::uint32_t kSmallDataBytes = 64;
// Sent bytes that entitle the peer to one WINDOW_UPDATE beyond the flat rate.
inline constexpr std::uint32_t kSentBytesPerWindowUpdate = 1024;

// gRPC collects a whole message before it asks whether it is too large. A request is at most a few
// checkpoints; replies are the pages of 8 MiB at most and one period of a watch.
inline constexpr std::uint32_t kRequestBytesMax = 64 * 1024;
inline constexpr std::uint32_t kReplyBytesMax = 16 * 1024 * 1024;

struct RateLimit {
  std::uint32_t burst;
  std::uint32_t per_second;
};
inline constexpr RateLimit kResetRate{50, 10};            // only cancelled calls reset
inline constexpr RateLimit kControlRate{100, 10};         // set-up takes about six, keep-alive one a minute
inline constexpr RateLimit kWindowUpdateRate{2000, 200};  // two a small call
inline constexpr RateLimit kSmallDataRate{200, 50};       // short replies
inline constexpr RateLimit kHeadersRate{400, 200};        // calls opened, or replies' two blocks

class TokenBucket {
 public:
  TokenBucket(RateLimit limit, std::uint64_t now_ms);
  bool take(std::uint64_t now_ms);
  void credit(std::uint64_t tokens);  // never above the burst

 private:
  RateLimit limit_;
  std::uint64_t thousandths_;
  std::uint64_t refilled_ms_;
};

class FrameGuard {
 public:
  // Which end the inbound bytes come from: a client sends the preface first, a server does not.
  enum class From : std::uint8_t { kClient, kServer };

  FrameGuard(From from, std::uint64_t now_ms);

  // Judges the next bytes received. kNone: pass them on; anything else: close the connection.
  GuardLimit inbound(ByteView bytes, std::uint64_t now_ms);
  // Follows the next bytes sent by our own gRPC: streams they open and close, credit they earn the peer.
  void outbound(ByteView bytes);
  // Whether the preface (of a client) and the first SETTINGS header have arrived.
  bool greeted() const { return greeted_; }

 private:
  struct Frame {
    std::uint32_t length;
    std::uint8_t type;
    std::uint8_t flags;
    std::uint32_t stream;
  };
  struct Call {
    bool ended = false;       // the sender of inbound bytes has ended its half
    std::uint32_t bytes = 0;  // DATA received
  };
  // Cuts a byte stream into frames, holding only a partial header.
  class Reader {
   public:
    // Takes some of `bytes`; true when a whole header has just been completed into frame().
    bool advance(ByteView& bytes);
    const Frame& frame() const { return frame_; }

   private:
    std::uint8_t header_[9] = {};
    std::uint32_t held_ = 0;
    std::uint32_t payload_left_ = 0;
    Frame frame_ = {};
  };

  GuardLimit take_preface(ByteView& bytes);
  GuardLimit judge(const Frame& frame, std::uint64_t now_ms);
  GuardLimit judge_headers(const Frame& frame, std::uint64_t now_ms);
  GuardLimit judge_continuation(const Frame& frame);
  GuardLimit judge_data(const Frame& frame, std::uint64_t now_ms);

  const From from_;
  GuardLimit broken_ = GuardLimit::kNone;
  std::size_t preface_seen_ = 0;
  bool greeted_ = false;
  Reader in_;
  Reader out_;
  bool out_preface_done_;
  std::size_t out_preface_seen_ = 0;
  std::uint32_t block_stream_ = 0;  // the stream whose header block is open, 0 when none is
  std::uint32_t block_bytes_ = 0;
  std::uint32_t block_continuations_ = 0;
  std::uint32_t highest_stream_ = 0;
  std::map<std::uint32_t, Call> open_;  // calls that go on
  std::uint64_t sent_bytes_ = 0;        // not yet turned into credit
  TokenBucket resets_, control_, window_updates_, small_data_, headers_;
};

}  // namespace tocsin::node
