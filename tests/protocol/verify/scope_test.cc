#include "protocol/verify/scope.h"

#include "tests/protocol/verify/part_bundle.h"

namespace tocsin::protocol {
namespace {

using namespace test;

const TestNode& issuer() {
  return parties().issuer;
}

std::uint64_t disclose(LedgerBuilder& builder, const Scope& scope) {
  return builder.append(Event::kDisclosed, node_chain(issuer()),
                        disclosed_slots(format_scope(scope), 2, 1000));
}

Scope of_chains(Evidence evidence, std::vector<Hash> chains) {
  std::sort(chains.begin(), chains.end());
  return {evidence, 0, 0, std::move(chains), {}};
}

Audit audited(const PartBundle& part) {
  return verify_bundle(part.pack(), audit_options());
}

void check(const Audit& audit, int exit, std::string_view code = {}) {
  INFO(printed(audit));
  CHECK(audit.report.exit_code() == exit);
  if (!code.empty()) CHECK(found(audit, code));
}

// A signal's chain and the node's own, in a bundle that holds every leaf.
PartBundle case_bundle(CorrectLedger& ledger) {
  PartBundle part{ledger.builder, of_chains(Evidence::kTiles, {chain_of(issuer(), 2)}), {}};
  disclose(ledger.builder, part.scope);
  part.open_scope();
  return part;
}

// 900 records of which [300, 520) are shown.
struct RangeLedger {
  CorrectLedger ledger = correct_ledger();
  PartBundle part{ledger.builder, {Evidence::kRange, 300, 520, {}, {}}, {}};
  RangeLedger() {
    LedgerBuilder& builder = ledger.builder;
    for (std::size_t i = 0; builder.records().size() < 900; ++i)
      builder.append(Event::kWithdrawn, chain_of(issuer(), static_cast<std::uint8_t>(3 + i % 200)),
                     {slot_text(0, "withdrawn")});
    const std::uint64_t disclosed = disclose(builder, part.scope);
    part.open_scope();
    part.opened.insert(disclosed);
    part.proved.insert(disclosed);
  }
};

// The whole life of a signal and of the keys that judged it, without a tile.
struct ProofLedger {
  CorrectLedger ledger = correct_ledger();
  PartBundle part;
  std::uint64_t epoch = 0, size = 0;
  explicit ProofLedger(const Hash& chain = chain_of(issuer(), 2))
      : part{ledger.builder, of_chains(Evidence::kProofs, {chain, node_chain(issuer())}), {}} {
    disclose(ledger.builder, part.scope);
    size = ledger.builder.records().size();
    epoch = append_index(ledger.builder);
    part.open_scope();
    part.proved = part.opened;
    for (const Hash& one : part.scope.chains) part.prove_chain(epoch, size, one);
  }
};

}  // namespace

TEST_CASE("a scope has one text") {
  Scope scope = of_chains(Evidence::kTiles, {Hash{1}, Hash{2}});
  scope.events = {{0x0401, 5, 9}};
  const std::string text = format_scope(scope);
  REQUIRE(parse_scope(text));
  CHECK(format_scope(*parse_scope(text)) == text);
  const std::string chain = "chain " + std::string(64, 'a') + "\n";
  const std::string head = "tocsin-scope/1\nevidence tiles\n";
  CHECK(parse_scope(head + chain));
  CHECK(parse_scope("tocsin-scope/1\nevidence range\nfrom 0\nto 5\n"));
  for (const std::string& bad :
       {std::string(), std::string("tocsin-scope/2\nevidence tiles\n") + chain, head, head + chain + chain,
        head + "chain " + std::string(64, 'A') + "\n", head + chain + "more\n", head + "event 0401 9 5\n",
        head + "event 401 5 9\n", head + "event 0401 05 9\n", head + "event 0401 5 9\n" + chain,
        head + "chain " + std::string(64, 'a'), std::string("tocsin-scope/1\nevidence range\nfrom 5\nto 5\n"),
        std::string("tocsin-scope/1\nevidence range\n"),
        "tocsin-scope/1\nevidence range\nfrom 0\nto 5\n" + chain,
        std::string("tocsin-scope/1\nevidence proofs\nevent 0401 5 9\n"),
        std::string("tocsin-scope/1\nevidence proofs\n"),
        std::string("tocsin-scope/1\nevidence hearsay\n")}) {
    INFO(bad);
    CHECK_FALSE(parse_scope(bad));
  }
}

TEST_CASE("a bundle of one case is complete, judged, and says what it is of") {
  CorrectLedger ledger = correct_ledger();
  const Audit audit = audited(case_bundle(ledger));
  check(audit, 0);
  CHECK(audit.facts.signals == 1);
  CHECK(audit.facts.retractions == 1);
  CHECK(summary(audit).find("of which it opens 1 chain") != std::string::npos);
}

TEST_CASE("a record left out of a case's bundle is missed") {
  CorrectLedger ledger = correct_ledger();
  PartBundle part = case_bundle(ledger);
  part.opened.erase(ledger.two.published);
  check(audited(part), 7, "V8.withheld");
  PartBundle keyless = case_bundle(ledger);
  keyless.opened.erase(2);  // a key of the node
  check(audited(keyless), 7, "V8.withheld");
}

TEST_CASE("every retraction of a time is shown, or one is missed") {
  CorrectLedger ledger = correct_ledger();
  PartBundle part{ledger.builder, of_chains(Evidence::kTiles, {chain_of(issuer(), 2)}), {}};
  part.scope.events = {{0x0401, kLedgerStartMs, kLedgerStartMs + kDayMs}};
  disclose(ledger.builder, part.scope);
  part.open_scope();
  check(audited(part), 0);
  part.opened.erase(ledger.retracted);
  check(audited(part), 7, "V8.withheld");
}

TEST_CASE("a scope that is malformed or goes too far is no scope") {
  CorrectLedger ledger = correct_ledger();
  PartBundle part = case_bundle(ledger);
  part.edit = [](BundleFiles& files) { files["scope"] += "chain\n"; };
  check(audited(part), 8, "V1.scope");
  RangeLedger range;
  range.part.edit = [](BundleFiles& files) {
    files["scope"] = "tocsin-scope/1\nevidence range\nfrom 300\nto 5200\n";
  };
  check(audited(range.part), 8, "V1.scope");
}

TEST_CASE("a range joins the tree on both sides") {
  RangeLedger range;
  check(audited(range.part), 0);
  for (const auto& [from, to] :
       std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 1}, {256, 512}, {890, 901}, {0, 900}}) {
    RangeLedger other;
    other.part.scope.from = from;
    other.part.scope.to = to;
    other.part.opened.clear();
    other.part.proved.clear();
    const std::uint64_t disclosed = disclose(other.ledger.builder, other.part.scope);
    other.part.open_scope();
    other.part.opened.insert(disclosed);
    const TileSpan span = tile_span(other.ledger.builder.records().size(), other.part.scope);
    if (disclosed >= span.end) other.part.proved.insert(disclosed);
    INFO(from << " " << to);
    check(audited(other.part), 0);
  }
}

