#include "node/cases/desk.h"

#include "crypto/base/encoding.h"
#include "protocol/identity/descriptor.h"
#include "protocol/process/attestation.h"
#include "protocol/process/case_state.h"
#include "protocol/process/registry.h"
#include "tests/support/company.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using protocol::slot_bytes;
using protocol::slot_number;
using protocol::slot_text;
using protocol::SlotType;
using tests::Company;
using tests::kDayMs;

// A company with a complaint desk, which does at once what a commit asks of it, as the daemon does.
struct Firm {
  explicit Firm(const std::string& name, std::uint8_t seed)
      : company(name),
        officer(crypto::SigningKey::from_seed(Secret<32>(FixedBytes<32>{seed}))),
        desk(*company.memory, *company.ledger, company.runtime, *company.signals) {}

  Company company;
  crypto::SigningKey officer;
  Desk desk;

  // The desk learns of every case there is, and what they ask of it is committed.
  std::size_t follow() {
    const auto all = company.signals->list({});
    REQUIRE(all);
    std::size_t done = 0;
    for (const v1::SignalView& view : all->signals()) {
      desk.note(view.case_());
      if (!desk.asks(view.case_())) continue;
      for (Append& append : desk.follow_up(view.case_())) {
        REQUIRE(company.commit(std::move(append)));
        ++done;
      }
    }
    return done;
  }
  v1::Case state(const std::string& id) const { return *company.signals->find(id); }

  std::string act(const std::string& id, bool told = true) {
    v1::ActionRequest request;
    request.set_signal(id);
    request.add_decisions("DECISION_VISIBILITY_CONTENT_REMOVED");
    request.set_ground("DECISION_GROUND_INCOMPATIBLE_CONTENT");
    request.set_ground_reference("terms 4.2");
    request.set_category("STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY");
    request.add_content_types("CONTENT_TYPE_IMAGE");
    request.add_territorial_scope("DE");
    request.set_source_type("SOURCE_VOLUNTARY");
    request.set_automated_detection("Yes");
    request.set_automated_decision("AUTOMATED_DECISION_NOT_AUTOMATED");
    request.set_facts("a photograph of a person's garden");
    if (told) request.mutable_notice()->set_channel("email");
    auto action = desk.act(request);
    REQUIRE(action);
    const auto done = company.commit(std::move(action->append));
    if (!done) return done.error().rule;
    desk.note(state(id));
    const auto reply = desk.action(action->chain, done->first_index);
    REQUIRE(reply);
    return reply->action();
  }
  std::string complain(const std::string& id, const std::string& action) {
    v1::AppealFileRequest request;
    request.set_action(action);
    request.set_text("this is my own garden");
    auto filed = desk.file(request);
    REQUIRE(filed);
    REQUIRE(company.commit(std::move(filed->append)));
    desk.note(state(id));
    return filed->appeal;
  }
  Result<Append> decision(const std::string& appeal, std::uint64_t outcome, const crypto::SigningKey& by) {
    TRY_ASSIGN(const auto subject, desk.subject(appeal));
    std::vector<protocol::SlotValue> slots = {
        slot_bytes(0, SlotType::kHash, as_view(subject.appeal())),
        slot_number(1, SlotType::kEnum, outcome),
        slot_number(2, SlotType::kEnum, 1),
        slot_bytes(3, SlotType::kHash, Hash{7}),
        slot_text(4, "a court"),
        slot_bytes(8, SlotType::kKeyId, protocol::key_id(by.public_key())),
        slot_number(9, SlotType::kEnum, 2),
        slot_text(10, "en"),
        slot_number(11, SlotType::kTime, company.runtime.now)};
    TRY_ASSIGN(const Hash covers, fixed<32>(as_view(subject.covers(0)), "an id"));
    slots.push_back(protocol::slot_hashes(13, {covers}));
    if (!subject.origin().empty())
      slots.push_back(slot_bytes(14, SlotType::kHash, as_view(subject.origin())));
    FixedBytes<32> key{};
    company.runtime.fill_random(key);
    TRY_ASSIGN(const Hash chain, fixed<32>(as_view(subject.chain()), "a chain"));
    TRY_ASSIGN(
        auto signature,
        protocol::attest({company.descriptor->fingerprint(), Event::kAppealDecided, chain}, key, slots, by));
    slots.push_back(std::move(signature));
    v1::AppealDecideRequest request;
    request.set_id(appeal);
    request.set_key_a(to_string(key));
    request.set_slots_a(to_string(protocol::pack_slots(slots)));
    request.set_reasons("it is a garden");
    return desk.decide(request);
  }
  const v1::Matter& matter(const v1::Case& value) const {
    return protocol::find_receiver(value, company.descriptor->fingerprint())->matters(0);
  }
  // The first rule that a draft of ours breaks in the ledger; a party's row of the page.
  v1::AppealParty row(const std::string& appeal, const std::string& node) const {
    const auto view = desk.show(appeal);
    REQUIRE(view);
    for (const v1::AppealParty& party : view->parties())
      if (party.node() == node) return party;
    return {};
  }
};

