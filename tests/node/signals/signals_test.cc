#include "node/signals/signals.h"

#include "protocol/identity/ids.h"
#include "protocol/process/registry.h"
#include "tests/support/company.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using protocol::slot_number;
using protocol::SlotType;
using tests::Company;
using tests::kDayMs;
using tests::kHourMs;
using tests::put;

struct Pair {
  Company video{"video.example"};
  Company social{"social.example"};

  Pair() {
    REQUIRE(video.commit(video.members->create_network("eu", "")));
    tests::join(video, social);
    exchange();
  }
  void exchange() {
    pass(1);
    REQUIRE(social.pull(video));
    REQUIRE(video.pull(social));
  }
  void pass(std::uint64_t ms) {
    video.runtime.now += ms;
    social.runtime.now += ms;
  }
  // Reviewed and published by video.example, held by social.example.
  std::string share(char digit) {
    const std::string id = video.submit(digit);
    pass(1);
    REQUIRE(video.commit(video.reviewed(id)));
    REQUIRE(video.commit(video.published(id)));
    exchange();
    return id;
  }
};

TEST_CASE("a new signal is a draft that matches nothing; submitted again it is known") {
  Pair p;
  const std::string id = p.video.submit('a');
  CHECK(p.video.state_of(id) == "DRAFT");
  CHECK(p.video.hits_of('a') == 0);
  auto again = p.video.signals->submit(Company::submission('a'));
  REQUIRE(again);
  CHECK(again->reply.items(0).outcome() == v1::SubmitItem::KNOWN);
  CHECK(again->append.drafts.empty());

  v1::SubmitRequest twice = Company::submission('b');
  *twice.add_signals() = twice.signals(0);
  const auto both = p.video.signals->submit(twice);
  REQUIRE(both);
  CHECK(both->reply.items(0).outcome() == v1::SubmitItem::NEW);
  CHECK(both->reply.items(1).outcome() == v1::SubmitItem::KNOWN);
  CHECK(both->append.drafts.size() == 1);
}

TEST_CASE("what cannot be a signal is rejected alone, with its rule") {
  Pair p;
  v1::SubmitRequest request = Company::submission('c');
  request.add_signals()->set_type("sha256");
  *request.add_signals() = request.signals(0);
  request.mutable_signals(2)->set_source("a rumour");
  const auto made = p.video.signals->submit(request);
  REQUIRE(made);
  CHECK(made->reply.items(0).outcome() == v1::SubmitItem::NEW);
  CHECK(made->reply.items(1).rule() == "signal/format");
  CHECK(made->reply.items(2).rule() == "record/schema");
  CHECK(made->append.drafts.size() == 1);

  v1::SubmitRequest stranger = Company::submission('d');
  stranger.set_submitter_key(std::string(8, 'k'));
  const auto refused = p.video.signals->submit(stranger);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().rule == "signal/submitter");
}

TEST_CASE("a dry run says what would be new and changes nothing") {
  Pair p;
  v1::SubmitRequest request = Company::submission('e');
  request.set_dry_run(true);
  const auto made = p.video.signals->submit(request);
  REQUIRE(made);
  CHECK(made->reply.items(0).outcome() == v1::SubmitItem::NEW);
  CHECK(made->append.drafts.empty());
}

TEST_CASE("a reviewed signal matches here, a published one at every member") {
  Pair p;
  const std::string id = p.video.submit('a');
  REQUIRE(p.video.commit(p.video.reviewed(id)));
  CHECK(p.video.state_of(id) == "SHAREABLE");
  CHECK(p.video.hits_of('a') == 1);
  p.exchange();
  CHECK(p.social.state_of(id) == "signal/unknown");
  REQUIRE(p.video.commit(p.video.published(id)));
  p.exchange();
  CHECK(p.video.state_of(id) == "LIVE");
  CHECK(p.social.state_of(id) == "HELD");
  CHECK(p.social.hits_of('a') == 1);
  REQUIRE(p.social.commit(p.social.attested(Event::kReceiverReviewed, {id}, p.social.reviewer)));
  CHECK(p.social.state_of(id) == "ACTIONABLE");
}