TEST_CASE("a range that is not of the tree, or lacks something, is found") {
  RangeLedger range;
  range.part.edit = [](BundleFiles& files) { files["tile/entries/001"][140] ^= 1; };
  check(audited(range.part), 8, "V5.range");
  range.part.edit = [](BundleFiles& files) { files["range"] = "\n" + files["range"]; };
  check(audited(range.part), 8, "V5.range");
  range.part.edit = [](BundleFiles& files) { files.erase("range"); };
  check(audited(range.part), 7, "V5.missing");
  range.part.edit = [](BundleFiles& files) { files.erase("tile/entries/002"); };
  check(audited(range.part), 7, "V5.missing");
  range.part.edit = [](BundleFiles& files) { files["tile/0/000"] = std::string(8192, 'x'); };
  check(audited(range.part), 8, "V1.unexpected");
  range.part.edit = [](BundleFiles& files) {
    for (auto& [name, content] : files)
      if (name.starts_with("proofs/")) content[40] ^= 1;
  };
  check(audited(range.part), 8, "V5.proof");
  range.part.edit = nullptr;
  range.part.opened.erase(400);
  check(audited(range.part), 7, "V8.withheld");
}

TEST_CASE("proofs of a signal's whole life are judged like the ledger itself") {
  ProofLedger proofs;
  const Audit audit = audited(proofs.part);
  check(audit, 0);
  CHECK(audit.facts.retractions == 1);
}

