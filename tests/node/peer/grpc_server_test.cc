#include "node/peer/grpc_server.h"

#include <csignal>
#include <fstream>

#include "node/peer/link_opening.h"
#include "node/peer/link_pump.h"
#include "node/peer/socket.h"
#include "tests/node/peer/http2_frames.h"
#include "tests/node/peer/port_fixture.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;
namespace f = tocsin::node::frames;

namespace {

std::uint64_t process_figure(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == name) {
      std::uint64_t value = 0;
      status >> value;
      return value;
    }
  return 0;
}

// Sanitizers keep freed memory; their figures say nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kGrowthKbMax = 4 * 1024 * 1024;
#else
constexpr std::uint64_t kGrowthKbMax = 64 * 1024;
#endif

// A member gone bad: it has been accepted, then speaks HTTP/2 as it likes.
class Attacker {
 public:
  Attacker(PortNode& target, const NodeFixture& who)
      : clock_(target.runtime),
        stream_(*TlsContext::make(who.identity()),
                *connect_tcp(target.address, wake_, clock_, clock_.now_ms() + 10'000), wake_, clock_) {
    // The port's own threads block it; this one writes to a connection that is cut on purpose.
    std::signal(SIGPIPE, SIG_IGN);
    REQUIRE(stream_.handshake(TlsStream::Role::kClient, kAlpnFeed, deadline()));
    REQUIRE(exchange_verdicts(stream_, LinkVerdict::accept(), deadline()));
  }

  bool send(const Bytes& bytes) { return stream_.write_all(bytes, deadline()).has_value(); }
  // Sends the frames until it is cut off.
  void flood(std::uint32_t times, const std::function<Bytes(std::uint32_t)>& make) {
    Bytes batch;
    for (std::uint32_t i = 0; i < times; ++i) {
      append(batch, make(i));
      if (batch.size() < 64 * 1024 && i + 1 < times) continue;
      if (!send(batch)) return;
      batch.clear();
    }
  }
  bool is_cut() {
    FixedBytes<1> byte;
    Status read;
    while ((read = stream_.read_exact(byte, deadline()))) {
    }
    return read.error().rule == "link/closed";
  }

 private:
  std::uint64_t deadline() { return clock_.now_ms() + 15'000; }
  WakeFd wake_;
  Runtime& clock_;
  TlsStream stream_;
};

// A server under attack, an honest peer with a link made before, and a member who attacks.
struct Siege {
  Siege() : server(1), honest(2), attacker(3) {
    introduce(server, honest);
    server.pin(attacker);
    link = *honest.connect(server.target());
    REQUIRE(say_hello(*link));
    resident_kb = process_figure("VmRSS:");
  }
  // The attack is over: the server is as it was.
  void expect_unharmed() {
    CHECK(say_hello(*link));
    auto fresh = honest.connect(server.target());
    REQUIRE(fresh);
    CHECK(say_hello(**fresh));
    (*fresh)->close();
    (*fresh).reset();
    // Until the server has noticed, it is this peer's second link, and a third would push out the first.
    const std::string name = honest.fixture.descriptor.name();
    server.events.await([&](const LinkEvent& event) {
      return event.kind == LinkEvent::Kind::kClosed && event.inbound && event.peer == name;
    });
    const std::uint64_t now_kb = process_figure("VmRSS:");
    CHECK(now_kb < resident_kb + kGrowthKbMax);
  }
  // Expects the flood to be cut by the named limit.
  void expect_cut(const std::string& limit, std::uint32_t times,
                  const std::function<Bytes(std::uint32_t)>& make, const Bytes& first = {}) {
    Attacker member(server, attacker);
    Bytes opening = f::greeting();
    append(opening, first);
    member.send(opening);
    member.flood(times, make);
    CHECK(member.is_cut());
    CHECK(server.await_event(LinkEvent::Kind::kCut).reason == "the peer broke the limit " + limit);
    expect_unharmed();
  }

  PortNode server;
  PortNode honest;
  NodeFixture attacker;
  std::shared_ptr<PeerLink> link;
  std::uint64_t resident_kb = 0;
};

Bytes call(std::uint32_t i, std::uint8_t flags = f::kEndHeaders) {
  return f::frame(f::kHeaders, flags, 2 * i + 1, f::call_headers("/tocsin.v1.PeerFeed/Hello"));
}

// A gRPC message on a stream, in frames of 16 KiB.
Bytes message(std::uint32_t stream, std::uint32_t claimed, const Bytes& payload, bool ends) {
  Bytes all{0};
  append_be(all, claimed);
  append(all, payload);
  Bytes out;
  for (std::size_t at = 0; at < all.size(); at += kFrameLengthMax) {
    const std::size_t size = std::min<std::size_t>(kFrameLengthMax, all.size() - at);
    const bool last = ends && at + size == all.size();
    append(out, f::frame(f::kData, last ? f::kEndStream : 0, stream, ByteView(all).subspan(at, size)));
  }
  return out;
}

}  // namespace

TEST_CASE("a CONTINUATION flood is cut, honest calls go on") {
  Siege siege;
  siege.expect_cut(
      "continuations", 200'000, [](auto) { return f::frame(f::kContinuation, 0, 1, Bytes(64, 0)); },
      f::frame(f::kHeaders, 0, 1, Bytes(64, 0)));
}

TEST_CASE("a rapid reset is cut, honest calls go on") {
  Siege siege;
  siege.expect_cut("reset-rate", 100'000, [](std::uint32_t i) {
    Bytes out = call(i);
    append(out, f::rst(2 * i + 1));
    return out;
  });
}