TEST_CASE("a batch is reviewed and published in one record each") {
  Pair p;
  const std::string a = p.video.submit('a');
  const std::string b = p.video.submit('b');
  p.pass(1);
  const std::uint64_t before = p.video.ledger->size();
  REQUIRE(p.video.commit(p.video.attested(Event::kReviewed, {a, b}, p.video.reviewer)));
  v1::PublishRequest publish;
  publish.add_signals(a);
  publish.add_signals(b);
  REQUIRE(p.video.commit(p.video.signals->publish(publish)));
  CHECK(p.video.ledger->size() == before + 2);
  p.exchange();
  CHECK(p.social.state_of(a) == "HELD");
  CHECK(p.social.state_of(b) == "HELD");
}

TEST_CASE("a negative opinion of a person disputes the signal everywhere until its issuer retracts it") {
  Pair p;
  const std::string id = p.share('a');
  REQUIRE(p.social.commit(p.social.attested(Event::kOpinion, {id}, p.social.reviewer)));
  CHECK(p.social.state_of(id) == "NEGATIVE");
  p.exchange();
  CHECK(p.video.state_of(id) == "DISPUTED");
  const auto not_ours = p.social.retracted(id);
  REQUIRE_FALSE(not_ours);
  CHECK(not_ours.error().rule == "signal/issuer");
  REQUIRE(p.video.commit(p.video.retracted(id)));
  CHECK(p.video.hits_of('a') == 0);
  CHECK(p.social.hits_of('a') == 1);
  p.exchange();
  CHECK(p.social.hits_of('a') == 0);
  const auto view = p.video.signals->view(id);
  REQUIRE(view);
  CHECK(view->case_().receivers(0).phase() == v1::CLOSED);
}

TEST_CASE("a signal whose time is up expires by a record of its own and matches no more") {
  Pair p;
  const std::string id = p.share('a');
  CHECK(p.video.signals->expire()->drafts.empty());
  p.pass(366 * kDayMs);
  auto expire = p.video.signals->expire();
  REQUIRE(expire);
  CHECK(expire->drafts.size() == 1);
  REQUIRE(p.video.commit(std::move(expire)));
  CHECK(p.video.state_of(id) == "EXPIRED");
  CHECK(p.video.hits_of('a') == 0);
  CHECK(p.video.signals->expire()->drafts.empty());
  p.exchange();
  CHECK(p.social.state_of(id) == "EXPIRED");
  CHECK(p.social.hits_of('a') == 0);
}

TEST_CASE("a signal reviewed again after its publication can be published again on that review") {
  Pair p;
  const std::string id = p.share('a');
  REQUIRE(p.video.commit(p.video.reviewed(id)));
  REQUIRE(p.video.commit(p.video.published(id)));
  p.exchange();
  CHECK(p.social.state_of(id) == "HELD");
  CHECK(p.social.hits_of('a') == 1);
}

TEST_CASE("R1: nothing is published without a complete approving review that is in force") {
  Pair p;
  const std::string id = p.video.submit('a');
  p.pass(1);
  CHECK(p.video.rule_of(p.video.published(id)) == "due-process/R1");
  CHECK(p.video.rule_of(p.video.attested(Event::kReviewed, {id}, p.video.reviewer, [](auto& slots) {
    put(slots, slot_number(6, SlotType::kUint, 15));  // art and the rest, but not counter-speech
  })) == "due-process/R1");
  REQUIRE(p.video.commit(p.video.attested(Event::kReviewed, {id}, p.video.reviewer, [](auto& slots) {
    put(slots, slot_number(0, SlotType::kEnum, 3));
  })));
  CHECK(p.video.rule_of(p.video.published(id)) == "due-process/R1");
  REQUIRE(p.video.commit(p.video.reviewed(id)));
  p.pass(301 * kDayMs);
  CHECK(p.video.rule_of(p.video.published(id)) == "due-process/R1");
}

