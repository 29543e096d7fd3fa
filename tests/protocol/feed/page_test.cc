#include "protocol/feed/page.h"

#include <map>

#include "crypto/hash.h"
#include "crypto/random.h"
#include "protocol/log/slots.h"
#include "protocol/log/tile.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::protocol;

namespace {

FixedBytes<32> bytes_of(std::uint8_t n) {
  FixedBytes<32> out;
  out.fill(n);
  return out;
}

// A ledger in memory with the protocol's own arithmetic: enough for the reader's side to judge.
class SmallLedger {
 public:
  explicit SmallLedger(std::uint8_t seed = 1)
      : key_(crypto::SigningKey::from_seed(Secret<32>(bytes_of(seed)))) {}

  std::uint64_t add(Event event, const Hash& chain, std::vector<SlotValue> slots, std::uint64_t time_ms) {
    Leaf leaf;
    leaf.event = static_cast<std::uint16_t>(event);
    leaf.time_ms = time_ms;
    leaf.chain = chain;
    if (const auto head = heads_.find(chain); head != heads_.end()) {
      leaf.chain_seq = head->second.seq + 1;
      leaf.previous = head->second.leaf_hash;
      leaf.previous_index = head->second.index;
    }
    v1::Opening opening;
    opening.set_index(leaves_.size());
    opening.set_key_a(to_string(bytes_of(static_cast<std::uint8_t>(leaves_.size() + 3))));
    opening.set_slots_a(to_string(pack_slots(slots)));
    const Hash root_p = bytes_of(9);
    opening.set_root_p(to_string(root_p));
    const auto key = *fixed<32>(as_view(opening.key_a()), "key");
    leaf.body_root = body_root(*class_root(SlotClass::kAccountability, key, slots), root_p);
    return push(leaf, opening);
  }
  std::uint64_t push(const Leaf& leaf, const v1::Opening& opening) {
    const Hash hash = leaf_hash(encode_leaf(leaf));
    heads_[leaf.chain] = {leaf.chain_seq, leaves_.size(), hash};
    leaves_.push_back(leaf);
    hashes_.push_back(hash);
    openings_.push_back(opening);
    return leaves_.size() - 1;
  }
  PageSource source() const {
    PageSource out;
    out.size = leaves_.size();
    out.checkpoint = sign_checkpoint(key_, {"small.example", {leaves_.size(), tree_root(hashes_)}});
    out.leaf = [this](std::uint64_t i) -> Result<LeafBytes> { return encode_leaf(leaves_[i]); };
    out.nodes = [this](unsigned level, std::uint64_t index) -> Result<Hash> {
      return complete_root(std::span(hashes_).subspan(index << level, std::size_t{1} << level));
    };
    return out;
  }
  v1::RecordsReply page(const FeedPosition& at, std::uint64_t to) const {
    v1::RecordsRequest request;
    request.set_from(at.range.size());
    request.set_known_size(at.known ? at.known->size : 0);
    auto reply = make_page(request, to, source());
    REQUIRE(reply);
    return *reply;
  }
  VerifierKey vkey() const {
    return *make_verifier_key("small.example", KeyType::kEd25519, key_.public_key());
  }
  const v1::Opening& opening(std::uint64_t i) const { return openings_[i]; }
  Leaf& leaf(std::uint64_t i) { return leaves_[i]; }
  std::size_t size() const { return leaves_.size(); }
  void forge(std::uint64_t i, const Leaf& leaf) {
    leaves_[i] = leaf;
    hashes_[i] = leaf_hash(encode_leaf(leaf));
  }

 private:
  crypto::SigningKey key_;
  std::vector<Leaf> leaves_;
  std::vector<Hash> hashes_;
  std::vector<v1::Opening> openings_;
  std::map<Hash, ChainHead> heads_;
};

// What a reader keeps between pages.
struct Reader {
  FeedPosition position;
  std::map<Hash, ChainHead> heads;
  std::vector<Leaf> leaves;

