#include "node/peer/peer_port.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "node/peer/grpc_server.h"
#include "tests/node/peer/port_fixture.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

TEST_CASE("pinned nodes call each other, and the handler knows the caller") {
  PortNode a(1);
  PortNode b(2);
  PortNode c(3);
  introduce(a, b);
  introduce(c, b);
  const auto from_a = a.connect(b.target());
  const auto from_c = c.connect(b.target());
  REQUIRE(from_a);
  REQUIRE(from_c);
  for (int i = 0; i < 20; ++i) {
    CHECK(say_hello(**from_a)->software() == hex_encode(a.fixture.fingerprint()));
    CHECK(say_hello(**from_c)->software() == hex_encode(c.fixture.fingerprint()));
  }
  const auto refused = say_hello(**from_a, "refuse me");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kPermissionDenied);
  CHECK(refused.error().message == "refused as asked");
}

TEST_CASE("pages of several megabytes come whole, one after another") {
  PortNode a(1);
  PortNode b(2);
  introduce(a, b);
  const auto link = a.connect(b.target());
  REQUIRE(link);
  const auto begin = std::chrono::steady_clock::now();
  constexpr std::uint32_t kPage = 4 * 1024 * 1024;
  constexpr int kPages = 25;
  for (int i = 0; i < kPages; ++i) {
    const auto reply = get_records(**link, kPage);
    REQUIRE(reply);
    REQUIRE(reply->leaves().size() == kPage);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  WARN("100 MiB through the link at " << kPages * 4 / took.count() << " MiB/s");
  CHECK(get_records(**link, 0)->leaves().empty());
}

TEST_CASE("a watch brings the present head, then the newest") {
  PortNode a(1);
  PortNode b(2);
  introduce(a, b);
  auto link = a.connect(b.target());
  REQUIRE(link);
  Mailbox<std::string> heads;
  Awaited<Error> end;
  (*link)->watch([&](const v1::HeadNotice& notice) { heads.put(notice.checkpoint()); }, end.setter());
  CHECK(heads.next() == "head 0");
  REQUIRE(b.service.await_watchers(1));
  b.service.announce("head 1");
  CHECK(heads.next() == "head 1");
  for (int i = 0; i < 1000; ++i) b.service.announce("head " + std::to_string(i));
  CHECK(heads.await([](const std::string& head) { return head == "head 999"; }) == "head 999");
  (*link)->close();
  CHECK(end.get().code == Code::kCancelled);
  CHECK(b.service.await_watchers(0));
}

TEST_CASE("dropping a peer ends its links and what runs on them") {
  PortNode a(1);
  PortNode b(2);
  introduce(a, b);
  const auto link = a.connect(b.target());
  REQUIRE(link);
  Awaited<Error> end;
  (*link)->watch([](const v1::HeadNotice&) {}, end.setter());
  REQUIRE(b.service.await_watchers(1));
  b.pin(a.fixture, Pin{0, true});
  b.port->drop(a.fixture.fingerprint());
  CHECK(end.get().code == Code::kUnavailable);
  CHECK(b.service.await_watchers(0));
  const auto again = a.connect(b.target());
  REQUIRE_FALSE(again);
  CHECK(again.error().message == "refused by the peer: this node is suspended here");
}

TEST_CASE("a peer's ninth call at once is told to come back, others are served") {
  PortNode a(1);
  PortNode b(2);
  PortNode c(3);
  introduce(a, b);
  introduce(c, b);
  const auto link = a.connect(b.target());
  const auto other = c.connect(b.target());
  REQUIRE(link);
  REQUIRE(other);
  v1::HelloRequest request;
  request.set_software("wait");
  Mailbox<bool> answered;
  for (int i = 0; i < kCallsPerLinkMax; ++i)
    (*link)->hello(request, [&](const Result<v1::HelloReply>& reply) { answered.put(reply.has_value()); });
  REQUIRE(b.service.await_waiting(kCallsPerLinkMax));
  const auto ninth = say_hello(**link);
  REQUIRE_FALSE(ninth);
  CHECK(ninth.error().code == Code::kResourceExhausted);
  CHECK(say_hello(**other));
  b.service.release();
  for (int i = 0; i < kCallsPerLinkMax; ++i) CHECK(answered.next());
}

TEST_CASE("a reply of too many elements is refused before it is parsed") {
  PortNode a(1);
  PortNode b(2);
  introduce(a, b);
  const auto link = a.connect(b.target());
  REQUIRE(link);
  const auto bomb = get_records(**link, 0, 1'000'000);
  REQUIRE_FALSE(bomb);
  CHECK(bomb.error().rule == "wire/elements");
  CHECK(get_records(**link, 10, 100));
}

TEST_CASE("a node that stops ends its peers' calls") {
  PortNode a(1);
  auto b = std::make_unique<PortNode>(2);
  introduce(a, *b);
  const auto link = a.connect(b->target());
  REQUIRE(link);
  Awaited<Error> end;
  (*link)->watch([](const v1::HeadNotice&) {}, end.setter());
  REQUIRE(b->service.await_watchers(1));
  b.reset();
  CHECK(end.get().code == Code::kUnavailable);
  CHECK(say_hello(**link).error().code == Code::kUnavailable);
}

// A long run: TOCSIN_CHURN_ROUNDS=1000 test_node_peer "links that come*"
TEST_CASE("links that come and go while calls are under way leave nothing behind") {
  const char* wanted = std::getenv("TOCSIN_CHURN_ROUNDS");
  const int rounds = wanted == nullptr ? 30 : std::atoi(wanted);
  std::atomic<int> joined = 0;
  PortNode b(9, [&](const PeerCertificate&, const v1::JoinRequest&, const Hash&) -> Result<v1::JoinReply> {
    ++joined;
    return v1::JoinReply();
  });
  std::vector<std::unique_ptr<PortNode>> callers;
  for (std::uint8_t i = 1; i <= 3; ++i) {
    callers.push_back(std::make_unique<PortNode>(i));
    introduce(*callers.back(), b);
  }
  std::atomic<int> served = 0;
  std::vector<std::thread> threads;
  for (auto& caller : callers) {
    threads.emplace_back([&, number = static_cast<int>(threads.size())] {
      for (int round = 0; round < rounds; ++round) {
        const auto link = caller->connect(b.target());
        if (!link) continue;  // its node was being dropped
        (*link)->watch([](const v1::HeadNotice&) {}, [](const Error&) {});
        for (int call = 0; call < 3; ++call) {
          v1::RecordsRequest request;
          request.set_max_bytes(256 * 1024);
          (*link)->records(request, [&](const Result<v1::RecordsReply>& reply) { served += reply ? 1 : 0; });
        }
        if (round % 3 == 0) b.service.announce("head " + std::to_string(round));
        if (round % 4 == number) b.port->drop(caller->fixture.fingerprint());
        if (round % 2 == 0) (*link)->close();
      }
    });
  }
  PortNode candidate(20);
  candidate.pin(b.fixture);
  for (int round = 0; round < rounds; ++round) {
    Awaited<Result<v1::JoinReply>> reply;
    candidate.port->join(
        b.target(), [](const PeerCertificate&, const Hash&) { return v1::JoinRequest(); }, reply.setter());
    static_cast<void>(reply.get());
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& caller : callers) b.port->drop(caller->fixture.fingerprint());
  CHECK(b.service.await_watchers(0));
  CHECK(joined == rounds);
  // What was cut off was cut off; the port serves on.
  const auto link = callers.front()->connect(b.target());
  REQUIRE(link);
  CHECK(say_hello(**link));
}
