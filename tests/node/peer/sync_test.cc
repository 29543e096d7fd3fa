#include "node/peer/sync.h"

#include "tests/node/peer/feed_fixture.h"
#include "tocsin/v1/store.pb.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

// The issuer's service, answering at once; what it says can be bent, and the link can be cut.
class BentLink final : public PeerLink {
 public:
  using Bend = std::function<Status(v1::RecordsReply&)>;
  BentLink(FeedFixture& feed, const Bend& bend) : feed_(feed), bend_(bend) {}

  void hello(const v1::HelloRequest& request, Done<v1::HelloReply> done) override {
    feed_.reader().machine.post(Lane::kIo, [done, reply = feed_.issuer().service->hello(
                                                      feed_.reader_id(), request)] { done(reply); });
  }
  void records(const v1::RecordsRequest& asked, Done<v1::RecordsReply> done) override {
    v1::RecordsRequest request = asked;
    request.set_max_bytes(1);  // the smallest pages
    auto reply = feed_.ask(request);
    if (reply && bend_) {
      if (Status bent = bend_(*reply); !bent) reply = fail(bent.error());
    }
    feed_.reader().machine.post(Lane::kIo, [done, reply] { done(reply); });
  }
  void cosign(const v1::CosignRequest&, Done<v1::CosignReply> done) override {
    feed_.reader().machine.post(
        Lane::kIo, [done] { done(Result<v1::CosignReply>(fail(Code::kUnimplemented, "not here"))); });
  }
  void held(const v1::HeldRequest&, Done<v1::HeldReply> done) override {
    feed_.reader().machine.post(
        Lane::kIo, [done] { done(Result<v1::HeldReply>(fail(Code::kUnimplemented, "not here"))); });
  }
  void watch(OnHead on_head, OnEnd) override { on_head_ = std::move(on_head); }
  void close() override {}

 private:
  FeedFixture& feed_;
  const Bend& bend_;
  OnHead on_head_;
};

struct SyncFixture : FeedFixture {
  BentLink::Bend bend;
  Metrics metrics;
  std::size_t connections = 0;
  Sync sync{Sync::Parts{*reader().store, *reader().ledger, reader().machine, *reader().members,
                        [this](const protocol::ValidDescriptor&, Sync::Connected done) {
                          ++connections;
                          done(std::shared_ptr<PeerLink>(std::make_shared<BentLink>(*this, bend)));
                        },
                        [this] { return std::vector<const crypto::KemKey*>{&reader().envelope}; }, &metrics}};

  void run_s(std::uint64_t seconds) { world.run(world.now_ms() + seconds * 1000); }
  Sync::PeerStatus status() { return sync.status(issuer_id()); }
};

}  // namespace

TEST_CASE("a member that comes late holds everything, and the figures say so") {
  SyncFixture feed;
  feed.publish(500);
  feed.sync.start();
  feed.run_s(5);
  CHECK(feed.status().connected);
  CHECK(feed.status().held == feed.issuer().ledger->size());
  CHECK(feed.reader().signals->matching() == 500);
  CHECK(feed.metrics.feed_entries.value() == feed.issuer().ledger->size());
  CHECK(feed.metrics.peers_active.value() == 1);
  CHECK(feed.metrics.peers_in_sync.value() == 1);
  CHECK(feed.connections == 1);
}

TEST_CASE("a page that lies is refused, counted, kept and waited over; then the honest ledger is taken") {
  SyncFixture feed;
  feed.publish(500);
  bool lie = true;
  feed.bend = [&](v1::RecordsReply& reply) -> Status {
    if (lie && reply.from() > 0) (*reply.mutable_leaves())[40] ^= 1;
    return {};
  };
  feed.sync.start();
  feed.run_s(20);
  CHECK(feed.metrics.feed_refused.value("altered") == 1);
  REQUIRE(feed.evidence().size() == 1);
  CHECK(feed.evidence()[0].rule() == "feed/altered");
  CHECK_FALSE(feed.status().connected);
  CHECK(feed.status().last_error.find("not those of the signed checkpoint") != std::string::npos);
  CHECK(feed.status().held == feed.evidence()[0].index());
  CHECK(feed.metrics.peers_in_sync.value() == 0);
  lie = false;
  feed.run_s(60);
  CHECK(feed.status().held == feed.issuer().ledger->size());
  CHECK(feed.status().last_error.empty());
  CHECK(feed.reader().signals->matching() == 500);
}

TEST_CASE("a link that breaks again and again loses nothing and brings nothing twice") {
  SyncFixture feed;
  feed.publish(800);
  int answers = 0;
  feed.bend = [&](v1::RecordsReply&) -> Status {
    if (++answers % 2 == 0) return fail(Code::kUnavailable, "the link is gone", "peer/call");
    return {};
  };
  feed.sync.start();
  feed.run_s(120);
  CHECK(feed.connections > 2);
  CHECK(feed.status().held == feed.issuer().ledger->size());
  CHECK(feed.metrics.feed_entries.value() == feed.issuer().ledger->size());
  CHECK(feed.reader().signals->matching() == 800);
  CHECK(feed.evidence().empty());
}

TEST_CASE("a peer that we suspend is left alone until it is resumed") {
  SyncFixture feed;
  feed.publish(100);
  feed.commit(feed.reader(), feed.reader().members->suspend(feed.issuer().name, "under review"));
  feed.sync.start();
  feed.run_s(30);
  CHECK(feed.connections == 0);
  CHECK(feed.metrics.peers_active.value() == 0);
  feed.commit(feed.reader(), feed.reader().members->resume(feed.issuer().name, "settled"));
  feed.run_s(30);
  CHECK(feed.reader().signals->matching() == 100);
  feed.commit(feed.reader(), feed.reader().members->suspend(feed.issuer().name, "again"));
  feed.run_s(2);
  CHECK_FALSE(feed.status().connected);
  CHECK(feed.metrics.peers_active.value() == 0);
  const std::uint64_t held = feed.status().held;
  feed.publish(10);
  feed.run_s(30);
  CHECK(feed.status().held == held);
}
