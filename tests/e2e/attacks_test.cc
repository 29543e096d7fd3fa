// The nine attacks on the peer port (reliability: gRPC alone is open to exhaustion), against the real daemon:
// bounded memory and processor time, and honest work goes on meanwhile.
#include <atomic>
#include <cstdio>
#include <thread>

#include "crypto/base/encoding.h"
#include "node/peer/peer_port.h"
#include "protocol/identity/descriptor.h"
#include "tests/e2e/attacker.h"
#include "tests/node/peer/http2_frames.h"

using namespace tocsin;
using namespace tocsin::e2e;
namespace f = tocsin::node::frames;

namespace {

constexpr std::uint64_t kGrowthMax = 64ULL << 20;
constexpr double kCpuSecondsMax = 5;
constexpr std::size_t kFloodBytes = 16 << 20;  // of one connection, when nobody hangs up
constexpr int kRounds = 100;
constexpr std::size_t kLooks = 200;       // look-ups of an honest platform
constexpr std::size_t kPublished = 2000;  // a page of megabytes

// alpha is attacked, beta is honest, mallory has been taken over: the test holds its keys.
struct Scene {
  Scene() {
    for (Company* company : {&alpha, &beta, &mallory}) company->start();
    make_network(alpha, {&beta, &mallory});
    mallory.stop();
    attacker = Attacker::with_keys_of(mallory);
    std::vector<std::string> seeds;
    for (int i = 0; i < 9; ++i) seeds.push_back("attack " + std::to_string(i));
    signals = reviewed(alpha, dir, seeds);
    values = seeds;
    token = json_field(alpha.ask({"token", "create", "desk"}), "token");
  }

  // A newly published signal reaches the honest peer, and a platform's look-up is answered.
  void honest_work() {
    REQUIRE_FALSE(signals.empty());
    publish(alpha, signals.back());
    beta.until("the signal has come", [&] { return beta.holds(signals.back()); });
    const std::string query =
        R"({"queries":[{"type":"sha256","value":")" + sha256_of(values.back()) + R"("}]})";
    const auto reply =
        alpha.http("POST", "/v1/match", query,
                   "Content-Type: application/json\r\nAuthorization: Bearer " + token + "\r\n");
    INFO(reply.head << reply.body);
    CHECK(reply.status == 200);
    CHECK(reply.body.find("\"hits\":[{") != std::string::npos);
    signals.pop_back();
    values.pop_back();
  }

  // Runs the attack on a thread of its own, with honest work beside it.
  void under(const std::string& name, const std::function<void()>& attack) {
    const auto pid = alpha.daemon().pid();
    const auto before = tests::usage_of(pid);
    const auto began = std::chrono::steady_clock::now();
    std::thread enemy(attack);
    honest_work();
    const std::chrono::duration<double> honest = std::chrono::steady_clock::now() - began;
    enemy.join();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    const auto after = tests::usage_of(pid);
    const std::uint64_t peak = std::max(after.resident_peak, before.resident);
    const std::uint64_t growth = peak - before.resident;
    std::printf("%-34s memory +%5.1f MiB  cpu %5.2f s  in %4.1f s; honest work took %4.1f s; %d threads\n",
                name.c_str(), static_cast<double>(growth) / (1 << 20), after.cpu_seconds - before.cpu_seconds,
                took.count(), honest.count(), after.threads);
    CHECK(growth <= kGrowthMax);
    CHECK(after.cpu_seconds - before.cpu_seconds <= kCpuSecondsMax);
    CHECK(after.threads < 300);
    REQUIRE(alpha.daemon().running());
  }

  // Each round a new link, flooded until the daemon hangs up.
  void flood(ByteView opening, ByteView frames) {
    for (int i = 0; i < kRounds; ++i) {
      auto link = attacker->link(alpha.address());
      if (!link) continue;  // CHECK is for one thread only; `cut` is asserted afterwards
      if (attacker->flood(**link, opening, frames, kFloodBytes) < kFloodBytes) ++cut;
    }
  }
  void expect_cut(const std::string& limit) {
    CHECK(cut.exchange(0) == kRounds);
    CHECK(alpha.daemon().await(limit, kPatience));
  }

