#include "node/witness/witnessed.h"

#include <set>

#include "node/witness/policy_text.h"
#include "tests/node/witness/witness_fixture.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

// Time stands until it is moved; what is due then runs.
class Clockwork : public tests::ManualRuntime {
 public:
  void after(std::uint64_t delay_ms, Lane, Task task) override {
    due.emplace(now + delay_ms, std::move(task));
  }
  void pass(std::uint64_t ms) {
    const std::uint64_t until = now + ms;
    run();
    while (!due.empty() && due.begin()->first <= until) {
      now = std::max(now, due.begin()->first);
      Task task = std::move(due.begin()->second);
      due.erase(due.begin());
      task();
      run();
    }
    now = until;
  }
  std::multimap<std::uint64_t, Task> due;
};

// A ledger with witnesses; each is a node of its own that can be switched off.
struct Watched {
  storage::MemoryStore memory;
  Clockwork runtime;
  std::unique_ptr<Ledger> ledger;
  std::vector<std::unique_ptr<CosignerFixture>> nodes;
  std::set<std::string> down;
  std::unique_ptr<Witnessed> witnessed;
  std::vector<std::uint64_t> moved;
  std::vector<Witnessed::Ahead> ahead;
  bool members = true;

  explicit Watched(std::size_t witnesses) {
    for (std::size_t i = 0; i < witnesses; ++i) nodes.push_back(std::make_unique<CosignerFixture>());
    open();
  }
  static protocol::VerifierKey log() {
    const LedgerKeys keys = ledger_keys();
    return *protocol::make_verifier_key(keys.origin, protocol::KeyType::kEd25519,
                                        keys.operational.public_key());
  }
  static std::string name(std::size_t i) { return "w" + std::to_string(i); }
  void open() {
    witnessed.reset();
    ledger.reset();
    runtime.tasks.clear();
    runtime.due.clear();
    memory.reopen();
    ledger = Ledger::open(*memory, runtime, ledger_keys()).value();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      CosignerFixture& node = *nodes[i];
      node.known.insert_or_assign(log().name, log());
      node.cosigner = std::make_unique<Cosigner>(
          Cosigner::Parts{*node.memory, *node.ledger, node.runtime, cosigner_key(key_of(i)),
                          name(i) + ".example/witness", [&node](std::string_view origin) {
                            const auto found = node.known.find(origin);
                            return found == node.known.end() ? std::vector<protocol::VerifierKey>()
                                                             : std::vector{found->second};
                          }});
    }
    witnessed = std::make_unique<Witnessed>(Witnessed::Parts{
        *memory, *ledger, runtime, [this] { return members ? all_targets() : std::vector<WitnessTarget>(); },
        [this](const WitnessTarget& target, const std::string& body, Witnessed::Asked asked) {
          for (std::size_t i = 0; i < nodes.size(); ++i) {
            if (nodes[i]->cosigner->vkey() != target.key || down.contains(name(i))) continue;
            nodes[i]->runtime.now = runtime.now;
            return asked(nodes[i]->ask(body));
          }
          asked(fail(Code::kUnavailable, "it is down", "witness/unreachable"));
        },
        [this](const Published& published) { moved.push_back(published.tree.size); },
        [this](const Witnessed::Ahead& found) { ahead.push_back(found); }});
    ledger->set_listener([this](const Ledger::Committed& committed) {
      if (committed.from < committed.head.tree.size) witnessed->on_committed();
    });
    REQUIRE(witnessed->start());
  }
  static std::uint8_t key_of(std::size_t i) { return static_cast<std::uint8_t>(80 + i); }
  std::vector<WitnessTarget> all_targets() const {
    std::vector<WitnessTarget> out;
    for (std::size_t i = 0; i < nodes.size(); ++i)
      out.push_back({name(i), nodes[i]->cosigner->vkey(), filled(key_of(i)), {}});
    return out;
  }
  void append(Draft draft) {
    Append append;
    append.drafts.push_back(std::move(draft));
    bool done = false;
    ledger->append(std::move(append), [&](const Result<Appended>& appended) { done = appended.has_value(); });
    runtime.run();
    REQUIRE(done);
  }
  void grow(std::uint64_t by = 1) {
    for (std::uint64_t i = 0; i < by; ++i) append(receipt(i));
  }
  void set_policy(std::size_t count, std::size_t quorum = 0) {
    PolicyDraft draft{log(), {}, quorum};
    for (std::size_t i = 0; i < count; ++i)
      draft.witnesses.push_back({name(i), nodes[i]->cosigner->vkey(), {}});
    Draft record;
    record.event = protocol::Event::kWitnessPolicy;
    record.slots = {protocol::slot_text(0, write_policy(draft).value())};
    append(std::move(record));
  }
  std::size_t signatures() const {
    const Published published = witnessed->published();
    return published.checkpoint ? protocol::parse_note(*published.checkpoint)->signatures.size() : 0;
  }
};

}  // namespace