struct Network {
  Firm video{"video.example", 71};
  Firm social{"social.example", 72};
  Firm files{"files.example", 73};
  std::vector<Firm*> all = {&video, &social, &files};

  Network() {
    REQUIRE(video.company.commit(video.company.members->create_network("eu", "")));
    tests::join(video.company, social.company);
    tests::join(video.company, files.company);
    for (Firm* firm : all) REQUIRE(firm->company.add_key(firm->officer, 4, "olga"));
    exchange();
    exchange();
  }
  void pass(std::uint64_t ms) {
    for (Firm* firm : all) firm->company.runtime.now += ms;
  }
  // Everybody reads everybody, and does what follows.
  void exchange() {
    pass(1);
    for (Firm* from : all)
      for (Firm* to : all)
        if (to != from) REQUIRE(to->company.pull(from->company));
    for (Firm* firm : all) firm->follow();
  }
  std::string share(char digit) {
    const std::string id = video.company.submit(digit);
    pass(1);
    REQUIRE(video.company.commit(video.company.reviewed(id)));
    REQUIRE(video.company.commit(video.company.published(id)));
    exchange();
    for (Firm* firm : {&social, &files})
      REQUIRE(firm->company.commit(
          firm->company.attested(Event::kReceiverReviewed, {id}, firm->company.reviewer)));
    exchange();
    return id;
  }
};

TEST_CASE("one appeal reaches everybody: the origin decides, and every action on the signal is put right") {
  Network n;
  const std::string id = n.share('a');
  const std::string at_social = n.social.act(id);
  n.files.act(id);
  n.exchange();
  const std::string appeal = n.social.complain(id, at_social);
  CHECK(n.social.company.state_of(id) == "DISPUTED");
  n.exchange();
  CHECK(n.files.company.state_of(id) == "DISPUTED");
  CHECK(n.video.company.state_of(id) == "DISPUTED");
  CHECK(n.files.company.hits_of('a') == 1);  // found, but for nobody's machine to act on

  // The origin opened the case by itself, once.
  REQUIRE(n.video.desk.list(false).appeals_size() == 1);
  CHECK(n.video.follow() == 0);
  CHECK(n.video.desk.list(false).appeals(0).channel() == "social.example");
  CHECK(n.video.row(appeal, "video.example").waiting() == "has not decided");

  n.exchange();
  REQUIRE(n.video.company.commit(n.video.decision(appeal, 2, n.video.officer)));
  CHECK(n.video.company.state_of(id) == "RETRACTING");
  CHECK(n.video.row(appeal, "files.example").waiting() == "has not answered the retraction");
  n.exchange();
  n.exchange();
  n.exchange();
  for (Firm* firm : n.all) {
    INFO(firm->company.name);
    CHECK(firm->company.hits_of('a') == 0);
    for (const char* acted : {"social.example", "files.example"}) {
      const v1::AppealParty row = firm->row(appeal, acted);
      CHECK(row.acted_ms() != 0);
      CHECK(row.told_ms() != 0);
      CHECK(row.put_right_ms() != 0);
      CHECK(row.stopped_ms() != 0);
      CHECK(row.waiting().empty());
    }
    CHECK(firm->desk.show(appeal)->retraction() == "APPEAL_UPHELD");
    CHECK(firm->follow() == 0);
  }
  CHECK(n.video.desk.list(false).appeals_size() == 0);
  CHECK(n.video.desk.list(true).appeals_size() == 1);
}

TEST_CASE("an appeal that the origin upholds leaves the signal as it was") {
  Network n;
  const std::string id = n.share('b');
  const std::string appeal = n.social.complain(id, n.social.act(id));
  n.exchange();
  n.exchange();
  REQUIRE(n.video.company.commit(n.video.decision(appeal, 1, n.video.officer)));
  REQUIRE(n.social.company.commit(n.social.decision(appeal, 1, n.social.officer)));
  n.exchange();
  CHECK(n.files.company.state_of(id) == "ACTIONABLE");
  CHECK(n.social.company.state_of(id) == "ACTIONABLE");
  CHECK(n.video.company.state_of(id) == "LIVE");
  // And may still go to a body outside, which finds for the person.
  v1::AppealEscalateRequest request;
  request.set_id(appeal);
  request.set_body("a body");
  REQUIRE(n.social.company.commit(n.social.desk.escalate(request)));
  CHECK(n.social.company.state_of(id) == "DISPUTED");
  request.set_outcome("overturned");
  REQUIRE(n.social.company.commit(n.social.desk.escalate(request)));
  CHECK(n.social.row(appeal, "social.example").put_right_ms() != 0);
  CHECK(n.social.matter(n.social.state(id)).reported_ms() != 0);
}