  tests::TempDir dir;
  Company alpha{dir, "alpha"}, beta{dir, "beta"}, mallory{dir, "mallory"};
  std::unique_ptr<Attacker> attacker;
  std::vector<std::string> signals, values;
  std::string token;
  std::atomic<int> cut = 0;
};

// Answers a pull with a page that would unfold into a hundred times its size.
class BombService final : public node::PeerService {
 public:
  Result<v1::HelloReply> hello(const Hash&, const v1::HelloRequest&) override {
    v1::HelloReply reply;
    reply.set_protocol(1);
    return reply;
  }
  Result<v1::RecordsReply> records(const Hash&, const v1::RecordsRequest& request) override {
    v1::RecordsReply reply;
    reply.set_from(request.from());
    for (int i = 0; i < 3'000'000; ++i) reply.add_to_checkpoint();
    ++served;
    return reply;
  }
  void cosign(const Hash&, const v1::CosignRequest&, CosignDone done) override { done(v1::CosignReply()); }
  std::uint64_t add_watcher(const Hash&, OnHead) override { return 1; }
  void remove_watcher(std::uint64_t) override {}
  std::atomic<int> served = 0;
};

// One header that is remembered, then named again and again by a single byte: 16 KiB that mean 60 MiB.
Bytes hpack_bomb(std::uint32_t stream) {
  Bytes block{0x40, 0x01, 'x',
              0x7f, 0x81, 0x1e};  // literal with indexing; value of 127 + 1 + (30 << 7) bytes
  block.insert(block.end(), 3968, 'a');
  block.insert(block.end(), 16'000 - block.size(), 0xbe);
  return f::frame(f::kHeaders, f::kEndHeaders | f::kEndStream, stream, block);
}

Bytes many(std::uint32_t times, const std::function<Bytes(std::uint32_t)>& make) {
  Bytes out;
  for (std::uint32_t i = 0; i < times; ++i) append(out, make(i));
  return out;
}

// A whole gRPC call whose message is `elements` empty sub-messages of a repeated field.
Bytes bomb_call(std::uint32_t stream, std::size_t elements) {
  Bytes message;
  for (std::size_t i = 0; i < elements; ++i) {
    message.push_back(0x2a);
    message.push_back(0x00);
  }
  Bytes body{0};
  append_be(body, static_cast<std::uint32_t>(message.size()));
  append(body, message);
  Bytes out = f::frame(f::kHeaders, f::kEndHeaders, stream, f::call_headers("/tocsin.v1.PeerFeed/Hello"));
  for (std::size_t at = 0; at < body.size(); at += 16'000) {
    const std::size_t size = std::min<std::size_t>(16'000, body.size() - at);
    append(out, f::frame(f::kData, at + size == body.size() ? f::kEndStream : 0, stream,
                         ByteView(body).subspan(at, size)));
  }
  return out;
}

}  // namespace

TEST_CASE("the nine attacks on the peer port cost little, and honest work goes on", "[attacks]") {
  Scene scene;
  const std::string target = scene.alpha.address();

  scene.under("1 CONTINUATION flood", [&] {
    Bytes opening = f::greeting();
    append(opening, f::frame(f::kHeaders, 0, 1, Bytes(10, 0)));
    scene.flood(opening, many(64, [](auto) { return f::frame(f::kContinuation, 0, 1, Bytes(1000, 0)); }));
  });
  scene.expect_cut("continuations");

  scene.under("2 rapid reset", [&] {
    std::uint32_t next = 1;
    const Bytes frames = many(20'000, [&](auto) {
      Bytes out = f::frame(f::kHeaders, f::kEndHeaders, next, f::call_headers("/tocsin.v1.PeerFeed/Watch"));
      append(out, f::rst(next));
      next += 2;
      return out;
    });
    scene.flood(f::greeting(), frames);
  });
  scene.expect_cut("reset-rate");

  scene.under("3 header bombs", [&] {
    std::uint32_t next = 1;
    const Bytes frames = many(400, [&](auto) {
      next += 2;
      return hpack_bomb(next);
    });
    for (int i = 0; i < kRounds / 10; ++i)
      if (auto link = scene.attacker->link(target))
        scene.attacker->flood(**link, f::greeting(), frames, frames.size());
    Bytes large = f::greeting();
    append(large, f::frame(f::kHeaders, 0, 1, Bytes(16'000, 0)));
    scene.flood(large, f::frame(f::kContinuation, 0, 1, Bytes(16'000, 0)));
  });
  scene.expect_cut("header-block");

  scene.under("4 SETTINGS, PING, empty DATA", [&] {
    const Bytes pings = many(1000, [](auto i) { return i % 2 == 0 ? f::ping() : f::settings(); });
    const Bytes data = many(1000, [](auto) { return f::frame(f::kData, 0, 1); });
    Bytes call = f::greeting();
    append(call, f::frame(f::kHeaders, f::kEndHeaders, 1, f::call_headers("/tocsin.v1.PeerFeed/Hello")));
    for (int i = 0; i < kRounds; ++i) {
      auto link = scene.attacker->link(target);
      if (link && scene.attacker->flood(**link, i % 2 == 0 ? f::greeting() : call, i % 2 == 0 ? pings : data,
                                        kFloodBytes) < kFloodBytes)
        ++scene.cut;
    }
  });
  scene.expect_cut("control-rate");

  std::atomic<int> reached = 0;
  scene.under("5 TLS 1.2", [&] {
    for (int i = 0; i < 50; ++i) reached += tls12_reaches(target) ? 1 : 0;
  });
  CHECK(reached == 0);

  std::atomic<int> refused = 0;
  scene.under("6 unpinned certificates", [&] {
    for (int i = 0; i < 50; ++i) {
      Attacker stranger(stranger_identity());
      const auto link = stranger.link(target);
      if (!link && link.error().message == "refused by the peer: this root key is not a member here")
        ++refused;
    }
  });
  CHECK(refused == 50);

  BombService bombs;
  std::atomic<bool> known = false;  // for what it is
  scene.under("7 protobuf bombs, both directions", [&] {
    node::PeerHooks hooks;
    hooks.judge = [](const node::PeerCertificate&) { return node::LinkVerdict::accept(); };
    const auto port =
        *node::PeerPort::open(scene.attacker->runtime(), bombs, Attacker::keys_of(scene.mallory).tls, hooks);
    const bool listens = port->listen(scene.mallory.address()).has_value();
    for (int i = 0; i < kRounds; ++i) {
      auto link = scene.attacker->link(target);
      if (!link) continue;
      const Bytes calls = many(8, [](std::uint32_t at) { return bomb_call(2 * at + 1, 16'000); });
      scene.attacker->flood(**link, f::greeting(), calls, calls.size());
      const Bytes large = bomb_call(101, 100'000);
      if (scene.attacker->flood(**link, large, large, kFloodBytes) < kFloodBytes) ++scene.cut;
    }
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (listens && !known && std::chrono::steady_clock::now() < deadline) {
      scene.alpha.daemon().await_change();
      known = scene.alpha.peer("mallory.example").last_error().find("elements") != std::string::npos;
    }
    port->stop();
  });
  CHECK(bombs.served >= 1);
  CHECK(known);
  scene.expect_cut("call-bytes");

  scene.under("8 slow handshakes", [&] {
    std::vector<node::UniqueFd> held;
    for (int i = 0; i < 200; ++i) {
      held.push_back(scene.attacker->connect(target));
      const std::uint8_t hello[] = {0x16, 0x03, 0x01, 0x02};
      (void)!::write(held.back().get(), hello, 1 + static_cast<std::size_t>(i) % sizeof hello);
    }
    // Whoever comes in earnest meanwhile is heard.
    for (int i = 0; i < kRounds; ++i) scene.cut += scene.attacker->link(target) ? 1 : 0;
  });
  CHECK(scene.cut.exchange(0) == kRounds);

  scene.under("9 many connections", [&] {
    std::vector<std::unique_ptr<node::TlsStream>> held;
    Attacker stranger(stranger_identity());
    for (int i = 0; i < 100; ++i) {
      if (auto link = scene.attacker->link(target)) {
        held.push_back(std::move(*link));
        (void)held.back()->write_all(f::greeting(), scene.attacker->runtime().now_ms() + 1000);
      }
      held.push_back(stranger.handshake(target, node::kAlpnFeed));
      held.push_back(stranger.handshake(target, node::kAlpnJoin));
    }
    scene.cut = static_cast<int>(held.size());
  });
  CHECK(scene.cut.exchange(0) >= 200);
  CHECK(scene.alpha.stop() == 0);
}

namespace {

// Look-ups one after the other, until there are enough; the slowest hundredth, in milliseconds.
double slow_look_ms(
    const Company& company, const std::string& token,
    const std::function<bool()>& enough = [] { return true; }) {
  const std::string query = R"({"queries":[{"type":"sha256","value":")" + sha256_of("0") + R"("}]})";
  const std::string headers = "Content-Type: application/json\r\nAuthorization: Bearer " + token + "\r\n";
  std::vector<double> times;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (times.size() < kLooks || (!enough() && std::chrono::steady_clock::now() < deadline)) {
    const auto began = std::chrono::steady_clock::now();
    REQUIRE(company.http("POST", "/v1/match", query, headers).status == 200);
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() * 99 / 100];
}

// Asks for the largest page again and again, as often at once as it is let for ever: half of kCallsPerLinkMax
// a link.
class Glutton {
 public:
  Glutton(Attacker& attacker, const Company& mallory, const Company& target) : runtime_(attacker.runtime()) {
    node::PeerHooks hooks;
    hooks.judge = [](const node::PeerCertificate&) { return node::LinkVerdict::accept(); };
    port_ = *node::PeerPort::open(runtime_, none_, Attacker::keys_of(mallory).tls, hooks);
    const Hash fingerprint = *protocol::parse_fingerprint(target.fingerprint());
    for (int i = 0; i < 2; ++i)
      port_->connect({target.address(), fingerprint}, [this](Result<std::unique_ptr<node::PeerLink>> link) {
        if (!link) return;
        links_.push_back(std::move(*link));
        for (int call = 0; call < 4; ++call) ask(*links_.back());
      });
  }
  ~Glutton() {
    stopped_ = true;
    port_->stop();
    runtime_.stop();
  }
  std::uint64_t pages() const { return pages_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void ask(node::PeerLink& link) {
    v1::RecordsRequest request;
    request.set_max_bytes(4 << 20);
    link.records(request, [this, &link](const Result<v1::RecordsReply>& reply) {
      if (stopped_ || (!reply && reply.error().code == Code::kUnavailable)) return;
      if (reply) {
        ++pages_;
        bytes_ += reply->ByteSizeLong();
      }
      runtime_.post(node::Lane::kIo, [this, &link] { ask(link); });
    });
  }

  node::AsioRuntime& runtime_;
  BombService none_;
  std::unique_ptr<node::PeerPort> port_;
  std::vector<std::unique_ptr<node::PeerLink>> links_;  // Lane::kIo
  std::atomic<bool> stopped_ = false;
  std::atomic<std::uint64_t> pages_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
};

// The call that asks for everything, and the window for it; nothing of the answer is read.
Bytes unread_call(std::uint32_t stream) {
  v1::RecordsRequest request;
  request.set_max_bytes(4 << 20);
  const std::string message = request.SerializeAsString();
  Bytes body{0};
  append_be(body, static_cast<std::uint32_t>(message.size()));
  append(body, as_view(message));
  Bytes out = f::frame(f::kHeaders, f::kEndHeaders, stream, f::call_headers("/tocsin.v1.PeerFeed/Records"));
  append(out, f::frame(f::kData, f::kEndStream, stream, body));
  return out;
}

}  // namespace

TEST_CASE("a member that asks for everything, or reads nothing, takes little from others", "[attacks]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company mallory(dir, "mallory");
  alpha.start();
  mallory.start();
  make_network(alpha, {&mallory});
  mallory.stop();
  const std::string token = json_field(alpha.ask({"token", "create", "desk"}), "token");
  std::vector<std::string> seeds;
  for (std::size_t i = 0; i < kPublished; ++i) seeds.push_back(std::to_string(i));
  std::vector<std::string> words = {"signal", "publish"};
  const auto ids = reviewed(alpha, dir, seeds);
  words.insert(words.end(), ids.begin(), ids.end());
  alpha.ask(words);
  const auto before = tests::usage_of(alpha.daemon().pid());
  const double calm = slow_look_ms(alpha, token);
  const auto report = [&](const char* name, double look, const std::string& more) {
    const auto after = tests::usage_of(alpha.daemon().pid());
    const std::uint64_t growth = std::max(after.resident_peak, before.resident) - before.resident;
    std::printf("%-34s memory +%5.1f MiB; p99 of a look-up %.1f ms, %.1f ms before; %s\n", name,
                static_cast<double>(growth) / (1 << 20), look, calm, more.c_str());
    CHECK(growth <= kGrowthMax);
    REQUIRE(alpha.daemon().running());
  };
  {
    auto attacker = Attacker::with_keys_of(mallory);
    Glutton glutton(*attacker, mallory, alpha);
    alpha.until("it is served", [&] { return glutton.pages() > 0; });
    const double look = slow_look_ms(alpha, token, [&] { return glutton.pages() > 100; });
    CHECK(glutton.pages() > 100);
    report("10 asking for everything", look,
           std::to_string(glutton.pages()) + " pages, " + std::to_string(glutton.bytes() >> 20) + " MiB");
    CHECK(look < 250);
  }
  auto attacker = Attacker::with_keys_of(mallory);
  std::vector<std::unique_ptr<node::TlsStream>> held;
  for (int i = 0; i < 4; ++i) {
    auto link = attacker->link(alpha.address());
    REQUIRE(link);
    Bytes calls = f::preface();
    append(calls, f::frame(f::kSettings, 0, 0, Bytes{0, 4, 0x7f, 0xff, 0xff, 0xff}));
    append(calls, f::frame(f::kWindowUpdate, 0, 0, Bytes{0x7f, 0xff, 0, 0}));
    append(calls, many(8, [](std::uint32_t at) { return unread_call(2 * at + 1); }));
    REQUIRE((*link)->write_all(calls, attacker->runtime().now_ms() + 5000));
    held.push_back(std::move(*link));
  }
  const double look = slow_look_ms(alpha, token);
  report("11 reading nothing", look, std::to_string(held.size()) + " links");
  CHECK(alpha.stop() == 0);
}