TEST_CASE("without a policy all is published at once, and cosignatures come as an extra") {
  Watched node(3);
  CHECK(node.witnessed->published().tree.size == 1);
  node.grow();
  CHECK(node.witnessed->published().tree.size == 2);
  CHECK(node.signatures() == 1);
  node.runtime.pass(kRoundEveryMs);
  CHECK(node.signatures() == 4);
  CHECK(node.witnessed->published().tree.size == 2);
  CHECK(node.witnessed->overview().cosignatures == 3);
  CHECK_FALSE(node.witnessed->overview().policy);
  node.grow();
  CHECK(node.witnessed->published().tree.size == 3);
  CHECK(node.signatures() == 1);
}

TEST_CASE("a member that was away when the others cosigned is asked again, though nothing is new") {
  Watched node(3);
  node.down.insert(Watched::name(1));
  node.grow();
  node.runtime.pass(kRoundEveryMs);
  CHECK(node.signatures() == 3);
  node.down.clear();
  node.runtime.pass(kRoundAgainMs);
  CHECK(node.signatures() == 4);
  CHECK(node.witnessed->overview().cosignatures == 3);
  CHECK(node.witnessed->published().tree.size == 2);
}

TEST_CASE("a node that nobody cosigns works as without witnesses") {
  Watched node(0);
  node.grow(5);
  node.runtime.pass(60'000);
  CHECK(node.witnessed->published().tree.size == 6);
  CHECK(node.moved.back() == 6);
  CHECK(node.witnessed->overview().size == 0);
}

TEST_CASE("with a policy nothing is published before its quorum has cosigned") {
  Watched node(3);
  node.down = {"w0", "w1"};
  node.set_policy(3);  // two of three
  node.runtime.pass(60'000);
  CHECK(node.witnessed->published().tree.size == 1);  // what was public before it
  CHECK_FALSE(node.witnessed->overview().missing.empty());
  CHECK(node.witnessed->overview().witnesses[0].last_error == "it is down");
  CHECK(node.moved == std::vector<std::uint64_t>{1});
  node.down = {"w0"};
  node.runtime.pass(kRoundAgainMs);
  CHECK(node.witnessed->published().tree.size == 2);
  CHECK(node.signatures() == 3);
  CHECK(node.moved == std::vector<std::uint64_t>{1, 2});
  node.grow(3);
  node.runtime.pass(kRoundEveryMs);
  CHECK(node.witnessed->published().tree.size == 5);
  CHECK(node.witnessed->overview().missing.empty());
  CHECK(protocol::Policy::parse(node.witnessed->overview().policy_text)
            .value()
            .evaluate(*node.witnessed->published().checkpoint));
}

TEST_CASE("many commits make few rounds") {
  Watched node(1);
  node.set_policy(1);
  node.runtime.pass(kRoundEveryMs);
  const std::uint64_t before = node.nodes[0]->cosigner->cosigned();
  for (int i = 0; i < 100; ++i) {
    node.grow();
    node.runtime.pass(100);
  }
  const std::uint64_t rounds = node.nodes[0]->cosigner->cosigned() - before;
  CHECK(rounds >= 4);
  CHECK(rounds <= 6);
}

TEST_CASE(
    "what was published stays published after a restart, and the round goes on from what witnesses hold") {
  Watched node(2);
  node.set_policy(2);
  node.grow(4);
  node.runtime.pass(kRoundEveryMs);
  const std::string note = *node.witnessed->published().checkpoint;
  node.down = {"w0", "w1"};
  node.open();
  CHECK(*node.witnessed->published().checkpoint == note);
  node.grow(2);
  node.runtime.pass(60'000);
  CHECK(*node.witnessed->published().checkpoint == note);
  node.down.clear();
  node.runtime.pass(kRoundAgainMs);
  CHECK(node.witnessed->published().tree.size == 8);
  CHECK(node.ahead.empty());
}

TEST_CASE("a changed policy takes the old quorum and the new one over one checkpoint") {
  Watched node(3);
  node.set_policy(1);
  node.runtime.pass(kRoundEveryMs);
  REQUIRE(node.witnessed->published().tree.size == 2);
  node.down = {"w0"};
  node.set_policy(3, 2);  // w1 and w2 would do for the new one
  node.grow();
  node.runtime.pass(60'000);
  CHECK(node.witnessed->published().tree.size == 2);
  node.down.clear();
  node.runtime.pass(kRoundAgainMs);
  REQUIRE(node.witnessed->published().tree.size == 4);
  node.down = {"w0"};
  node.grow();
  node.runtime.pass(60'000);
  CHECK(node.witnessed->published().tree.size == 5);

  // Who holds less than the change is shown the checkpoint that both quorums cosigned.
  CHECK(node.witnessed->published_for(2, 0).tree.size == 4);
  CHECK(node.witnessed->published_for(4, 4).tree.size == 5);
  CHECK(node.witnessed->published_for(0, 0).tree.size == 5);
  // Who began at 0 under that one reads on under it, whatever it meets on the way.
  CHECK(node.witnessed->published_for(2, 5).tree.size == 5);
}

TEST_CASE("a policy without witnesses publishes all again, once the old quorum has cosigned it") {
  Watched node(1);
  node.set_policy(1);
  node.runtime.pass(kRoundEveryMs);
  node.down = {"w0"};
  node.set_policy(0);
  node.grow();
  node.runtime.pass(60'000);
  CHECK(node.witnessed->published().tree.size == 2);
  node.down.clear();
  node.runtime.pass(kRoundAgainMs);
  CHECK(node.witnessed->published().tree.size == 4);
  node.down = {"w0"};
  node.grow();
  CHECK(node.witnessed->published().tree.size == 5);
}

TEST_CASE("a ledger rolled back meets the witnesses that saw more, with the proof of it") {
  Watched node(2);
  node.grow(3);
  node.runtime.pass(kRoundEveryMs);
  REQUIRE(node.signatures() == 3);
  node.witnessed.reset();
  node.ledger.reset();
  node.memory.store.reset();
  node.memory.env.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));  // an older copy: here, none at all
  node.open();
  node.runtime.pass(kRoundEveryMs);
  REQUIRE(node.ahead.size() == 2);
  CHECK(node.ahead[0].size == 4);
  CHECK(node.ahead[0].proven);
  CHECK(node.ahead[0].note.starts_with(node.ledger->origin()));
  node.grow(10);  // past what they hold: another history all the same
  node.runtime.pass(60'000);
  CHECK(node.witnessed->overview().size == 0);
  CHECK_FALSE(node.witnessed->overview().witnesses[0].last_error.empty());
}

TEST_CASE("a ledger that was rolled back and grew past its witnesses is found out by their notes") {
  Watched node(1);
  node.grow(3);
  node.runtime.pass(kRoundEveryMs);
  node.witnessed.reset();
  node.ledger.reset();
  node.memory.store.reset();
  node.memory.env.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  node.down = {"w0"};
  node.open();
  node.grow(20);
  node.down.clear();
  node.runtime.pass(60'000);
  REQUIRE(node.ahead.size() == 1);
  CHECK(node.ahead[0].proven);
  CHECK(node.ahead[0].size == 4);
}

TEST_CASE("a cosignature by another key, over another text, or none at all is no cosignature") {
  Watched node(1);
  node.set_policy(1);
  const auto answer_with = [&](std::string lines) {
    node.witnessed.reset();
    node.witnessed = std::make_unique<Witnessed>(
        Witnessed::Parts{*node.memory, *node.ledger, node.runtime, [&] { return node.all_targets(); },
                         [lines](const WitnessTarget&, const std::string&, Witnessed::Asked asked) {
                           asked(CosignAnswer{200, lines, {}});
                         },
                         [](const Published&) {}, nullptr});
    node.runtime.due.clear();
    REQUIRE(node.witnessed->start());
    node.runtime.pass(kRoundEveryMs);
    return node.witnessed->published().tree.size;
  };
  const std::string text = protocol::parse_note(*node.ledger->checkpoint())->text;
  const auto line = [&](std::uint8_t key, const std::string& name, const std::string& over) {
    const auto signature = protocol::cosign_note(cosigner_key(key), name, 7, over);
    return protocol::format_signatures(std::span(&signature, 1));
  };
  CHECK(answer_with("") == 1);
  CHECK(answer_with("nonsense") == 1);
  CHECK(answer_with(line(81, "w0.example/witness", text)) == 1);
  CHECK(answer_with(line(80, "w1.example/witness", text)) == 1);
  CHECK(answer_with(line(80, "w0.example/witness", text + "more\n")) == 1);
  CHECK(answer_with(line(80, "w0.example/witness", text)) == 2);
}
