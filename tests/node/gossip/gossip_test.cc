#include "node/gossip/gossip.h"

#include "protocol/process/registry.h"
#include "tests/support/company.h"

namespace tocsin::node {
namespace {

using tests::Company;

constexpr std::uint64_t kMinuteMs = 60'000;

// video.example, which gossips, with two members of its network; their ledgers are pulled when a test says
// so.
struct Network {
  Company video{"video.example"};
  Company social{"social.example"};
  Company files{"files.example"};
  Metrics metrics;
  std::vector<Gossip::OwnConflict> forked;
  std::vector<Hash> quarantined;
  std::unique_ptr<Gossip> gossip;

  Network() {
    REQUIRE(video.commit(video.members->create_network("eu", "be fair")));
    for (Company* other : {&social, &files}) {
      tests::join(video, *other);
      REQUIRE(other->pull(video));
    }
    REQUIRE(social.pull(video));  // of the other's coming
    share('1');
    make();
    pull(social);
    pull(files);
  }
  // A signal of social.example that is out.
  void share(char digit) {
    const std::string id = social.submit(digit);
    REQUIRE(social.commit(social.reviewed(id)));
    REQUIRE(social.commit(social.published(id)));
  }
  void make() {
    gossip = std::make_unique<Gossip>(
        Gossip::Parts{*video.memory, *video.ledger, video.runtime, *video.members,
                      [this] {
                        return Published{video.ledger->head().tree, video.ledger->checkpoint()};
                      },
                      [this](const Gossip::OwnConflict& conflict) { forked.push_back(conflict); },
                      [this](const Hash& peer) { quarantined.push_back(peer); }, &metrics});
    REQUIRE(gossip->start());
    video.runtime.run();
  }
  void pull(Company& from) {
    REQUIRE(video.pull(from));
    gossip->held(id(from), video.peers[id(from)]->registry());
    pass(0);
  }
  void pass(std::uint64_t ms) {
    video.runtime.now += ms;
    video.runtime.run();
    gossip->tend();
    video.runtime.run();
  }

  static Hash id(const Company& of) { return of.descriptor->fingerprint(); }
  static std::string origin(const Company& of) { return of.descriptor->message().log_origin(); }
  // As its operational key signs it, true or not.
  static std::string note(const Company& of, std::uint64_t size, const Hash& root) {
    return protocol::sign_checkpoint(of.operational, {origin(of), {size, root}});
  }
  static std::string honest(const Company& of, std::uint64_t size) {
    protocol::TileNodes tiles(size, of.ledger->log().tiles());
    return note(of, size, protocol::restore_range(size, tiles.nodes())->root());
  }
  // The third company says that it has seen this of social.example's ledger.
  void tell(const std::string& of_social) {
    v1::Gossip told;
    v1::SeenHead& head = *told.add_others();
    head.set_node(to_string(id(social)));
    head.set_checkpoint(of_social);
    gossip->heard(id(files), told);
    video.runtime.run();
  }
  bool accused() const { return video.ledger->registry()->quarantined(id(social)); }
  std::size_t evidence() const { return video.ledger->registry()->equivocations().size(); }
};

TEST_CASE("two heads of one size are proven, recorded once and put their issuer into quarantine") {
  Network n;
  REQUIRE(n.video.hits_of('1') == 1);
  const std::uint64_t size = n.social.ledger->size();
  n.tell(Network::note(n.social, size, Hash{1}));
  REQUIRE(n.accused());
  CHECK(n.quarantined == std::vector<Hash>{Network::id(n.social)});
  const auto registry = n.video.ledger->registry();
  REQUIRE(registry->equivocations().size() == 1);
  CHECK(registry->equivocations().front().what.one_size());
  CHECK(registry->equivocations().front().what.first.size == size);
  const auto row = n.video.members->row(Network::id(n.social));
  REQUIRE((row && *row));
  CHECK((*row)->standing() == v1::PEER_QUARANTINED);
  CHECK(n.metrics.peers_quarantined.value() == 1);

  // Nothing of it matches, and nothing more of it is taken.
  CHECK(n.video.hits_of('1') == 0);
  n.share('2');
  const Status taken = n.video.pull(n.social);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().rule == "peer/quarantined");

