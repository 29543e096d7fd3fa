#include "node/peer/foreign_ledger.h"

#include "protocol/identity/ids.h"
#include "protocol/log/checkpoint.h"
#include "tests/node/peer/feed_fixture.h"
#include "tests/support/company.h"
#include "tocsin/v1/store.pb.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

// Signals that match at the reader.
std::size_t matching(FeedFixture& feed) {
  return feed.reader().signals->matching();
}

v1::RecordsReply first_page(FeedFixture& feed) {
  v1::RecordsRequest request;
  request.set_max_bytes(4 << 20);
  auto reply = feed.ask(request);
  REQUIRE(reply.has_value());
  return *reply;
}

void swap_leaves(v1::RecordsReply& reply, std::size_t a, std::size_t b) {
  std::string& leaves = *reply.mutable_leaves();
  std::swap_ranges(leaves.begin() + static_cast<std::ptrdiff_t>(a * 128),
                   leaves.begin() + static_cast<std::ptrdiff_t>(a * 128 + 128),
                   leaves.begin() + static_cast<std::ptrdiff_t>(b * 128));
}

std::string refusal(FeedFixture& feed, const v1::RecordsReply& bent) {
  const auto ledger = feed.open_reader();
  const auto page = feed.prove(*ledger, bent);
  if (page) return "taken";
  CHECK(ForeignLedger::accuses(page.error()));
  CHECK(ledger->next_request().from() == 0);
  return page.error().rule;
}

}  // namespace

