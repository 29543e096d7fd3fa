#include "node/peer/feed_owner.h"

#include "node/peer/feed_service.h"
#include "node/peer/sync.h"
#include "node/witness/policy_text.h"
#include "protocol/log/witness.h"
#include "tests/node/ledger/fixture.h"
#include "tests/node/peer/feed_fixture.h"
#include "tests/protocol/log/note_fixture.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

// A call is a call of the service; answers come with the reader's next task.
class DirectLink final : public PeerLink {
 public:
  DirectLink(FeedService& service, const Hash& caller, Runtime& runtime)
      : service_(service), caller_(caller), runtime_(runtime) {}
  void hello(const v1::HelloRequest& request, Done<v1::HelloReply> done) override {
    answer(std::move(done), service_.hello(caller_, request));
  }
  void records(const v1::RecordsRequest& request, Done<v1::RecordsReply> done) override {
    answer(std::move(done), service_.records(caller_, request));
  }
  void cosign(const v1::CosignRequest&, Done<v1::CosignReply> done) override {
    answer(std::move(done), Result<v1::CosignReply>(fail(Code::kUnimplemented, "not here")));
  }
  void held(const v1::HeldRequest& request, Done<v1::HeldReply> done) override {
    answer(std::move(done), service_.held(caller_, request));
  }
  void watch(OnHead on_head, OnEnd) override { service_.add_watcher(caller_, std::move(on_head)); }
  void close() override {}

 private:
  template <typename Reply>
  void answer(Done<Reply> done, Result<Reply> reply) {
    runtime_.post(Lane::kIo, [done = std::move(done), reply = std::move(reply)] { done(reply); });
  }
  FeedService& service_;
  const Hash caller_;
  Runtime& runtime_;
};

protocol::ValidDescriptor reader_descriptor(const crypto::KemKey& envelope) {
  const auto keys = ledger_keys(2);
  v1::SignedDescriptor given;
  REQUIRE(given.ParseFromArray(keys.descriptor.data(), static_cast<int>(keys.descriptor.size())));
  v1::NodeDescriptor body;
  REQUIRE(body.ParseFromString(given.body()));
  body.set_envelope_key(to_string(envelope.public_key()));
  return protocol::parse_descriptor(protocol::sign_descriptor(body, root_key(2)).value()).value();
}

void put_peer(storage::MemoryStore& memory, const v1::SignedDescriptor& descriptor, const Hash& id) {
  v1::PeerRow row;
  row.set_node(to_string(id));
  *row.mutable_signed_descriptor() = descriptor;
  row.set_standing(v1::PEER_ACTIVE);
  storage::Batch batch;
  storage::PeerStore::put(batch, row);
  REQUIRE(memory->commit(batch));
}

// An issuer that shows what the test says, and a member that reads it.
struct Pair {
  LedgerFixture issuer;
  Members issuer_members{*issuer.memory, *issuer.ledger, issuer.runtime};
  Published shown;
  FeedOwner owner{*issuer.ledger, issuer.runtime, issuer_members,
                  [this](std::uint64_t, std::uint64_t) { return shown; }};
  FeedService service{*issuer.ledger, owner};

  storage::MemoryStore memory;
  tests::ManualRuntime runtime;
  std::unique_ptr<Ledger> ledger = Ledger::open(*memory, runtime, ledger_keys(2)).value();
  Members members{*memory, *ledger, runtime};
  crypto::KemKey envelope = crypto::KemKey::derive(filled(7));
  std::unique_ptr<Sync> sync;