  // More of the same changes nothing.
  const std::uint64_t before = n.video.ledger->size();
  n.tell(Network::note(n.social, size, Hash{1}));
  n.tell(Network::note(n.social, size, Hash{2}));
  n.pass(kMinuteMs);
  CHECK(n.video.ledger->size() == before);
}

TEST_CASE("a head of another size is proven by the leaves that are held") {
  Network n;
  n.tell(Network::note(n.social, 3, Hash{1}));
  REQUIRE(n.accused());
  const auto registry = n.video.ledger->registry();
  const protocol::Equivocation& what = registry->equivocations().front().what;
  CHECK(what.first.size == 3);
  CHECK(what.second.size == n.social.ledger->size());
  CHECK(protocol::verify_equivocation(registry->equivocations().front().proof));
}

TEST_CASE("two heads that others have seen convict without any record held") {
  Network n;
  const std::uint64_t size = n.social.ledger->size() + 5;
  n.tell(Network::note(n.social, size, Hash{1}));
  CHECK_FALSE(n.accused());
  n.tell(Network::note(n.social, size, Hash{2}));
  CHECK(n.accused());
}

TEST_CASE("honest heads, old and new, and what its key did not sign accuse nobody") {
  Network n;
  const std::uint64_t size = n.social.ledger->size();
  for (std::uint64_t i = 1; i <= size; ++i) n.tell(Network::honest(n.social, i));
  n.tell(Network::note(n.social, 0, protocol::empty_root()));
  // Another's signature, another log's name, a broken line, no note at all.
  n.tell(protocol::sign_checkpoint(n.files.operational, {Network::origin(n.social), {size, Hash{1}}}));
  n.tell(protocol::sign_checkpoint(n.social.operational, {"elsewhere.example/ledger", {size, Hash{1}}}));
  std::string broken = Network::note(n.social, size, Hash{1});
  broken[broken.size() - 20] = broken[broken.size() - 20] == 'A' ? 'B' : 'A';
  n.tell(broken);
  n.tell("nonsense");
  n.tell(std::string(100'000, 'x'));
  n.pass(2 * kUnexplainedMs);
  CHECK_FALSE(n.accused());
  CHECK(n.evidence() == 0);
  CHECK(n.gossip->alarms().empty());
}

TEST_CASE("a head ahead of us waits for the issuer's pages, and is an alarm after ten minutes") {
  Network n;
  n.share('2');
  n.tell(Network::honest(n.social, n.social.ledger->size()));
  n.pass(kUnexplainedMs - 1);
  CHECK(n.gossip->alarms().empty());
  n.pass(1);
  REQUIRE(n.gossip->alarms().size() == 1);
  CHECK(n.gossip->alarm_of(Network::id(n.social)).find("files.example has seen a head of") == 0);
  CHECK(n.gossip->alarm_of(Network::id(n.files)).empty());
  CHECK(n.metrics.gossip_unexplained.value() == 1);
  CHECK_FALSE(n.accused());

  // Late is late, but then it is explained.
  n.pull(n.social);
  CHECK(n.gossip->alarms().empty());
  CHECK(n.metrics.gossip_unexplained.value() == 0);
  n.share('3');
  n.tell(Network::honest(n.social, n.social.ledger->size()));
  n.pull(n.social);
  n.pass(2 * kUnexplainedMs);
  CHECK(n.gossip->alarms().empty());
}

TEST_CASE("what waited and turns out to be of another history is proven by the pages that came") {
  Network n;
  n.tell(Network::note(n.social, n.social.ledger->size() + 2, Hash{1}));
  CHECK_FALSE(n.accused());
  n.share('2');
  n.pull(n.social);
  CHECK(n.accused());
}

TEST_CASE("what an issuer announced and lost before anybody had its records is not held against it") {
  Network n;
  v1::Gossip told;
  told.set_checkpoint(Network::note(n.social, n.social.ledger->size() + 1, Hash{1}));
  n.gossip->heard(Network::id(n.social), told);
  n.pass(kFlushMs);
  n.share('2');
  n.pull(n.social);
  n.pass(2 * kUnexplainedMs);
  CHECK_FALSE(n.accused());
  CHECK(n.gossip->alarms().empty());
  // Below what is held, its own word convicts it.
  told.set_checkpoint(Network::note(n.social, 4, Hash{1}));
  n.gossip->heard(Network::id(n.social), told);
  n.pass(0);
  CHECK(n.accused());
}

TEST_CASE("a note of our own ledger must be of its history, longer or other ones are reported once") {
  Network n;
  v1::Gossip told;
  told.set_seen(Network::honest(n.video, 4));
  n.gossip->heard(Network::id(n.files), told);
  n.pass(0);
  CHECK(n.forked.empty());
  const std::uint64_t size = n.video.ledger->size();
  told.set_seen(Network::note(n.video, size + 1, Hash{1}));
  n.gossip->heard(Network::id(n.files), told);
  n.pass(0);
  REQUIRE(n.forked.size() == 1);
  CHECK(n.forked.front().holder == "files.example");
  CHECK(n.forked.front().size == size + 1);
  told.set_seen(Network::note(n.video, 4, Hash{1}));
  n.gossip->heard(Network::id(n.files), told);
  n.pass(0);
  CHECK(n.forked.size() == 1);

  Network other;
  told.set_seen(Network::note(other.video, 4, Hash{1}));
  other.gossip->heard(Network::id(other.files), told);
  other.pass(0);
  CHECK(other.forked.size() == 1);
}

TEST_CASE("an exchange carries our head, the newest of the receiver's and, now and then, those of others") {
  Network n;
  const v1::Gossip first = n.gossip->carry(Network::id(n.files));
  CHECK(first.checkpoint() == *n.video.ledger->checkpoint());
  CHECK(first.seen() == *n.files.ledger->checkpoint());
  REQUIRE(first.others_size() == 1);
  CHECK(first.others(0).node() == to_string(Network::id(n.social)));
  CHECK(first.others(0).checkpoint() == *n.social.ledger->checkpoint());
  CHECK(n.gossip->carry(Network::id(n.files)).others_size() == 0);
  n.pass(kOthersEveryMs);
  CHECK(n.gossip->carry(Network::id(n.files)).others_size() == 1);

  // What nothing explains yet is not passed on: nobody may have its records.
  const std::string ahead = Network::note(n.social, 100, Hash{1});
  n.tell(ahead);
  n.pass(kOthersEveryMs);
  const v1::Gossip on = n.gossip->carry(Hash{9});
  REQUIRE(on.others_size() == 2);
  for (const v1::SeenHead& head : on.others()) CHECK(head.checkpoint() != ahead);
}

TEST_CASE("evidence in a peer's ledger is judged and recorded here too, once") {
  Network n;
  // files.example has found it.
  REQUIRE(n.files.pull(n.social));
  Gossip theirs(Gossip::Parts{*n.files.memory, *n.files.ledger, n.files.runtime, *n.files.members, [&] {
                                return Published{n.files.ledger->head().tree, n.files.ledger->checkpoint()};
                              }});
  REQUIRE(theirs.start());
  n.files.runtime.run();
  v1::Gossip told;
  told.set_checkpoint(Network::note(n.social, 3, Hash{1}));
  theirs.heard(Network::id(n.social), told);
  n.files.runtime.run();
  REQUIRE(n.files.ledger->registry()->quarantined(Network::id(n.social)));

  n.pull(n.files);
  CHECK(n.accused());
  CHECK(n.evidence() == 1);
  const auto ours = n.video.ledger->registry();
  CHECK(ours->equivocations().front().digest == n.files.ledger->registry()->equivocations().front().digest);
  const std::uint64_t before = n.video.ledger->size();
  n.gossip->held(Network::id(n.files), n.video.peers[Network::id(n.files)]->registry());
  n.pass(kMinuteMs);
  CHECK(n.video.ledger->size() == before);
}

TEST_CASE("only an operator's recorded word ends a quarantine, and the same proof does not begin it again") {
  Network n;
  const std::string forged = Network::note(n.social, 3, Hash{1});
  n.tell(forged);
  REQUIRE(n.accused());
  CHECK(n.video.rule_of(n.video.members->suspend("social.example", "no")) == "peer/standing");
  CHECK(n.video.rule_of(n.video.members->resume("social.example", "please")) == "peer/quarantined");
  CHECK(n.accused());
  REQUIRE(
      n.video.commit(n.video.members->resume("social.example", "keys were stolen, all is changed", true)));
  CHECK_FALSE(n.accused());
  CHECK((*n.video.members->row(Network::id(n.social)))->standing() == v1::PEER_ACTIVE);
  CHECK(n.video.hits_of('1') == 1);
  n.pass(kMinuteMs);
  n.tell(forged);
  n.pass(kMinuteMs);
  CHECK_FALSE(n.accused());
  CHECK(n.evidence() == 1);
  n.tell(Network::note(n.social, 4, Hash{1}));
  CHECK(n.accused());
  CHECK(n.evidence() == 2);
}

TEST_CASE("what others saw is durable, survives a restart and never goes back") {
  Network n;
  const std::uint64_t size = n.social.ledger->size();
  n.tell(Network::honest(n.social, size - 1));
  n.pass(kFlushMs);
  n.tell(Network::honest(n.social, 3));
  n.pass(kFlushMs);
  const auto stored = [&] {
    const auto rows = storage::GossipStore(*n.video.memory).list();
    REQUIRE(rows);
    std::string note;
    for (const auto& row : *rows)
      if (row.issuer == Network::id(n.social) && row.holder == Network::id(n.files))
        note = row.row.checkpoint();
    return note;
  };
  CHECK(stored() == Network::honest(n.social, size - 1));
  n.make();
  n.tell(Network::honest(n.social, 3));
  n.pass(kFlushMs);
  CHECK(stored() == Network::honest(n.social, size - 1));
  CHECK_FALSE(n.accused());
  CHECK(n.gossip->alarms().empty());
}

TEST_CASE("a head that contradicts what was seen before a restart is still proven") {
  Network n;
  const std::uint64_t ahead = n.social.ledger->size() + 7;
  n.tell(Network::note(n.social, ahead, Hash{1}));
  n.pass(kFlushMs);
  n.make();
  n.pass(0);
  n.tell(Network::note(n.social, ahead, Hash{2}));
  CHECK(n.accused());
}

}  // namespace
}  // namespace tocsin::node