  Result<VerifiedPage> pull(const SmallLedger& ledger, const v1::RecordsReply& reply) {
    const VerifierKey keys[] = {ledger.vkey()};
    auto page =
        verify_page(position, reply, keys, [this](const Hash& chain) -> Result<std::optional<ChainHead>> {
          const auto found = heads.find(chain);
          return found == heads.end() ? std::nullopt : std::optional(found->second);
        });
    if (!page) return page;
    position = page->position;
    for (const auto& [chain, head] : page->chain_heads) heads[chain] = head;
    leaves.insert(leaves.end(), page->leaves.begin(), page->leaves.end());
    return page;
  }
};

std::vector<SlotValue> withdrawn() {
  return {slot_text(0, "by its submitter")};
}

SmallLedger ledger_of(std::uint64_t records) {
  SmallLedger ledger;
  for (std::uint64_t i = 0; i < records; ++i)
    ledger.add(Event::kWithdrawn, bytes_of(static_cast<std::uint8_t>(i % 5)), withdrawn(), 1000 + i);
  return ledger;
}

}  // namespace

TEST_CASE("any page size delivers every record exactly once") {
  for (std::uint64_t records : {1, 2, 7, 64, 257}) {
    const SmallLedger ledger = ledger_of(records);
    for (std::uint64_t step : {1, 3, 16, 300}) {
      Reader reader;
      while (reader.position.range.size() < records) {
        const std::uint64_t to = std::min(records, reader.position.range.size() + step);
        REQUIRE(reader.pull(ledger, ledger.page(reader.position, to)));
      }
      CHECK(reader.leaves.size() == records);
    }
  }
}

TEST_CASE("a reader resumes after the ledger has grown") {
  SmallLedger ledger = ledger_of(10);
  Reader reader;
  REQUIRE(reader.pull(ledger, ledger.page(reader.position, 4)));
  ledger.add(Event::kWithdrawn, bytes_of(77), withdrawn(), 5000);
  REQUIRE(reader.pull(ledger, ledger.page(reader.position, 11)));
  CHECK(reader.leaves.size() == 11);
}

TEST_CASE("a page that skips, alters, reorders or invents records is refused by name and the cursor stays") {
  SmallLedger ledger = ledger_of(20);
  Reader reader;
  REQUIRE(reader.pull(ledger, ledger.page(reader.position, 5)));
  ledger.add(Event::kWithdrawn, bytes_of(50), withdrawn(), 4000);  // so that the head moves on
  const v1::RecordsReply good = ledger.page(reader.position, 15);
  const auto refused = [&](v1::RecordsReply bad, std::string_view rule) {
    Reader copy = reader;
    auto page = copy.pull(ledger, bad);
    REQUIRE_FALSE(page);
    CHECK(page.error().rule == rule);
    CHECK(copy.position.range.size() == 5);
  };
  auto bad = good;
  bad.mutable_leaves()->erase(3 * kLeafBytes, kLeafBytes);
  refused(bad, "feed/altered");
  bad = good;
  bad.set_from(6);
  refused(bad, "feed/skipped");
  bad = good;
  (*bad.mutable_leaves())[100] ^= 1;
  refused(bad, "feed/altered");
  bad = good;
  const std::string first = bad.leaves().substr(0, kLeafBytes);
  bad.mutable_leaves()->replace(0, kLeafBytes, bad.leaves().substr(kLeafBytes, kLeafBytes));
  bad.mutable_leaves()->replace(kLeafBytes, kLeafBytes, first);
  refused(bad, "feed/altered");
  bad = good;
  bad.mutable_leaves()->append(first);
  refused(bad, "feed/altered");
  bad = good;
  bad.mutable_leaves()->pop_back();
  refused(bad, "feed/shape");
  bad = good;
  bad.clear_leaves();
  refused(bad, "feed/altered");
  bad = good;
  bad.set_checkpoint(SmallLedger(2).source().checkpoint);
  refused(bad, "feed/signature");
  bad = good;
  bad.mutable_from_known()->RemoveLast();
  refused(bad, "feed/fork");
}

