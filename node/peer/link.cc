#include "node/peer/link.h"

#include <algorithm>
#include <csignal>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <poll.h>

#include "node/peer/link_pump.h"
#include "node/peer/socket.h"

namespace tocsin::node {
namespace {

// How long accepting rests when the process has no descriptor left.
constexpr int kAcceptRestMs = 100;

// OpenSSL writes with write(2): a peer that has gone would otherwise raise a signal.
void block_pipe_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

LinkEvent::Kind kind_of_end(const Status& end) {
  if (end || end.error().code == Code::kCancelled) return LinkEvent::Kind::kClosed;
  return LinkEvent::Kind::kCut;
}

LinkEvent::Kind kind_of_failure(const Error& error) {
  return error.rule == "link/refused" ? LinkEvent::Kind::kRefused : LinkEvent::Kind::kFailed;
}

}  // namespace

std::string_view kind_name(LinkEvent::Kind kind) {
  switch (kind) {
    case LinkEvent::Kind::kAccepted:
      return "accepted";
    case LinkEvent::Kind::kDialled:
      return "dialled";
    case LinkEvent::Kind::kRefused:
      return "refused";
    case LinkEvent::Kind::kFailed:
      return "failed";
    case LinkEvent::Kind::kCut:
      return "cut";
    case LinkEvent::Kind::kClosed:
      return "closed";
    case LinkEvent::Kind::kShed:
      return "shed";
    case LinkEvent::Kind::kJoin:
      return "join";
  }
  return "unknown";
}

class LinkPort::Links {
 public:
  Links(Runtime& runtime, LinkHooks hooks) : runtime_(runtime), hooks_(std::move(hooks)) {}
  ~Links() { stop(); }

  Status set_identity(const TlsIdentity& identity) {
    TRY_ASSIGN(auto context, TlsContext::make(identity));
    const std::lock_guard lock(mu_);
    context_ = std::move(context);
    return {};
  }

  Result<std::uint16_t> listen(const std::string& address) {
    TRY_ASSIGN(Listener listener, listen_tcp(address));
    const std::uint16_t port = listener.port;
    const std::lock_guard lock(mu_);
    if (stopping_ || accepting_.joinable())
      return fail(Code::kFailedPrecondition, "the peer port already listens, or has stopped", "link/listen");
    accepting_ = std::thread([this, socket = std::move(listener.socket)] { accept_loop(socket); });
    return port;
  }

  void dial(DialTarget target, DialDone done) {
    auto shared = std::make_shared<DialDone>(std::move(done));
    const bool started = start_dialling([this, target = std::move(target), shared](Connection& connection) {
      run_dial(connection, target, *shared);
    });
    if (!started) (*shared)(fail(Code::kResourceExhausted, "no room for another link", "link/room"));
  }

  void join(DialTarget inviter, JoinRequestMaker make_request, JoinDone done) {
    auto shared = std::make_shared<JoinDone>(std::move(done));
    const bool started =
        start_dialling([this, inviter = std::move(inviter), make = std::move(make_request),
                        shared](Connection& connection) { (*shared)(run_join(connection, inviter, make)); });
    if (!started) (*shared)(fail(Code::kResourceExhausted, "no room for another link", "link/room"));
  }

  void drop(const Hash& peer) {
    const std::lock_guard lock(mu_);
    for (Connection& connection : connections_)
      if (connection.peer == peer) connection.wake.wake();
  }

  std::size_t links() const {
    const std::lock_guard lock(mu_);
    return count([](const Connection& c) { return c.state == State::kLinked; });
  }

  void stop() {
    {
      const std::lock_guard lock(mu_);
      stopping_ = true;
      for (Connection& connection : connections_) connection.wake.wake();
    }
    stop_accepting_.wake();
    if (accepting_.joinable()) accepting_.join();
    // Nothing is added any more: threads can be joined without the lock, which they take to end.
    for (Connection& connection : connections_)
      if (connection.thread.joinable()) connection.thread.join();
    connections_.clear();
  }