TEST_CASE("R2: a review is another person's, with a reviewer's key in force") {
  Pair p;
  const std::string id = p.video.submit('a');
  const auto rule = [&](const crypto::SigningKey& by) {
    return p.video.rule_of(p.video.attested(Event::kReviewed, {id}, by));
  };
  CHECK(rule(p.video.submitter) == "due-process/R2");
  CHECK(rule(p.social.reviewer) == "due-process/R2");
  const auto second = crypto::SigningKey::from_seed(Secret<32>(storage::hash_of(7)));
  REQUIRE(p.video.add_key(second, 2, "Sam of video.example"));
  p.pass(1);
  CHECK(rule(second) == "due-process/R2");
  CHECK(rule(p.video.reviewer).empty());
}

TEST_CASE("R5: a publication names a group the ledger lists, at the epoch in force") {
  Pair p;
  const std::string id = p.video.submit('a');
  REQUIRE(p.video.commit(p.video.reviewed(id)));
  auto stale = p.video.published(id);
  REQUIRE(stale);
  Company files("files.example");
  tests::join(p.video, files);
  CHECK(p.video.rule_of(std::move(stale)) == "due-process/R5");
  CHECK(p.video.rule_of(p.video.published(id)).empty());
  v1::PublishRequest elsewhere;
  elsewhere.add_signals(id);
  elsewhere.set_group("another group");
  CHECK(p.video.rule_of(p.video.signals->publish(elsewhere)) == "network/group");
}

Draft receipt(const Hash& origin, std::uint64_t to, std::uint64_t size) {
  Draft draft;
  draft.event = Event::kReceipt;
  draft.subject.kind = Subject::Kind::kBatch;
  draft.slots = {slot_number(0, SlotType::kUint, 0), slot_number(1, SlotType::kUint, to),
                 protocol::slot_bytes(2, SlotType::kHash, storage::hash_of(1)),
                 slot_number(3, SlotType::kUint, size),
                 protocol::slot_bytes(protocol::kSlotOrigin, SlotType::kHash, origin)};
  return draft;
}

TEST_CASE("R6: nobody acknowledges more than a verified checkpoint covers") {
  Pair p;
  const Hash video = p.video.descriptor->fingerprint();
  CHECK(p.social.rule_of(Append{{receipt(video, 6, 5)}}) == "due-process/R6");
  CHECK(p.social.rule_of(Append{{receipt(video, 5, 5)}}).empty());
}

TEST_CASE("R13: a retraction names every recipient, and an answer to it admits no later match") {
  Pair p;
  const std::string id = p.share('a');
  auto retraction = p.video.retracted(id);
  REQUIRE(retraction);
  put(retraction->drafts.front().slots, protocol::slot_bytes(2, SlotType::kHash, storage::hash_of(1)));
  CHECK(p.video.rule_of(std::move(retraction)) == "due-process/R13");

  REQUIRE(p.video.commit(p.video.retracted(id)));
  const auto view = p.video.signals->view(id);
  Draft applied;
  applied.event = Event::kRetractionApplied;
  applied.subject = Subject::of_signal(*fixed<32>(as_view(view->case_().signal()), "id"));
  applied.slots = {
      slot_number(0, SlotType::kTime, p.social.runtime.now),
      slot_number(1, SlotType::kUint, 3),
      slot_number(2, SlotType::kUint, 0),
      slot_number(3, SlotType::kUint, 0),
      slot_number(4, SlotType::kUint, 0),
      slot_number(5, SlotType::kUint, view->case_().origin().retraction_index()),
      protocol::slot_bytes(6, SlotType::kHash, as_view(view->case_().origin().retraction_leaf())),
      protocol::slot_hashes(protocol::kSlotCovers, {applied.subject.signal}),
      protocol::slot_bytes(protocol::kSlotOrigin, SlotType::kHash, p.video.descriptor->fingerprint())};
  CHECK(p.social.rule_of(Append{{applied}}) == "due-process/R13");
}

