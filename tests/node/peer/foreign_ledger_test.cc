#include "node/peer/foreign_ledger.h"

#include "protocol/identity/ids.h"
#include "tests/node/peer/feed_fixture.h"
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
