#include "protocol/verify/chains.h"

#include "crypto/base/encoding.h"
#include "tests/protocol/verify/audit_fixture.h"

namespace tocsin::protocol {
namespace {

using namespace test;

// The operator changes records before they are hashed, and signs the tree that comes of it.
std::function<Bytes()> with_ledger(std::function<void(CorrectLedger&)> edit) {
  return [edit] {
    CorrectLedger ledger = correct_ledger();
    edit(ledger);
    return ledger.builder.bundle();
  };
}

std::vector<BuiltRecord>& records(CorrectLedger& ledger) {
  return ledger.builder.records();
}
Leaf& leaf(CorrectLedger& ledger, std::uint64_t index) {
  return records(ledger)[index].leaf;
}

// Bytes that no writer of ours would encode: the tree is built over them all the same.
Bytes with_raw_leaf(std::size_t index, std::function<void(std::string&)> edit) {
  const CorrectLedger ledger = correct_ledger();
  BundleFiles files = ledger.builder.files();
  constexpr std::size_t kEntry = 2 + kLeafBytes;
  std::string& entries = files["tile/entries/000.p/16"];
  std::string changed = entries.substr(index * kEntry + 2, kLeafBytes);
  edit(changed);
  entries.replace(index * kEntry + 2, kLeafBytes, changed);
  CompactRange range;
  std::string tile;
  for (std::size_t i = 0; i < 16; ++i) {
    const Hash hash = leaf_hash(as_view(entries).subspan(i * kEntry + 2, kLeafBytes));
    range.append(hash);
    tile += to_string(hash);
  }
  files["tile/0/000.p/16"] = tile;
  const std::uint64_t time_s = kLedgerStartMs / 1000 + 17;
  files["checkpoint"] = cosign(
      cosign(sign_checkpoint(parties().issuer.operational, {parties().issuer.origin, {16, range.root()}}),
             201, time_s),
      202, time_s);
  return ledger.builder.pack(files);
}

const std::vector<Tamper> kTampers = {
    {"a record of a chain is removed and the tree built again", 8, "V7.gap",
     with_ledger([](auto& l) { records(l).erase(records(l).begin() + static_cast<long>(l.one.reviewed)); })},
    {"a chain's first record is removed", 8, "V7.head-cut",
     with_ledger([](auto& l) { records(l).erase(records(l).begin() + static_cast<long>(l.one.submitted)); })},
    {"a chain is forked", 8, "V7.fork", with_ledger([](auto& l) {
       BuiltRecord again = records(l)[l.one.published];
       again.leaf.time_ms = records(l).back().leaf.time_ms;
       records(l).push_back(again);
     })},
    {"a record follows on another than its chain's last", 8, "V7.previous",
     with_ledger([](auto& l) { leaf(l, l.one.published).previous[5] ^= 1; })},
    {"a record names the wrong place of its chain's last", 8, "V7.index",
     with_ledger([](auto& l) { leaf(l, l.one.published).previous_index = 0; })},
    {"a chain's sequence goes back", 8, "V7.fork",
     with_ledger([](auto& l) { leaf(l, l.one.published).chain_seq = 1; })},
    {"two records are swapped and the tree built again", 8, "V7.head-cut",
     with_ledger([](auto& l) { std::swap(records(l)[l.one.submitted], records(l)[l.one.reviewed]); })},
    {"the clock was stepped back", 10, "V6.time", with_ledger([](auto& l) {
       leaf(l, 7).time_ms -= 5000;
       l.builder.rebuild();
     })},
    {"a record is dated after its witnesses saw it", 10, "V6.witness-time",
     with_ledger([](auto& l) { leaf(l, l.retracted).time_ms += 10 * kDayMs; })},
    {"a leaf without the magic", 8, "V6.leaf", [] { return with_raw_leaf(5, [](auto& l) { l[0] = 'X'; }); }},
    {"a leaf with an unknown flag", 8, "V6.leaf", [] { return with_raw_leaf(5, [](auto& l) { l[6] = 1; }); }},
    {"a leaf of an unknown event", 8, "V6.event",
     [] { return with_raw_leaf(15, [](auto& l) { l[4] = 9; }); }},
    {"a leaf that is first and names one before", 8, "V6.leaf",
     [] { return with_raw_leaf(0, [](auto& l) { l[60] = 1; }); }},
};

}  // namespace

TEST_CASE("an audit catches leaves and chains that a correct node does not write") {
  for (const Tamper& tamper : kTampers) {
    VerifyOptions options = audit_options();
    // A witness that saw the ledger long before the record's date.
    if (std::string_view(tamper.code) == "V6.witness-time") options.now_ms = kLedgerStartMs + kDayMs;
    options.leaves_only = true;
    check_tamper(tamper, options);
  }
}

TEST_CASE("a record may be ahead of a witness's clock by the skew and no more") {
  const CorrectLedger ledger = correct_ledger();
  VerifyOptions options = audit_options();
  options.leaves_only = true;
  const std::uint64_t last_ms = kLedgerStartMs + 16'000;
  options.now_ms = last_ms - kWitnessSkewMs;
  CHECK(verify_bundle(ledger.builder.bundle(), options).report.exit_code() == 0);
  options.now_ms = last_ms - kWitnessSkewMs - 1;
  CHECK(found(verify_bundle(ledger.builder.bundle(), options), "V6.witness-time"));
}

}  // namespace tocsin::protocol