TEST_CASE("R14: nothing is published after its retraction or its end") {
  Pair p;
  const std::string gone = p.share('a');
  REQUIRE(p.video.commit(p.video.retracted(gone)));
  CHECK(p.video.rule_of(p.video.published(gone)) == "due-process/R14");
  const std::string late = p.share('b');
  p.pass(366 * kDayMs);
  REQUIRE(p.video.commit(p.video.signals->expire()));
  v1::PublishRequest publish;
  publish.add_signals(late);
  publish.set_expires_ms(p.video.runtime.now + kDayMs);
  CHECK(p.video.rule_of(p.video.signals->publish(publish)) == "due-process/R14");
}

TEST_CASE("R16: a public key has one person and one role, and whoever submits has a key in force") {
  Pair p;
  const auto status = p.video.add_key(p.video.submitter, 2, "another name");
  REQUIRE_FALSE(status);
  CHECK(status.error().rule == "due-process/R16");
  const auto again = p.video.add_key(p.video.reviewer, 2, "rita of video.example");
  REQUIRE_FALSE(again);
  CHECK(again.error().rule == "due-process/R16");
  p.pass(366 * kDayMs);  // the submitter's key has run out
  v1::SubmitRequest request = Company::submission('a');
  request.set_submitter_key(to_string(protocol::key_id(p.video.submitter.public_key())));
  auto made = p.video.signals->submit(request);
  REQUIRE(made);
  CHECK(p.video.rule_of(std::move(made->append)) == "due-process/R16");
}

TEST_CASE("R17: a record tells of nothing later than itself") {
  Pair p;
  const std::string id = p.video.submit('a');
  CHECK(p.video.rule_of(p.video.attested(Event::kReviewed, {id}, p.video.reviewer, [&](auto& slots) {
    put(slots, slot_number(11, SlotType::kTime, p.video.runtime.now + kHourMs));
  })) == "due-process/R17");
}

TEST_CASE("R19: a signal ends, within 36 months, and no publication outlives it") {
  Pair p;
  v1::SubmitRequest request = Company::submission('a');
  request.mutable_signals(0)->set_valid_until_ms(p.video.runtime.now + 1100 * kDayMs);
  auto made = p.video.signals->submit(request);
  REQUIRE(made);
  CHECK(p.video.rule_of(std::move(made->append)) == "due-process/R19");
  const std::string id = p.video.submit('b');
  REQUIRE(p.video.commit(p.video.reviewed(id)));
  v1::PublishRequest publish;
  publish.add_signals(id);
  publish.set_expires_ms(p.video.runtime.now + 400 * kDayMs);
  CHECK(p.video.rule_of(p.video.signals->publish(publish)) == "due-process/R19");
}

TEST_CASE("signals are listed page by page and by state, and found by a beginning that fits one") {
  Pair p;
  std::vector<std::string> ids;
  for (const char digit : {'1', '2', '3', '4'}) ids.push_back(p.video.submit(digit));
  REQUIRE(p.video.commit(p.video.reviewed(ids[0])));
  v1::SignalListRequest request;
  request.set_limit(3);
  auto page = p.video.signals->list(request);
  REQUIRE(page);
  CHECK(page->signals_size() == 3);
  request.set_after(page->next());
  page = p.video.signals->list(request);
  REQUIRE(page);
  CHECK(page->signals_size() == 1);
  CHECK(page->next().empty());
  v1::SignalListRequest drafts;
  drafts.set_state("DRAFT");
  CHECK(p.video.signals->list(drafts)->signals_size() == 3);
  CHECK(p.video.signals->queue(10)->signals_size() == 3);
  CHECK(p.video.signals->view(ids[1].substr(0, 20))->id() == ids[1]);
  CHECK(p.video.signals->view("sig_").error().rule != "");
}

TEST_CASE("opening the store again finds the same signals matching") {
  Pair p;
  p.share('a');
  Signals reopened(*p.social.memory, *p.social.ledger, p.social.runtime, *p.social.members, MatchSettings{});
  CHECK(reopened.matching() == 0);
  REQUIRE(reopened.rebuild());
  CHECK(reopened.matching() == 1);
}

}  // namespace
}  // namespace tocsin::node