 private:
  enum class State : std::uint8_t { kPending, kLinked, kShed, kDone };
  // One thread's share. Set before it starts: inbound, source. Guarded by mu_: state, peer.
  struct Connection {
    bool inbound = false;
    std::string source;
    WakeFd wake;
    std::thread thread;
    State state = State::kPending;
    std::optional<Hash> peer;
  };

  template <typename Which>
  std::size_t count(Which which) const {
    std::size_t found = 0;
    for (const Connection& connection : connections_) found += which(connection) ? 1U : 0U;
    return found;
  }

  // Joins the threads that have ended.
  void reap() {
    std::list<Connection> ended;
    {
      const std::lock_guard lock(mu_);
      if (stopping_) return;  // stop() joins them all
      for (auto at = connections_.begin(); at != connections_.end();) {
        const auto next = std::next(at);
        if (at->state == State::kDone) ended.splice(ended.end(), connections_, at);
        at = next;
      }
    }
    for (Connection& connection : ended) connection.thread.join();
  }

  // Under mu_.
  template <typename Body>
  void start(Connection& connection, Body body) {
    connection.thread = std::thread([this, &connection, body = std::move(body)]() mutable {
      block_pipe_signal();
      body(connection);
      const std::lock_guard lock(mu_);
      connection.state = State::kDone;
    });
  }

  template <typename Body>
  bool start_dialling(Body body) {
    reap();
    const std::lock_guard lock(mu_);
    if (stopping_ || count([](const Connection& c) { return !c.inbound; }) >= kDialledMax) return false;
    start(connections_.emplace_back(), std::move(body));
    return true;
  }

  void accept_loop(const UniqueFd& listener) {
    for (;;) {
      pollfd watched[2] = {{listener.get(), POLLIN, 0}, {stop_accepting_.get(), POLLIN, 0}};
      ::poll(watched, 2, -1);
      if (watched[1].revents != 0) return;
      if (watched[0].revents == 0) continue;
      Accepted accepted = accept_tcp(listener);
      reap();
      if (accepted.socket) {
        start_inbound(std::move(accepted));
      } else {
        pollfd rest{stop_accepting_.get(), POLLIN, 0};
        ::poll(&rest, 1, kAcceptRestMs);
      }
    }
  }

  void start_inbound(Accepted accepted) {
    const std::string source = accepted.source;
    bool started = false;
    {
      const std::lock_guard lock(mu_);
      if (stopping_) return;
      make_room(source);
      if (count([](const Connection& c) { return c.inbound; }) < kLinksMax + 2 * kPendingMax) {
        Connection& connection = connections_.emplace_back();
        connection.inbound = true;
        connection.source = source;
        auto socket = std::make_shared<UniqueFd>(std::move(accepted.socket));
        start(connection, [this, socket](Connection& self) { run_inbound(self, std::move(*socket)); });
        started = true;
      }
    }
    if (!started) report(LinkEvent::Kind::kShed, true, source, {}, "too many connections");
  }

  // A flood of strangers displaces its own oldest, not those who have shaken hands.
  void make_room(const std::string& source) {
    const auto pending = [](const Connection& c) { return c.inbound && c.state == State::kPending; };
    const auto here = [&](const Connection& c) { return pending(c) && c.source == source; };
    const bool crowded_here = count(here) >= kPendingPerSourceMax;
    if (!crowded_here && count(pending) < kPendingMax) return;
    for (Connection& connection : connections_) {
      if (crowded_here ? !here(connection) : !pending(connection)) continue;
      connection.state = State::kShed;
      connection.wake.wake();
      return;
    }
  }