TEST_CASE("a header list of megabytes is cut, honest calls go on") {
  Siege siege;
  siege.expect_cut(
      "header-block", 1'000,
      [](auto) { return f::frame(f::kContinuation, 0, 1, Bytes(kFrameLengthMax, 0x40)); },
      f::frame(f::kHeaders, 0, 1, Bytes(kFrameLengthMax, 0x40)));
}

TEST_CASE("floods of SETTINGS, PING and empty frames are cut, honest calls go on") {
  Siege siege;
  siege.expect_cut("control-rate", 1'000'000, [](auto) { return f::settings(); });
  siege.expect_cut("control-rate", 500'000, [](auto) { return f::ping(); });
  siege.expect_cut(
      "small-data-rate", 1'000'000, [](auto) { return f::frame(f::kData, 0, 1); }, call(0));
}

TEST_CASE("an HPACK bomb within the frame limits stays small") {
  Siege siege;
  Attacker member(siege.server, siege.attacker);
  member.send(f::greeting());
  Bytes block = f::call_headers("/tocsin.v1.PeerFeed/Hello");
  // One entry of 4,000 bytes put into the dynamic table, then named some 12,000 times.
  append(block, Bytes{0x40, 1, 'x', 0x7f, 0xa1, 0x1e});
  append(block, Bytes(4000, 'y'));
  block.resize(kHeaderBlockMax - 16, 0xbe);
  member.flood(100, [&](std::uint32_t i) { return f::frame(f::kHeaders, 5, 2 * i + 1, block); });
  siege.expect_unharmed();
}

TEST_CASE("protobuf and length bombs are refused or cut, honest calls go on") {
  Siege siege;
  {
    Attacker member(siege.server, siege.attacker);
    Bytes frames = f::greeting();
    Bytes bomb;
    while (bomb.size() < 30'000) append(bomb, Bytes{0x7a, 0});
    for (std::uint32_t i = 0; i < 90; ++i) {
      append(frames, call(i));
      append(frames, message(2 * i + 1, static_cast<std::uint32_t>(bomb.size()), bomb, true));
    }
    CHECK(member.send(frames));
    siege.expect_unharmed();
  }
  siege.expect_cut(
      "call-bytes", 1'000, [](auto) { return f::frame(f::kData, 0, 1, Bytes(kFrameLengthMax, 0)); },
      [] {
        Bytes first = call(0);
        append(first, message(1, 1U << 30, Bytes(100, 0), false));
        return first;
      }());
}

TEST_CASE("who shakes hands and says nothing, or does not even that, is cut within seconds") {
  Siege siege;
  Attacker silent(siege.server, siege.attacker);
  const WakeFd wake;
  Runtime& clock = siege.server.runtime;
  const UniqueFd idle = *connect_tcp(siege.server.address, wake, clock, clock.now_ms() + 5'000);
  Attacker slow(siege.server, siege.attacker);
  CHECK(slow.send(to_bytes(as_view("PRI * HT"))));
  CHECK(silent.is_cut());
  CHECK(slow.is_cut());
  const auto idle_end =
      siege.server.events.await([](const LinkEvent& e) { return e.reason == "the peer was too slow"; });
  CHECK(idle_end.kind == LinkEvent::Kind::kFailed);
  siege.expect_unharmed();
}

TEST_CASE("a flood of connections takes a bounded number of threads, members still get in") {
  Siege siege;
  const std::uint64_t threads = process_figure("Threads:");
  const WakeFd wake;
  Runtime& clock = siege.server.runtime;
  std::vector<UniqueFd> held;
  for (int i = 0; i < 400; ++i) {
    auto socket = connect_tcp(siege.server.address, wake, clock, clock.now_ms() + 5'000);
    REQUIRE(socket);
    held.push_back(std::move(*socket));
    if (i % 100 == 99) {
      CHECK(say_hello(*siege.link));
      CHECK(process_figure("Threads:") < threads + kLinksMax + 2 * kPendingMax);
    }
  }
  siege.expect_unharmed();
}

TEST_CASE("serving a link of its own costs little") {
  AsioRuntime runtime(2);
  EchoService service;
  CallBudget budget(runtime, {});
  constexpr int kRounds = 50;
  const std::uint64_t resident_kb = process_figure("VmRSS:");
  const auto begin = std::chrono::steady_clock::now();
  std::vector<UniqueFd> ends;
  std::vector<std::unique_ptr<LinkServer>> servers;
  for (int i = 0; i < kRounds; ++i) {
    auto pair = local_pair();
    REQUIRE(pair);
    servers.push_back(make_grpc_server(runtime, service, budget, Hash{}, std::move(pair->first)));
    ends.push_back(std::move(pair->second));
  }
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  WARN("a server per link: " << took.count() / kRounds << " ms and "
                             << (process_figure("VmRSS:") - resident_kb) / kRounds << " KiB each");
  servers.clear();
  CHECK(budget.calls == 0);
  runtime.stop();
}