TEST_CASE("pages of any size bring every record once, and a reader goes on from any of them") {
  FeedFixture feed;
  const std::size_t count = 400;
  feed.publish(count);
  const std::uint64_t size = feed.issuer().ledger->size();
  const auto bytes = GENERATE(1u, 100'000u, 1u << 20, 4u << 20);
  std::uint64_t leaves = 0;
  std::size_t pages = 0;
  for (auto ledger = feed.open_reader(); leaves < size; ledger = feed.open_reader()) {
    CHECK(ledger->progress().held == leaves);
    v1::RecordsRequest request = ledger->next_request();
    request.set_max_bytes(bytes);
    const auto reply = feed.ask(request);
    REQUIRE(reply.has_value());
    const auto page = feed.prove(*ledger, *reply);
    REQUIRE(page.has_value());
    ledger->take(*page);
    REQUIRE(feed.keep(*ledger, *page).has_value());
    leaves += reply->leaves().size() / protocol::kLeafBytes;
    ++pages;
  }
  CHECK(leaves == size);
  CHECK((pages > 1) == (bytes < 1u << 19));
  CHECK(matching(feed) == count);
  CHECK(feed.evidence().empty());
}

TEST_CASE("a page is proved while the one before it is not yet written") {
  FeedFixture feed;
  const auto ids = feed.publish(300);
  feed.retract(ids.front());
  const auto ledger = feed.open_reader();
  std::vector<ForeignLedger::PagePtr> pages;
  std::optional<v1::RecordsRequest> next = ledger->next_request();
  while (next) {
    next->set_max_bytes(1);
    const auto reply = feed.ask(*next);
    REQUIRE(reply.has_value());
    next = ForeignLedger::request_after(*reply);
    const auto page = feed.prove(*ledger, *reply);
    REQUIRE(page.has_value());
    ledger->take(*page);
    pages.push_back(*page);
  }
  CHECK(pages.size() > 1);
  CHECK(ledger->progress().held == 0);
  for (const auto& page : pages) REQUIRE(feed.keep(*ledger, page).has_value());
  CHECK(ledger->progress().held == feed.issuer().ledger->size());
  CHECK(matching(feed) == 299);
}

TEST_CASE("what was taken and not written is asked for again after a rewind") {
  FeedFixture feed;
  feed.publish(3);
  const auto ledger = feed.open_reader();
  const auto page = feed.prove(*ledger, first_page(feed));
  REQUIRE(page.has_value());
  ledger->take(*page);
  CHECK(ledger->next_request().from() == feed.issuer().ledger->size());
  ledger->rewind();
  CHECK(ledger->next_request().from() == 0);
  feed.catch_up(*ledger);
  CHECK(matching(feed) == 3);
}

TEST_CASE("records left out, changed, moved or kept back are refused, each by its name") {
  FeedFixture feed;
  feed.publish(20);
  const v1::RecordsReply honest = first_page(feed);
  v1::RecordsReply bent = honest;
  SECTION("the first is skipped") {
    bent.set_from(1);
    bent.mutable_leaves()->erase(0, 128);
    CHECK(refusal(feed, bent) == "feed/skipped");
  }
  SECTION("one in the middle is skipped") {
    bent.mutable_leaves()->erase(5 * 128, 128);
    CHECK(refusal(feed, bent) == "feed/altered");
  }
  SECTION("a bit of one is changed") {
    (*bent.mutable_leaves())[7 * 128 + 90] ^= 1;
    CHECK(refusal(feed, bent) == "feed/altered");
  }
  SECTION("two change places") {
    swap_leaves(bent, 8, 9);
    CHECK(refusal(feed, bent) == "feed/altered");
  }
  SECTION("none come although the ledger has some") {
    bent.clear_leaves();
    feed.bend_openings(bent, [](v1::Openings& openings) { openings.Clear(); });
    CHECK(refusal(feed, bent) == "feed/withheld");
  }
  SECTION("a published signal stays closed") {
    feed.bend_openings(bent, [](v1::Openings& openings) {
      auto& list = *openings.mutable_openings();
      const auto submitted = std::find_if(list.begin(), list.end(), [](const v1::Opening& opening) {
        return opening.slots_a().find("tvec:propaganda") != std::string::npos;
      });
      REQUIRE(submitted != list.end());
      list.erase(submitted);
    });
    CHECK(refusal(feed, bent) == "feed/withheld");
  }
  SECTION("a record is opened to other values") {
    feed.bend_openings(bent, [](v1::Openings& openings) {
      for (v1::Opening& opening : *openings.mutable_openings())
        if (const auto at = opening.slots_a().find("propaganda"); at != std::string::npos)
          (*opening.mutable_slots_a())[at] = 'q';
    });
    CHECK(refusal(feed, bent) == "feed/altered");
  }
  SECTION("the checkpoint is somebody else's") {
    const auto other = crypto::SigningKey::from_seed(Secret<32>(Hash{}));
    const auto note = protocol::parse_note(bent.checkpoint());
    const auto checkpoint = protocol::parse_checkpoint(note->text);
    bent.set_checkpoint(protocol::sign_checkpoint(other, *checkpoint));
    CHECK(refusal(feed, bent) == "feed/signature");
  }
  SECTION("a part of a leaf is missing") {
    bent.mutable_leaves()->pop_back();
    CHECK(refusal(feed, bent) == "feed/shape");
  }
  SECTION("the page was sealed to another member") {
    bent.mutable_page()->mutable_wrapped_key()->back() ^= 1;
    const auto ledger = feed.open_reader();
    CHECK_FALSE(feed.prove(*ledger, bent).has_value());
  }
  SECTION("nothing is changed") {
    CHECK(refusal(feed, bent) == "taken");
  }
}

TEST_CASE("a ledger that goes back behind a checkpoint it has shown is refused") {
  FeedFixture feed;
  feed.publish(2);
  const v1::RecordsReply early = first_page(feed);
  feed.publish(2);
  const auto ledger = feed.open_reader();
  feed.catch_up(*ledger);
  v1::RecordsReply bent = early;
  bent.set_from(ledger->progress().held);
  bent.clear_leaves();
  const auto page = feed.prove(*ledger, bent);
  REQUIRE_FALSE(page.has_value());
  CHECK(page.error().rule == "feed/rollback");
}

TEST_CASE("a ledger that forks from a checkpoint it has shown is refused") {
  FeedFixture feed;
  const auto ledger = feed.open_reader();
  feed.catch_up(*ledger);
  // The same keys and another past: what an issuer with two ledgers would show to another reader.
  FeedFixture other;
  other.publish(1);
  feed.publish(1);
  other.publish(1);
  REQUIRE(other.issuer_id() == feed.issuer_id());
  v1::RecordsRequest request = ledger->next_request();
  const auto forked = other.ask(request);
  const auto honest = feed.ask(request);
  REQUIRE((forked.has_value() && honest.has_value()));
  v1::RecordsReply bent = *forked;
  bent.clear_from_known();
  for (const std::string& hash : honest->from_known()) bent.add_from_known(hash);
  const auto page = feed.prove(*ledger, bent);
  REQUIRE_FALSE(page.has_value());
  CHECK(page.error().rule == "feed/fork");
  CHECK(feed.prove(*ledger, *honest).has_value());
}

TEST_CASE("evidence holds what was signed, and stays in the reader's store") {
  FeedFixture feed;
  feed.publish(5);
  v1::RecordsReply bent = first_page(feed);
  (*bent.mutable_leaves())[3 * 128 + 50] ^= 1;
  const auto ledger = feed.open_reader();
  const auto page = feed.prove(*ledger, bent);
  REQUIRE_FALSE(page.has_value());
  std::optional<Status> kept;
  ledger->keep_evidence(bent, page.error(), [&](Status done) { kept = std::move(done); });
  feed.world.run(feed.world.now_ms() + 1000, [&] { return kept.has_value(); });
  REQUIRE((kept && *kept));
  const auto evidence = feed.evidence();
  REQUIRE(evidence.size() == 1);
  CHECK(evidence[0].rule() == "feed/altered");
  REQUIRE(evidence[0].exhibits_size() == 2);
  const auto& descriptor = *feed.issuer().descriptor;
  const auto key = protocol::make_verifier_key(descriptor.message().log_origin(), protocol::KeyType::kEd25519,
                                               descriptor.operational_key());
  CHECK(protocol::open_checkpoint(evidence[0].exhibits(0), std::span(&*key, 1)).has_value());
  CHECK(evidence[0].exhibits(1) == bent.leaves());
  CHECK(feed.open_reader()->next_request().from() == 0);
}

TEST_CASE("a failure of our own is no accusation") {
  CHECK_FALSE(ForeignLedger::accuses({Code::kUnavailable, "the disk", "storage/rocksdb", {}, {}}));
  CHECK_FALSE(ForeignLedger::accuses({Code::kDataLoss, "a row", "storage/peer", {}, {}}));
  CHECK(ForeignLedger::accuses({Code::kDataLoss, "a page", "feed/altered", {}, {}}));
  CHECK(ForeignLedger::accuses({Code::kFailedPrecondition, "a key", "due-process/R16", {}, {}}));
}

namespace {

// The company's next operational key, in force from one commit on; what it shows its peers then.
protocol::ValidDescriptor change_key(tests::Company& company, const crypto::SigningKey& next) {
  using protocol::SlotType;
  v1::NodeDescriptor body = company.descriptor->message();
  body.set_operational_key(to_string(next.public_key()));
  body.set_sequence(body.sequence() + 1);
  const auto descriptor = *protocol::parse_descriptor(*protocol::sign_descriptor(body, company.root));
  Draft added, retired;
  added.event = protocol::Event::kKeyAdded;
  added.slots = {
      protocol::slot_bytes(0, SlotType::kKey, next.public_key()),
      protocol::slot_number(1, SlotType::kEnum, 1),
      protocol::slot_text(2, body.name()),
      protocol::slot_number(3, SlotType::kTime, 1000),
      protocol::slot_number(4, SlotType::kTime, company.runtime.now + 400 * tests::kDayMs),
      protocol::slot_bytes(5, SlotType::kSigned, as_view(descriptor.signed_form().SerializeAsString()))};
  const protocol::KeyId id = protocol::key_id(company.operational.public_key());
  retired.event = protocol::Event::kKeyRetired;
  retired.slots = {protocol::slot_bytes(0, SlotType::kKeyId, id), protocol::slot_text(1, "replaced")};
  Append append;
  append.drafts.push_back(std::move(added));
  append.drafts.push_back(std::move(retired));
  company.ledger->add_key(next.copy());
  REQUIRE(company.commit(std::move(append)));
  return descriptor;
}

// The newest page of `from`, its checkpoint signed by `key` instead.
v1::RecordsReply signed_by(tests::Company& from, const tests::Company& to, const v1::RecordsRequest& request,
                           const crypto::SigningKey& key) {
  v1::RecordsReply reply = *from.owner->records(to.descriptor->fingerprint(), request);
  const auto head = from.ledger->head();
  reply.set_checkpoint(protocol::sign_checkpoint(key, {from.ledger->origin(), head.tree}));
  return reply;
}

}  // namespace

TEST_CASE("I41: a reader follows a change of the operational key, and refuses the old key from then on") {
  tests::Company alpha("alpha.example"), beta("beta.example");
  REQUIRE(alpha.commit(alpha.members->create_network("n", "c")));
  tests::join(alpha, beta);
  REQUIRE(beta.pull(alpha));
  const auto next = crypto::SigningKey::from_seed(Secret<32>(crypto::sha256(as_view("next"))));
  const protocol::ValidDescriptor changed = change_key(alpha, next);
  // Both keys sign the change: who knows only the old one reads it.
  REQUIRE(beta.pull(alpha));
  alpha.ledger->forget_keys_before(next.public_key());
  alpha.submit('1');
  ForeignLedger& held = *beta.peers.at(alpha.descriptor->fingerprint());
  const std::vector<const crypto::KemKey*> keys = {&beta.envelope};
  const auto prove = [&](const v1::RecordsReply& reply) {
    const auto page = held.prove(*held.view(), reply, keys);
    return page ? std::string() : page.error().rule;
  };
  CHECK(prove(signed_by(alpha, beta, held.next_request(), alpha.operational)) == "feed/signature");
  // Though nobody has shown it the new descriptor: the ledger has.
  REQUIRE(beta.pull(alpha));

  // A newcomer who was shown the old descriptor only cannot believe the new key, and can once it was shown
  // the other; the old key does not do for it either.
  tests::Company gamma("gamma.example");
  tests::join(alpha, gamma);
  CHECK(gamma.pull(alpha).error().rule == "feed/signature");
  REQUIRE(gamma.peers.at(alpha.descriptor->fingerprint())->set_descriptor(changed));
  ForeignLedger& fresh = *gamma.peers.at(alpha.descriptor->fingerprint());
  const std::vector<const crypto::KemKey*> its = {&gamma.envelope};
  const auto forged =
      fresh.prove(*fresh.view(), signed_by(alpha, gamma, fresh.next_request(), alpha.operational), its);
  CHECK(forged.error().rule == "feed/signature");
  REQUIRE(gamma.pull(alpha));
  CHECK(fresh.progress().held == alpha.ledger->size());
}

TEST_CASE("a checkpoint by a key that the ledger itself does not name is refused where the page reaches it") {
  tests::Company alpha("alpha.example"), beta("beta.example");
  REQUIRE(alpha.commit(alpha.members->create_network("n", "c")));
  tests::join(alpha, beta);
  REQUIRE(beta.pull(alpha));
  // A descriptor of the true root key names a key that no KEY_ADDED does.
  const auto other = crypto::SigningKey::from_seed(Secret<32>(crypto::sha256(as_view("other"))));
  v1::NodeDescriptor body = alpha.descriptor->message();
  body.set_operational_key(to_string(other.public_key()));
  body.set_sequence(9);
  ForeignLedger& held = *beta.peers.at(alpha.descriptor->fingerprint());
  REQUIRE(held.set_descriptor(*protocol::parse_descriptor(*protocol::sign_descriptor(body, alpha.root))));
  alpha.submit('1');
  const std::vector<const crypto::KemKey*> keys = {&beta.envelope};
  const auto page = held.prove(*held.view(), signed_by(alpha, beta, held.next_request(), other), keys);
  CHECK(page.error().rule == "feed/key");
  // The ledger's own key goes on to be believed.
  REQUIRE(beta.pull(alpha));
}