  // The verdict, and the place that an accepted peer takes.
  LinkVerdict judge_and_reserve(Connection& connection, const Result<PeerCertificate>& peer) {
    if (!peer) return LinkVerdict::refuse(peer.error().code, peer.error().message);
    {
      // Before the verdict: a drop() that follows a suspension then meets either the name or the new verdict.
      const std::lock_guard lock(mu_);
      connection.peer = peer->fingerprint;
    }
    LinkVerdict verdict = hooks_.judge(*peer);
    if (verdict.refused) return verdict;
    const std::lock_guard lock(mu_);
    const auto linked = [](const Connection& c) { return c.inbound && c.state == State::kLinked; };
    const auto same = [&](const Connection& c) { return linked(c) && c.peer == peer->fingerprint; };
    if (connection.inbound && count(same) >= kLinksPerPeerMax) {
      const auto oldest = std::find_if(connections_.begin(), connections_.end(), same);
      oldest->state = State::kShed;
      oldest->wake.wake();
    }
    if (connection.inbound && count(linked) >= kLinksMax)
      return LinkVerdict::refuse(Code::kResourceExhausted, "no room for another link");
    if (connection.state == State::kPending) connection.state = State::kLinked;
    return verdict;
  }

  void run_inbound(Connection& connection, UniqueFd socket) {
    const std::uint64_t deadline = runtime_.now_ms() + kOpeningMs;
    TlsStream stream(context(), std::move(socket), connection.wake, runtime_);
    if (const Status shaken = stream.handshake(TlsStream::Role::kServer, {}, deadline); !shaken)
      return report(LinkEvent::Kind::kFailed, true, connection.source, {}, shaken.error().message);
    const auto peer = read_certificate(stream.peer_certificate());
    const std::string name = peer ? peer->descriptor.name() : std::string();
    if (stream.alpn() == kAlpnJoin) return run_inbound_join(connection, stream, peer, deadline);
    const LinkVerdict verdict = judge_and_reserve(connection, peer);
    const Status opened = exchange_verdicts(stream, verdict, deadline);
    if (!opened) {
      stream.close_notify();
      return report(kind_of_failure(opened.error()), true, connection.source, name, opened.error().message);
    }
    auto pair = local_pair();
    if (!pair) return report(LinkEvent::Kind::kFailed, true, connection.source, name, pair.error().message);
    report(LinkEvent::Kind::kAccepted, true, connection.source, name, {});
    const std::unique_ptr<LinkServer> server = hooks_.serve(std::move(pair->second), *peer);
    run_pump(connection, stream, std::move(pair->first), FrameGuard::From::kClient, name);
  }

  void run_inbound_join(Connection& connection, TlsStream& stream, const Result<PeerCertificate>& peer,
                        std::uint64_t deadline) {
    if (!peer || !hooks_.join)
      return report(LinkEvent::Kind::kFailed, true, connection.source, {},
                    peer ? "joining is not offered" : peer.error().message);
    const Status served = serve_join(stream, *peer, hooks_.join, deadline);
    stream.close_notify();
    report(served ? LinkEvent::Kind::kJoin : LinkEvent::Kind::kFailed, true, connection.source,
           peer->descriptor.name(), served ? std::string() : served.error().message);
  }

  void run_pump(Connection& connection, TlsStream& stream, UniqueFd local, FrameGuard::From from,
                const std::string& name) {
    const Status end = pump(stream, local, from, connection.wake, runtime_);
    stream.close_notify();
    report(kind_of_end(end), connection.inbound, connection.source, name,
           end ? std::string() : end.error().message);
  }

  // TCP, TLS and the answering certificate, which must be the wanted node's.
  Result<PeerCertificate> reach(Connection& connection, const DialTarget& target, std::string_view alpn,
                                std::uint64_t deadline, std::optional<TlsStream>& stream) {
    TRY_ASSIGN(UniqueFd socket, connect_tcp(target.address, connection.wake, runtime_, deadline));
    stream.emplace(context(), std::move(socket), connection.wake, runtime_);
    TRY(stream->handshake(TlsStream::Role::kClient, alpn, deadline));
    TRY_ASSIGN(PeerCertificate peer, read_certificate(stream->peer_certificate()));
    if (peer.fingerprint != target.fingerprint)
      return fail(Code::kUnauthenticated, "another node answers at " + target.address, "link/refused");
    return peer;
  }