TEST_CASE("a ledger that rolls back or forks behind a head we saw is refused") {
  SmallLedger ledger = ledger_of(20);
  Reader reader;
  REQUIRE(reader.pull(ledger, ledger.page(reader.position, 5)));
  const SmallLedger shorter = ledger_of(12);
  v1::RecordsRequest request;
  request.set_from(5);
  request.set_known_size(5);
  auto page = reader.pull(shorter, *make_page(request, 12, shorter.source()));
  REQUIRE_FALSE(page);
  CHECK(page.error().rule == "feed/rollback");

  SmallLedger forked = ledger_of(20);
  Leaf other = forked.leaf(17);
  other.time_ms += 1;
  forked.forge(17, other);
  forked.add(Event::kWithdrawn, bytes_of(70), withdrawn(), 9000);
  page = reader.pull(forked, forked.page(reader.position, 10));
  REQUIRE_FALSE(page);
  CHECK(page.error().rule == "feed/fork");
}

TEST_CASE("an owner who signs time running back or a broken chain is found out") {
  SmallLedger back = ledger_of(6);
  back.add(Event::kWithdrawn, bytes_of(60), withdrawn(), 10);
  Reader reader;
  auto page = reader.pull(back, back.page(reader.position, 7));
  REQUIRE_FALSE(page);
  CHECK(page.error().rule == "feed/time");

  SmallLedger broken = ledger_of(6);
  Leaf restart;
  restart.event = static_cast<std::uint16_t>(Event::kWithdrawn);
  restart.time_ms = 9000;
  restart.chain = bytes_of(1);  // a chain that already has records
  broken.push(restart, {});
  page = reader.pull(broken, broken.page(reader.position, 7));
  REQUIRE_FALSE(page);
  CHECK(page.error().rule == "feed/chain");
}

TEST_CASE("values that a leaf does not commit to are refused") {
  const SmallLedger ledger = ledger_of(3);
  Reader reader;
  auto page = reader.pull(ledger, ledger.page(reader.position, 3));
  REQUIRE(page);
  v1::Openings openings;
  *openings.add_openings() = ledger.opening(1);
  const HeldLeaves none = [](std::uint64_t) -> Result<Leaf> { return fail(Code::kNotFound, "no such leaf"); };
  auto records = verify_openings(*page, openings, none);
  REQUIRE(records);
  CHECK(records->front().event.text(0) == "by its submitter");

  auto changed = openings;
  changed.mutable_openings(0)->set_slots_a(
      to_string(pack_slots(std::vector{slot_text(0, "by its reviewer")})));
  records = verify_openings(*page, changed, none);
  REQUIRE_FALSE(records);
  CHECK(records.error().rule == "feed/altered");
  *openings.add_openings() = ledger.opening(1);
  CHECK_FALSE(verify_openings(*page, openings, none));
}

TEST_CASE("a page of openings is read by its addressee alone and at its place alone") {
  const auto key = crypto::KemKey::derive(bytes_of(5));
  const auto stranger = crypto::KemKey::derive(bytes_of(6));
  const PageBinding binding{bytes_of(1), bytes_of(2), 7};
  v1::Openings openings;
  openings.add_openings()->set_index(7);
  const auto page = seal_page(binding, key.public_key(), openings, Secret<32>(bytes_of(8)),
                              crypto::SealNonce{}, Secret<32>(bytes_of(11)));
  REQUIRE(page);
  CHECK(open_page(binding, key, *page)->openings(0).index() == 7);
  CHECK_FALSE(open_page(binding, stranger, *page));
  CHECK_FALSE(open_page({bytes_of(1), bytes_of(2), 8}, key, *page));
  CHECK_FALSE(open_page({bytes_of(3), bytes_of(2), 7}, key, *page));
}

TEST_CASE("a bomb of empty openings is counted before it is parsed") {
  const Bytes few = {0x0a, 0x00, 0x0a, 0x00};
  CHECK(parse_openings(few)->openings_size() == 2);
  Bytes many;
  for (std::size_t i = 0; i <= kOpeningsPerPageMax; ++i) append(many, Bytes{0x0a, 0x00});
  Bytes bomb = many;
  for (int i = 0; i < 4; ++i) append(bomb, to_bytes(bomb));
  const auto parsed = parse_openings(many);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().rule == "feed/limit");
  CHECK(parse_openings(bomb).error().rule == "wire/elements");
  CHECK_FALSE(parse_openings(Bytes{0x0a}));
  CHECK_FALSE(parse_openings(Bytes{0x0a, 0x05, 0x00}));
}