  Pair() {
    const auto reader = reader_descriptor(envelope);
    put_peer(issuer.memory, reader.signed_form(), reader.fingerprint());
    v1::SignedDescriptor mine;
    const LedgerKeys keys = ledger_keys();
    REQUIRE(mine.ParseFromArray(keys.descriptor.data(), static_cast<int>(keys.descriptor.size())));
    put_peer(memory, mine, keys.self);
    sync = std::make_unique<Sync>(Sync::Parts{
        *memory, *ledger, runtime, members,
        [this, id = reader.fingerprint()](const protocol::ValidDescriptor&, Sync::Connected done) {
          done(std::make_shared<DirectLink>(service, id, runtime));
        },
        [this] { return std::vector<const crypto::KemKey*>{&envelope}; }});
    show(0);
    sync->start();
    runtime.run();
  }
  // The issuer's newest checkpoint, cosigned by that many witnesses, is shown and told of.
  void show(int cosignatures) {
    auto note = protocol::parse_note(*issuer.ledger->checkpoint()).value();
    for (int i = 0; i < cosignatures; ++i)
      note.signatures.push_back(protocol::cosign_note(test::made_key(static_cast<std::uint8_t>(90 + i)),
                                                      witness_name(i), 1'700'000'000, note.text));
    shown = {issuer.ledger->head().tree, std::make_shared<const std::string>(protocol::format_note(note))};
    service.moved_on(*shown.checkpoint);
    runtime.run();
  }
  static std::string witness_name(int i) { return "w" + std::to_string(i) + ".example/witness"; }
  void set_policy(int witnesses) {
    const LedgerKeys keys = ledger_keys();
    PolicyDraft draft{
        *protocol::make_verifier_key(keys.origin, protocol::KeyType::kEd25519, keys.operational.public_key()),
        {},
        0};
    for (int i = 0; i < witnesses; ++i)
      draft.witnesses.push_back({"w" + std::to_string(i),
                                 test::witness_vkey(static_cast<std::uint8_t>(90 + i), witness_name(i)),
                                 {}});
    Draft record;
    record.event = protocol::Event::kWitnessPolicy;
    record.slots = {protocol::slot_text(0, write_policy(draft).value())};
    REQUIRE(issuer.append({std::move(record)}));
  }
  Sync::PeerStatus status() const { return sync->status(ledger_keys().self); }
  std::size_t evidence() { return storage::PeerStore(*memory).evidence(ledger_keys().self).value().size(); }
};

}  // namespace

TEST_CASE("a reader that knows a policy takes nothing that its quorum has not cosigned, and asks again") {
  Pair pair;
  REQUIRE(pair.issuer.append({receipt(1)}));
  pair.show(0);
  CHECK(pair.status().held == 2);
  pair.set_policy(3);  // two of three, from record 3 on
  pair.show(0);
  CHECK(pair.status().held == 3);
  REQUIRE(pair.issuer.append({receipt(2)}));
  for (const int few : {0, 1}) {
    pair.show(few);
    CHECK(pair.status().held == 3);
    CHECK(pair.status().last_error.find("cosign") != std::string::npos);
    CHECK(pair.status().connected);
  }
  CHECK(pair.evidence() == 0);
  pair.show(2);
  CHECK(pair.status().held == 4);
  CHECK(pair.status().last_error.empty());
  CHECK(pair.evidence() == 0);
}

TEST_CASE("an issuer with nothing to show says that it waits, and its reader stays connected") {
  Pair pair;
  REQUIRE(pair.issuer.append({receipt(1)}));
  pair.show(0);
  REQUIRE(pair.status().held == 2);
  const Published before = pair.shown;
  REQUIRE(pair.issuer.append({receipt(2)}));
  for (const Published& less : {Published{}, Published{{1, {}}, before.checkpoint}}) {
    pair.shown = less;
    pair.service.moved_on("wake up");
    pair.runtime.run();
    CHECK(pair.status().held == 2);
    CHECK(pair.status().last_error.find("waits for its witnesses") != std::string::npos);
    CHECK(pair.status().connected);
  }
  pair.show(0);
  CHECK(pair.status().held == 3);
}

namespace {

std::size_t openings_of(FeedFixture& feed, v1::RecordsReply reply) {
  std::size_t count = 0;
  feed.bend_openings(
      reply, [&](v1::Openings& openings) { count = static_cast<std::size_t>(openings.openings_size()); });
  return count;
}

}  // namespace

TEST_CASE("a page keeps to its target and always holds a record") {
  FeedFixture feed;
  feed.publish(600);
  v1::RecordsRequest request;
  request.set_max_bytes(kPageTargetMin);
  std::size_t pages = 0;
  std::size_t over = 0;
  while (request.from() < feed.issuer().ledger->size()) {
    const auto reply = feed.ask(request);
    REQUIRE(reply.has_value());
    REQUIRE(!reply->leaves().empty());
    // A batch publication and what it opens do not come apart.
    if (reply->ByteSizeLong() > kPageTargetMin + 4096) ++over;
    request.set_from(request.from() + reply->leaves().size() / protocol::kLeafBytes);
    ++pages;
  }
  CHECK(pages > 2);
  CHECK(over == 1);
}

TEST_CASE("what is not published to a member stays closed to it") {
  FeedFixture feed;
  const auto before = feed.ask({});
  REQUIRE(before.has_value());
  const std::size_t open_before = openings_of(feed, *before);
  feed.submit(10);
  const auto after = feed.ask({});
  REQUIRE(after.has_value());
  CHECK(after->leaves().size() == before->leaves().size() + 10 * protocol::kLeafBytes);
  CHECK(openings_of(feed, *after) == open_before);
  feed.publish(3);
  // Three submissions, one review, one publication.
  CHECK(openings_of(feed, *feed.ask({})) == open_before + 5);
}

TEST_CASE("a stranger, a suspended member and a cursor beyond the ledger get nothing") {
  FeedFixture feed;
  const auto stranger = feed.issuer().owner->records(Hash{}, {});
  REQUIRE_FALSE(stranger.has_value());
  CHECK(stranger.error().code == Code::kPermissionDenied);
  v1::RecordsRequest beyond;
  beyond.set_from(feed.issuer().ledger->size() + 1);
  const auto ahead = feed.ask(beyond);
  REQUIRE_FALSE(ahead.has_value());
  CHECK(ahead.error().code == Code::kOutOfRange);
  feed.commit(feed.issuer(), feed.issuer().members->suspend(feed.reader().name, "under review"));
  const auto suspended = feed.ask({});
  REQUIRE_FALSE(suspended.has_value());
  CHECK(suspended.error().code == Code::kPermissionDenied);
  feed.commit(feed.issuer(), feed.issuer().members->resume(feed.reader().name, "settled"));
  CHECK(feed.ask({}).has_value());
}
