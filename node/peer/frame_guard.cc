#include "node/peer/frame_guard.h"

#include <algorithm>

#include "crypto/base/encoding.h"

namespace tocsin::node {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kWindowUpdate = 8,
  kContinuation = 9,
};
constexpr std::uint8_t kEndStream = 0x1;
constexpr std::uint8_t kEndHeaders = 0x4;

}  // namespace

std::string_view limit_name(GuardLimit limit) {
  switch (limit) {
    case GuardLimit::kNone:
      return "none";
    case GuardLimit::kPreface:
      return "preface";
    case GuardLimit::kFrameLength:
      return "frame-length";
    case GuardLimit::kHeaderBlock:
      return "header-block";
    case GuardLimit::kContinuations:
      return "continuations";
    case GuardLimit::kHeaderOrder:
      return "header-order";
    case GuardLimit::kPush:
      return "push";
    case GuardLimit::kResetRate:
      return "reset-rate";
    case GuardLimit::kControlRate:
      return "control-rate";
    case GuardLimit::kWindowUpdateRate:
      return "window-update-rate";
    case GuardLimit::kSmallDataRate:
      return "small-data-rate";
    case GuardLimit::kStreamsOpen:
      return "streams-open";
    case GuardLimit::kHeadersRate:
      return "headers-rate";
    case GuardLimit::kCallBytes:
      return "call-bytes";
  }
  return "unknown";
}

TokenBucket::TokenBucket(RateLimit limit, std::uint64_t now_ms)
    : limit_(limit), thousandths_(std::uint64_t{limit.burst} * 1000), refilled_ms_(now_ms) {}

bool TokenBucket::take(std::uint64_t now_ms) {
  const std::uint64_t full = std::uint64_t{limit_.burst} * 1000;
  if (now_ms > refilled_ms_) {
    const std::uint64_t elapsed = std::min<std::uint64_t>(now_ms - refilled_ms_, full);
    thousandths_ = std::min(full, thousandths_ + elapsed * limit_.per_second);
    refilled_ms_ = now_ms;
  }
  if (thousandths_ < 1000) return false;
  thousandths_ -= 1000;
  return true;
}

void TokenBucket::credit(std::uint64_t tokens) {
  const std::uint64_t full = std::uint64_t{limit_.burst} * 1000;
  thousandths_ = std::min(full, thousandths_ + std::min<std::uint64_t>(tokens, limit_.burst) * 1000);
}

bool FrameGuard::Reader::advance(ByteView& bytes) {
  const std::size_t skip = std::min<std::size_t>(payload_left_, bytes.size());
  payload_left_ -= static_cast<std::uint32_t>(skip);
  bytes = bytes.subspan(skip);
  while (!bytes.empty()) {
    header_[held_++] = bytes.front();
    bytes = bytes.subspan(1);
    if (held_ < sizeof header_) continue;
    held_ = 0;
    frame_.length = get_be<std::uint32_t>(header_) >> 8;
    frame_.type = header_[3];
    frame_.flags = header_[4];
    frame_.stream = get_be<std::uint32_t>(header_ + 5) & 0x7fffffffU;
    payload_left_ = frame_.length;
    return true;
  }
  return false;
}

FrameGuard::FrameGuard(From from, std::uint64_t now_ms)
    : from_(from),
      out_preface_done_(from == From::kClient),
      resets_(node::kResetRate, now_ms),
      control_(node::kControlRate, now_ms),
      window_updates_(node::kWindowUpdateRate, now_ms),
      small_data_(node::kSmallDataRate, now_ms),
      headers_(node::kHeadersRate, now_ms) {}

GuardLimit FrameGuard::take_preface(ByteView& bytes) {
  while (preface_seen_ < kPreface.size() && !bytes.empty()) {
    if (bytes.front() != static_cast<std::uint8_t>(kPreface[preface_seen_])) return GuardLimit::kPreface;
    ++preface_seen_;
    bytes = bytes.subspan(1);
  }
  return GuardLimit::kNone;
}

GuardLimit FrameGuard::inbound(ByteView bytes, std::uint64_t now_ms) {
  if (broken_ == GuardLimit::kNone && from_ == From::kClient) broken_ = take_preface(bytes);
  while (broken_ == GuardLimit::kNone && in_.advance(bytes)) broken_ = judge(in_.frame(), now_ms);
  return broken_;
}