  void run_dial(Connection& connection, const DialTarget& target, const DialDone& done) {
    connection.source = target.address;
    const std::uint64_t deadline = runtime_.now_ms() + kOpeningMs;
    std::optional<TlsStream> stream;
    auto peer = reach(connection, target, kAlpnFeed, deadline, stream);
    const std::string name = peer ? peer->descriptor.name() : std::string();
    const auto failed = [&](const Error& error) {
      report(kind_of_failure(error), false, target.address, name, error.message);
      done(fail(error));
    };
    // Whoever has shown a certificate hears why it is not wanted.
    if (!peer && (!stream || stream->peer_certificate().empty() || stream->alpn() != kAlpnFeed))
      return failed(peer.error());
    const Status opened = exchange_verdicts(*stream, judge_and_reserve(connection, peer), deadline);
    if (!opened) {
      stream->close_notify();
      return failed(opened.error());
    }
    auto pair = local_pair();
    if (!pair) return failed(pair.error());
    report(LinkEvent::Kind::kDialled, false, target.address, name, {});
    done(DialledLink{std::move(pair->second), std::move(*peer)});
    run_pump(connection, *stream, std::move(pair->first), FrameGuard::From::kServer, name);
  }

  Result<v1::JoinReply> run_join(Connection& connection, const DialTarget& inviter,
                                 const JoinRequestMaker& make) {
    const std::uint64_t deadline = runtime_.now_ms() + kOpeningMs;
    std::optional<TlsStream> stream;
    TRY_ASSIGN(const PeerCertificate peer, reach(connection, inviter, kAlpnJoin, deadline, stream));
    if (!equal(peer.spki_sha256, as_view(peer.descriptor.tls_spki_sha256())))
      return fail(Code::kUnauthenticated, "the inviter's certificate is not its descriptor's",
                  "link/refused");
    auto reply = request_join(*stream, make(peer, stream->exporter(kJoinExporter)), deadline);
    stream->close_notify();
    return reply;
  }

  std::shared_ptr<const TlsContext> context() const {
    const std::lock_guard lock(mu_);
    return context_;
  }

  void report(LinkEvent::Kind kind, bool inbound, const std::string& address, const std::string& peer,
              const std::string& reason) const {
    if (hooks_.event) hooks_.event({kind, inbound, address, peer, reason});
  }

  Runtime& runtime_;
  const LinkHooks hooks_;
  WakeFd stop_accepting_;
  std::thread accepting_;

  mutable std::mutex mu_;
  // Guarded by mu_.
  std::shared_ptr<const TlsContext> context_;
  std::list<Connection> connections_;  // in the order they began
  bool stopping_ = false;
};

LinkPort::LinkPort(std::unique_ptr<Links> links) : links_(std::move(links)) {}
LinkPort::~LinkPort() = default;

Result<std::unique_ptr<LinkPort>> LinkPort::open(Runtime& runtime, const TlsIdentity& identity,
                                                 LinkHooks hooks) {
  auto links = std::make_unique<Links>(runtime, std::move(hooks));
  TRY(links->set_identity(identity));
  return std::unique_ptr<LinkPort>(new LinkPort(std::move(links)));
}

Result<std::uint16_t> LinkPort::listen(const std::string& address) {
  return links_->listen(address);
}
void LinkPort::dial(DialTarget target, DialDone done) {
  links_->dial(std::move(target), std::move(done));
}
void LinkPort::join(DialTarget inviter, JoinRequestMaker make_request, JoinDone done) {
  links_->join(std::move(inviter), std::move(make_request), std::move(done));
}
Status LinkPort::set_identity(const TlsIdentity& identity) {
  return links_->set_identity(identity);
}
void LinkPort::drop(const Hash& peer) {
  links_->drop(peer);
}
std::size_t LinkPort::links() const {
  return links_->links();
}
void LinkPort::stop() {
  links_->stop();
}

}  // namespace tocsin::node
