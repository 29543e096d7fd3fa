#include "node/peer/link_pump.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>

#include <poll.h>
#include <sys/socket.h>

namespace tocsin::node {
namespace {

using Step = TlsStream::Step;

// Bytes read from one side and not yet taken by the other.
struct Buffer {
  Bytes storage = Bytes(kPumpBytes);
  std::size_t begin = 0;
  std::size_t end = 0;

  bool empty() const { return begin == end; }
  ByteView waiting() const { return ByteView(storage).subspan(begin, end - begin); }
  void filled(std::size_t bytes) {
    begin = 0;
    end = bytes;
  }
};

class Pump {
 public:
  Pump(TlsStream& peer, int local, FrameGuard::From from, const WakeFd& wake, Runtime& clock)
      : peer_(peer),
        local_(local),
        wake_(wake),
        clock_(clock),
        guard_(from, clock.now_ms()),
        greeting_deadline_(clock.now_ms() + kGreetingMs) {}

  Status run() {
    for (;;) {
      if (wake_.woken()) return fail(Code::kCancelled, "the link was stopped", "link/stopped");
      moved_ = false;
      TRY(peer_to_local());
      if (!ended_) TRY(local_to_peer());
      if (ended_) return {};
      TRY(check_deadlines());
      if (!moved_) TRY(wait());
    }
  }

 private:
  Status peer_to_local() {
    read_wants_ = Step::kMoved;
    if (inward_.empty()) {
      const auto got = peer_.read_some(inward_.storage);
      if (got.step == Step::kClosed) ended_ = true;
      read_wants_ = got.step;
      if (got.step != Step::kMoved) return {};
      moved_ = true;
      inward_.filled(got.bytes);
      const GuardLimit limit = guard_.inbound(inward_.waiting(), clock_.now_ms());
      if (limit != GuardLimit::kNone)
        return fail(Code::kResourceExhausted, "the peer broke the limit " + std::string(limit_name(limit)),
                    "link/guard");
    }
    const ByteView waiting = inward_.waiting();
    const auto sent = ::send(local_, waiting.data(), waiting.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      moved_ = true;
      inward_.begin += static_cast<std::size_t>(sent);
    } else if (errno != EAGAIN && errno != EINTR) {
      ended_ = true;
    }
    return {};
  }

  Status local_to_peer() {
    write_wants_ = Step::kMoved;
    if (outward_.empty()) {
      const auto got = ::recv(local_, outward_.storage.data(), outward_.storage.size(), MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) ended_ = true;
      if (got <= 0) return {};
      moved_ = true;
      outward_.filled(static_cast<std::size_t>(got));
      guard_.outbound(outward_.waiting());
      taken_ms_ = clock_.now_ms();
    }
    const auto sent = peer_.write_some(outward_.waiting());
    if (sent.step == Step::kClosed) ended_ = true;
    write_wants_ = sent.step;
    if (sent.step != Step::kMoved) return {};
    moved_ = true;
    outward_.begin += sent.bytes;
    taken_ms_ = clock_.now_ms();
    return {};
  }

  std::optional<std::uint64_t> deadline() const {
    std::optional<std::uint64_t> at;
    if (!outward_.empty()) at = taken_ms_ + kStallMs;
    if (!guard_.greeted()) at = std::min(at.value_or(greeting_deadline_), greeting_deadline_);
    return at;
  }

  Status check_deadlines() const {
    const std::uint64_t now = clock_.now_ms();
    if (!guard_.greeted() && now >= greeting_deadline_)
      return fail(Code::kDeadlineExceeded, "the peer did not begin HTTP/2", "link/silent");
    if (!outward_.empty() && now >= taken_ms_ + kStallMs)
      return fail(Code::kDeadlineExceeded, "the peer takes nothing", "link/stalled");
    return {};
  }

  Status wait() const {
    short peer_events = 0;
    if (read_wants_ == Step::kWantRead || write_wants_ == Step::kWantRead) peer_events |= POLLIN;
    if (read_wants_ == Step::kWantWrite || write_wants_ == Step::kWantWrite) peer_events |= POLLOUT;
    short local_events = 0;
    if (!inward_.empty()) local_events |= POLLOUT;
    if (outward_.empty()) local_events |= POLLIN;
    // A side that we do not ask about is left out: its hang-up would be reported at once, for ever.
    pollfd watched[3] = {{peer_events != 0 ? peer_.fd() : -1, peer_events, 0},
                         {local_events != 0 ? local_ : -1, local_events, 0},
                         {wake_.get(), POLLIN, 0}};
    int timeout_ms = -1;
    if (const auto at = deadline()) {
      const std::uint64_t now = clock_.now_ms();
      timeout_ms = *at <= now ? 0 : static_cast<int>(std::min<std::uint64_t>(*at - now, kStallMs));
    }
    if (::poll(watched, 3, timeout_ms) < 0 && errno != EINTR)
      return fail(Code::kInternal, "poll failed", "link/closed");
    return {};
  }

  TlsStream& peer_;
  const int local_;
  const WakeFd& wake_;
  Runtime& clock_;
  FrameGuard guard_;
  const std::uint64_t greeting_deadline_;
  Buffer inward_;
  Buffer outward_;
  Step read_wants_ = Step::kMoved;
  Step write_wants_ = Step::kMoved;
  std::uint64_t taken_ms_ = 0;  // when the peer last took bytes of ours, or they began to wait
  bool moved_ = false;
  bool ended_ = false;
};

}  // namespace

Status pump(TlsStream& peer, const UniqueFd& local, FrameGuard::From from, const WakeFd& wake,
            Runtime& clock) {
  return Pump(peer, local.get(), from, wake, clock).run();
}

}  // namespace tocsin::node
