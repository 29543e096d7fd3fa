#include "node/members/members.h"

#include "protocol/process/registry.h"
#include "tests/support/company.h"

namespace tocsin::node {
namespace {

using tests::Company;
using tests::kHourMs;

struct Network {
  Company video{"video.example"};
  Company social{"social.example"};
  Company files{"files.example"};

  Network() { REQUIRE(video.commit(video.members->create_network("eu", "be fair"))); }
  v1::Invitation invite(const Company& who, std::uint64_t valid_ms = kHourMs) {
    auto invited = video.members->invite(who.name, valid_ms, *video.descriptor);
    REQUIRE(invited);
    REQUIRE(video.commit(std::move(invited->append)));
    return invited->invitation;
  }
  // What the coordinator answers; what follows from it is committed.
  v1::JoinReply ask(const Company& who, const v1::Invitation& invitation) {
    auto candidate = video.members->on_join(tests::join_request(who, invitation), {});
    if (candidate.append) REQUIRE(video.commit(std::move(*candidate.append)));
    return candidate.reply;
  }
  Hash group() const { return *fixed<32>(as_view((*video.members->network())->id()), "a group"); }
  const protocol::GroupEpoch& epoch_at(const Company& at) const {
    const auto* epoch = at.ledger->registry()->current_group(group());
    REQUIRE(epoch != nullptr);
    return *epoch;
  }
};

TEST_CASE("a network is created once, with its charter and a group of one in the ledger") {
  Network n;
  const auto registry = n.video.ledger->registry();
  CHECK(registry->charter(n.group())->text == "be fair");
  CHECK(n.epoch_at(n.video).epoch == 1);
  CHECK(n.epoch_at(n.video).members == std::vector<Hash>{n.video.descriptor->fingerprint()});
  CHECK(n.video.rule_of(n.video.members->create_network("again", "")) == "network/exists");
}

TEST_CASE("only the coordinator of a network invites, and for fourteen days at most") {
  Network n;
  const auto rule = [](const Result<Members::Invited>& invited) {
    return invited ? "" : invited.error().rule;
  };
  CHECK(rule(n.social.members->invite("x.example", kHourMs, *n.social.descriptor)) == "network/none");
  tests::join(n.video, n.social);
  CHECK(rule(n.social.members->invite("x.example", kHourMs, *n.social.descriptor)) == "network/coordinator");
  CHECK(rule(n.video.members->invite("x.example", 0, *n.video.descriptor)) == "network/invitation");
  CHECK(rule(n.video.members->invite("x.example", 15 * tests::kDayMs, *n.video.descriptor)) ==
        "network/invitation");
  CHECK_FALSE(rule(n.video.members->invite("no name at all", kHourMs, *n.video.descriptor)).empty());
}

TEST_CASE("an invited node waits until the operator accepts the key that was confirmed") {
  Network n;
  const v1::Invitation invitation = n.invite(n.social);
  CHECK(n.ask(n.social, invitation).state() == v1::JoinReply::WAITING);
  CHECK(n.ask(n.social, invitation).state() == v1::JoinReply::WAITING);
  const Members& members = *n.video.members;
  CHECK(members.find("social.example")->standing() == v1::PEER_WAITING);
  CHECK(n.video.ledger->registry()->member_named("social.example") == nullptr);
  CHECK(n.video.rule_of(members.accept("social.example", n.files.descriptor->fingerprint(), 2)) ==
        "network/fingerprint");
  CHECK(n.video.rule_of(members.accept("nobody", n.social.descriptor->fingerprint(), 2)) == "peer/unknown");
  CHECK(n.video.rule_of(members.accept("social.example", n.social.descriptor->fingerprint(), 2)).empty());
  CHECK(members.find("social.example")->standing() == v1::PEER_ACTIVE);
  CHECK(n.video.ledger->registry()->member_named("social.example")->confirmed_by == 2);
  CHECK(n.ask(n.social, invitation).state() == v1::JoinReply::ACTIVE);
  CHECK(n.video.rule_of(members.accept("social.example", n.social.descriptor->fingerprint(), 2)) ==
        "network/accepted");
}

TEST_CASE("an invitation serves one node, the one it names, until it expires") {
  Network n;
  const v1::Invitation invitation = n.invite(n.social);
  CHECK(n.ask(n.files, invitation).state() == v1::JoinReply::REFUSED);
  CHECK(n.ask(n.social, invitation).state() == v1::JoinReply::WAITING);

  // The same name, another key: the invitation is used.
  Company impostor("social.example");
  v1::NodeDescriptor body = impostor.descriptor->message();
  body.set_root_key(to_string(impostor.reviewer.public_key()));
  impostor.descriptor = std::make_unique<protocol::ValidDescriptor>(
      *protocol::parse_descriptor(*protocol::sign_descriptor(body, impostor.reviewer)));
  const v1::JoinReply reused = n.ask(impostor, invitation);
  CHECK(reused.state() == v1::JoinReply::REFUSED);

  const v1::Invitation late = n.invite(n.files);
  n.video.runtime.now += kHourMs;
  const v1::JoinReply expired = n.ask(n.files, late);
  CHECK(expired.state() == v1::JoinReply::REFUSED);
  CHECK(expired.reason() == reused.reason());  // a stranger learns nothing by trying
  n.files.runtime.now = n.video.runtime.now;
  CHECK(n.files.rule_of(n.files.members->follow(late, 2)) == "network/invitation");
}

TEST_CASE("whoever does not hold the invitation's secret on this very link is unknown") {
  Network n;
  const v1::Invitation invitation = n.invite(n.social);
  const v1::JoinRequest request = tests::join_request(n.social, invitation);
  FixedBytes<32> other_link{};
  other_link[0] = 1;
  CHECK(n.video.members->on_join(request, other_link).reply.state() == v1::JoinReply::REFUSED);
  v1::Invitation guessed = invitation;
  guessed.set_secret(std::string(16, 'g'));
  CHECK(n.ask(n.social, guessed).state() == v1::JoinReply::REFUSED);
  CHECK(n.video.members->list()->empty());
}

TEST_CASE("a node joins one network, and only the inviter can say that it is in") {
  Network n;
  tests::join(n.video, n.social);
  const auto network = n.social.members->network();
  REQUIRE((network && *network));
  CHECK((*network)->name() == "eu");
  CHECK(n.social.ledger->registry()->member_named("video.example")->confirmed_by == 2);
  CHECK(n.social.members->find("video.example")->standing() == v1::PEER_ACTIVE);
  CHECK(n.social.rule_of(n.social.members->follow(n.invite(n.social), 2)) == "network/exists");

  const v1::Invitation invitation = n.invite(n.files);
  REQUIRE(n.files.commit(n.files.members->follow(invitation, 2)));
  const auto row = n.files.members->following();
  v1::JoinReply reply;
  reply.set_state(v1::JoinReply::ACTIVE);
  CHECK(n.files.rule_of(n.files.members->answered(**row, reply, *n.social.descriptor)) ==
        "network/fingerprint");
  reply.set_state(v1::JoinReply::REFUSED);
  reply.set_reason("not today");
  CHECK(n.files.rule_of(n.files.members->answered(**row, reply, *n.video.descriptor)).empty());
  CHECK((*n.files.members->following())->answer() == "not today");
  CHECK_FALSE(*n.files.members->network());
}

TEST_CASE("each acceptance opens an epoch of the group, which every member repeats in its own ledger") {
  Network n;
  tests::join(n.video, n.social);
  tests::join(n.video, n.files);
  CHECK(n.epoch_at(n.video).epoch == 3);
  CHECK(n.epoch_at(n.video).members.size() == 3);
  REQUIRE(n.social.pull(n.video));
  CHECK(n.epoch_at(n.social).epoch == 3);
  CHECK(n.epoch_at(n.social).members == n.epoch_at(n.video).members);
  CHECK(n.epoch_at(n.social).coordinator == n.video.descriptor->fingerprint());
  // social.example never met files.example; it knows it by the coordinator's word.
  CHECK(n.social.ledger->registry()->member_named("files.example")->confirmed_by == 3);
  CHECK(n.social.members->find("files.example")->standing() == v1::PEER_ACTIVE);
}

TEST_CASE("a suspension stands in the ledger with its reason until the peer is resumed") {
  Network n;
  tests::join(n.video, n.social);
  const Members& members = *n.video.members;
  const Hash social = n.social.descriptor->fingerprint();
  CHECK(n.video.rule_of(members.resume("social", "")) == "peer/standing");
  REQUIRE(n.video.commit(members.suspend("social", "keys on a stolen laptop")));
  CHECK(members.find("social")->standing() == v1::PEER_SUSPENDED);
  CHECK(members.find("social")->reason() == "keys on a stolen laptop");
  CHECK(n.video.ledger->registry()->suspended(social));
  CHECK(n.video.rule_of(members.suspend("social", "twice")) == "peer/standing");
  const auto page = n.video.owner->records(social, v1::RecordsRequest());
  CHECK_FALSE(page);
  REQUIRE(n.video.commit(members.resume("social", "found again")));
  CHECK_FALSE(n.video.ledger->registry()->suspended(social));
  CHECK(n.social.pull(n.video));
}

TEST_CASE("a peer is found by an unambiguous beginning of its name or fingerprint") {
  Network n;
  Company social2("social2.example");
  tests::join(n.video, n.social);
  tests::join(n.video, social2);
  const auto rule = [&](const std::string& name) {
    const auto found = n.video.members->find(name);
    return found ? "" : found.error().rule;
  };
  CHECK(rule("social.example").empty());
  CHECK(rule("social2").empty());
  CHECK(rule("social") == "peer/ambiguous");
  CHECK(rule("files") == "peer/unknown");
  CHECK(rule("") == "peer/unknown");
}

TEST_CASE("the newest descriptor that the link has seen replaces the one on file") {
  Network n;
  tests::join(n.video, n.social);
  v1::NodeDescriptor body = n.social.descriptor->message();
  body.set_sequence(2);
  const auto newer = protocol::parse_descriptor(*protocol::sign_descriptor(body, n.social.root));
  REQUIRE(newer);
  const auto row = n.video.members->find("social");
  REQUIRE(n.video.commit(n.video.members->learned(*row, *newer)));
  const auto stored = protocol::parse_descriptor(n.video.members->find("social")->signed_descriptor());
  CHECK(stored->message().sequence() == 2);
}

}  // namespace
}  // namespace tocsin::node