TEST_CASE("a chain cut at its head, or without a proof of where it ends, is missed") {
  ProofLedger proofs;
  proofs.part.opened.erase(proofs.ledger.retracted);
  proofs.part.proved.erase(proofs.ledger.retracted);
  check(audited(proofs.part), 7, "V7.cut");
  ProofLedger middle;
  middle.part.opened.erase(middle.ledger.two.reviewed);
  middle.part.proved.erase(middle.ledger.two.reviewed);
  check(audited(middle.part), 7, "V7.cut");
  ProofLedger unproved;
  unproved.part.extras.erase(unproved.part.extras.begin());
  check(audited(unproved.part), 7, "V7.unproved");
}

TEST_CASE("what a ledger does not have is proved by its neighbours, and only then") {
  const Hash stranger = chain_of(issuer(), 77);
  ProofLedger proofs(stranger);
  check(audited(proofs.part), 0);
  ProofLedger lying;
  const std::string name = "index/" + name_number(lying.epoch) + "/" + hex_encode(chain_of(issuer(), 2));
  lying.part.extras[name] =
      format_index_proof(prove_in_index(index_of(lying.ledger.builder, lying.size), stranger));
  check(audited(lying.part), 8, "V7.index-proof");
}

TEST_CASE("an index that does not list the ledger's chains is false") {
  CorrectLedger good = correct_ledger();
  append_index(good.builder);
  check(verify_bundle(good.builder.bundle(), audit_options()), 0);
  for (std::size_t slot = 0; slot < 3; ++slot) {
    CorrectLedger ledger = correct_ledger();
    const std::uint64_t at = append_index(ledger.builder);
    SlotValue& value = ledger.builder.records()[at].slots[slot];
    value.value.back() ^= 1;
    ledger.builder.rebuild();
    check(verify_bundle(ledger.builder.bundle(), audit_options()), 8, "V7.index-root");
  }
}

TEST_CASE("an index may be of the ledger as it was a little earlier") {
  CorrectLedger ledger = correct_ledger();
  const std::uint64_t at = append_index(ledger.builder);
  BuiltRecord index = ledger.builder.records()[at];
  ledger.builder.records().pop_back();
  CorrectLedger other = correct_ledger();
  append_signal(other.builder, 9);
  other.builder.append(Event::kIndexEpoch, node_chain(issuer()), index.slots);
  check(verify_bundle(other.builder.bundle(), audit_options()), 0);
}

TEST_CASE("what is opened and not disclosed is a breach") {
  CorrectLedger ledger = correct_ledger();
  PartBundle part = case_bundle(ledger);
  part.scope = of_chains(Evidence::kTiles, {chain_of(issuer(), 1)});
  part.opened.clear();
  part.open_scope();
  check(audited(part), 10, "V10.disclosure");
  CorrectLedger fewer = correct_ledger();
  PartBundle said{fewer.builder, of_chains(Evidence::kTiles, {chain_of(issuer(), 2)}), {}};
  fewer.builder.append(Event::kDisclosed, node_chain(issuer()),
                       disclosed_slots(format_scope(said.scope), 2, 3));
  said.open_scope();
  check(audited(said), 10, "V10.disclosure");
  CorrectLedger closed = correct_ledger();
  PartBundle personal{closed.builder, of_chains(Evidence::kTiles, {chain_of(issuer(), 2)}), {}};
  closed.builder.append(Event::kDisclosed, node_chain(issuer()),
                        disclosed_slots(format_scope(personal.scope), 1, 1000));
  personal.open_scope();
  check(audited(personal), 10, "V10.disclosure");
}

}  // namespace tocsin::protocol