TEST_CASE(
    "the channel's own officer may put its action right, and the origin hears that the signal was why") {
  Network n;
  const std::string id = n.share('c');
  const std::string appeal = n.social.complain(id, n.social.act(id));
  n.exchange();
  REQUIRE(n.social.company.commit(n.social.decision(appeal, 2, n.social.officer)));
  n.exchange();
  const v1::Case seen = n.video.state(id);
  const v1::ReceiverState* social = protocol::find_receiver(seen, n.social.company.descriptor->fingerprint());
  REQUIRE(social != nullptr);
  CHECK(social->matters(0).reported_ms() != 0);
  CHECK(social->matters(0).phase() == v1::REINSTATED);
}

TEST_CASE("nobody decides an appeal who reviewed the signal, nor without an officer's key") {
  Network n;
  const std::string id = n.share('d');
  const std::string appeal = n.social.complain(id, n.social.act(id));
  n.exchange();
  const std::uint64_t before = n.video.company.ledger->size();
  CHECK(n.video.company.rule_of(n.video.decision(appeal, 2, n.video.company.reviewer)) == "due-process/R2");
  CHECK(n.video.company.rule_of(n.video.decision(appeal, 2, n.social.officer)) == "due-process/R2");
  const auto hat = crypto::SigningKey::from_seed(Secret<32>(FixedBytes<32>{99}));
  const auto registry = n.video.company.ledger->registry();
  const std::string reviewer =
      registry->key(protocol::key_id(n.video.company.reviewer.public_key()))->pseudonym;
  REQUIRE(n.video.company.add_key(hat, 4, reviewer));
  CHECK(n.video.company.rule_of(n.video.decision(appeal, 2, hat)) == "due-process/R10");
  CHECK(n.video.company.ledger->size() == before + 1);  // the key alone: nothing of what was refused
  CHECK(n.video.company.state_of(id) == "DISPUTED");
}

TEST_CASE(
    "an action needs a review of one's own, and what is owed to the person is listed until it is done") {
  Network n;
  const std::string id = n.share('e');
  Firm& social = n.social;
  const std::string fresh = n.video.company.submit('f');
  REQUIRE(n.video.company.commit(n.video.company.reviewed(fresh)));
  REQUIRE(n.video.company.commit(n.video.company.published(fresh)));
  n.exchange();
  CHECK(social.act(fresh) == "due-process/R7");
  const std::string action = social.act(id, false);
  REQUIRE(social.desk.deadlines().deadlines_size() == 1);
  CHECK(social.desk.deadlines().deadlines(0).clock() == "user-notice");
  CHECK_FALSE(social.desk.deadlines().deadlines(0).late());
  n.pass(2 * tests::kHourMs);
  CHECK(social.desk.deadlines().deadlines(0).late());
  v1::NoticeRequest told;
  told.set_action(action);
  told.set_channel("post");
  REQUIRE(social.company.commit(social.desk.notify(told)));
  CHECK(social.desk.deadlines().deadlines_size() == 0);
  CHECK(social.company.rule_of(social.desk.notify(told)) == "due-process/R8");
  social.complain(id, action);
  REQUIRE(social.desk.deadlines().deadlines_size() == 1);
  CHECK(social.desk.deadlines().deadlines(0).clock() == "appeal-decided");
}

TEST_CASE("what a person says is opened to nobody") {
  Network n;
  const std::string id = n.share('a');
  n.social.complain(id, n.social.act(id));
  const std::uint64_t size = n.social.company.ledger->size();
  bool seen = false;
  for (std::uint64_t i = 0; i < size; ++i) {
    const auto opened = n.social.company.ledger->opening(i);
    REQUIRE(opened);
    CHECK(opened->slots_p().empty());
    CHECK(opened->slots_a().find("garden") == std::string::npos);
    const auto personal = n.social.company.ledger->opening(i, true);
    REQUIRE(personal);
    seen = seen || personal->slots_p().find("my own garden") != std::string::npos;
  }
  CHECK(seen);
}

}  // namespace
}  // namespace tocsin::node