GuardLimit FrameGuard::judge(const Frame& frame, std::uint64_t now_ms) {
  if (!greeted_ && frame.type != kSettings) return GuardLimit::kPreface;
  greeted_ = true;
  if (frame.length > kFrameLengthMax) return GuardLimit::kFrameLength;
  if (frame.type == kContinuation) return judge_continuation(frame);
  if (block_stream_ != 0) return GuardLimit::kHeaderOrder;
  switch (frame.type) {
    case kHeaders:
      return judge_headers(frame, now_ms);
    case kData:
      return judge_data(frame, now_ms);
    case kPushPromise:
      return GuardLimit::kPush;
    case kRstStream:
      open_.erase(frame.stream);
      return resets_.take(now_ms) ? GuardLimit::kNone : GuardLimit::kResetRate;
    case kWindowUpdate:
      return window_updates_.take(now_ms) ? GuardLimit::kNone : GuardLimit::kWindowUpdateRate;
    default:
      return control_.take(now_ms) ? GuardLimit::kNone : GuardLimit::kControlRate;
  }
}

GuardLimit FrameGuard::judge_headers(const Frame& frame, std::uint64_t now_ms) {
  if (frame.length > kHeaderBlockMax) return GuardLimit::kHeaderBlock;
  if (frame.stream == 0) return GuardLimit::kHeaderOrder;
  if (!headers_.take(now_ms)) return GuardLimit::kHeadersRate;
  if (from_ == From::kClient && frame.stream > highest_stream_) {
    highest_stream_ = frame.stream;
    open_[frame.stream].ended = (frame.flags & kEndStream) != 0;
    if (open_.size() > kStreamsOpenMax) return GuardLimit::kStreamsOpen;
  } else if (from_ == From::kServer && (frame.flags & kEndStream) != 0) {
    open_.erase(frame.stream);
  }
  if ((frame.flags & kEndHeaders) == 0) {
    block_stream_ = frame.stream;
    block_bytes_ = frame.length;
    block_continuations_ = 0;
  }
  return GuardLimit::kNone;
}

GuardLimit FrameGuard::judge_continuation(const Frame& frame) {
  if (block_stream_ == 0 || frame.stream != block_stream_) return GuardLimit::kHeaderOrder;
  block_bytes_ += frame.length;
  if (block_bytes_ > kHeaderBlockMax) return GuardLimit::kHeaderBlock;
  if (++block_continuations_ > kContinuationsMax) return GuardLimit::kContinuations;
  if ((frame.flags & kEndHeaders) != 0) block_stream_ = 0;
  return GuardLimit::kNone;
}

GuardLimit FrameGuard::judge_data(const Frame& frame, std::uint64_t now_ms) {
  const bool ends = (frame.flags & kEndStream) != 0;
  if (const auto call = open_.find(frame.stream); call != open_.end()) {
    call->second.bytes += frame.length;
    if (call->second.bytes > (from_ == From::kClient ? kRequestBytesMax : kReplyBytesMax))
      return GuardLimit::kCallBytes;
    // A short request that ends its half of a call costs a call, which is counted; but only the first end
    // does.
    if (ends && !call->second.ended) {
      call->second.ended = true;
      if (from_ == From::kServer) open_.erase(call);
      return GuardLimit::kNone;
    }
  }
  if (frame.length >= kSmallDataBytes) return GuardLimit::kNone;
  return small_data_.take(now_ms) ? GuardLimit::kNone : GuardLimit::kSmallDataRate;
}

void FrameGuard::outbound(ByteView bytes) {
  sent_bytes_ += bytes.size();
  window_updates_.credit(sent_bytes_ / kSentBytesPerWindowUpdate);
  sent_bytes_ %= kSentBytesPerWindowUpdate;
  if (!out_preface_done_) {
    const std::size_t skip = std::min(kPreface.size() - out_preface_seen_, bytes.size());
    out_preface_seen_ += skip;
    bytes = bytes.subspan(skip);
    out_preface_done_ = out_preface_seen_ == kPreface.size();
  }
  while (out_.advance(bytes)) {
    const Frame& frame = out_.frame();
    if (frame.type == kHeaders && from_ == From::kServer) {
      // A call of ours: the server answers with up to two header blocks and perhaps a short message.
      if (open_.size() < kStreamsOpenMax) open_[frame.stream];
      headers_.credit(2);
      small_data_.credit(1);
    }
    const bool ends = (frame.type == kHeaders || frame.type == kData) && (frame.flags & kEndStream) != 0;
    if (frame.type == kRstStream || (ends && from_ == From::kClient)) open_.erase(frame.stream);
  }
}

}  // namespace tocsin::node
