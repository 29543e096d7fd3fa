#include "protocol/verify/tree.h"

#include "tests/protocol/verify/audit_fixture.h"

namespace tocsin::protocol {
namespace {

using namespace test;

constexpr const char* kTile = "tile/0/000.p/16";
constexpr const char* kEntries = "tile/entries/000.p/16";
constexpr std::size_t kEntry = 2 + kLeafBytes;

// Somebody who can sign manifests, but not checkpoints, changes the finished files.
std::function<Bytes()> with_files(std::function<void(BundleFiles&)> edit) {
  return [edit] {
    const CorrectLedger ledger = correct_ledger();
    BundleFiles files = ledger.builder.files();
    edit(files);
    return ledger.builder.pack(files);
  };
}

const std::vector<Tamper> kTampers = {
    {"a leaf's byte is flipped", 8, "V5.root",
     with_files([](auto& files) { files[kEntries][kEntry * 9 + 60] ^= 1; })},
    {"a tile's hash is flipped", 8, "V5.tile", with_files([](auto& files) { files[kTile][32 * 4] ^= 1; })},
    {"two leaves are swapped", 8, "V5.root", with_files([](auto& files) {
       std::string& entries = files[kEntries];
       std::swap_ranges(entries.begin() + kEntry * 3, entries.begin() + kEntry * 4,
                        entries.begin() + kEntry * 4);
     })},
    {"leaves and tiles are changed together", 8, "V5.root", with_files([](auto& files) {
       CorrectLedger other = correct_ledger();
       other.builder.records()[9].leaf.body_root[0] ^= 1;
       const BundleFiles theirs = other.builder.files();
       files[kEntries] = theirs.at(kEntries);
       files[kTile] = theirs.at(kTile);
     })},
    {"a leaf is inserted where another was", 8, "V5.root", with_files([](auto& files) {
       std::string& entries = files[kEntries];
       std::copy_n(entries.begin() + kEntry * 3, kEntry, entries.begin() + kEntry * 4);
     })},
    {"an entry is longer than it says", 8, "V5.entries",
     with_files([](auto& files) { files[kEntries] += "x"; })},
    {"an entry is cut short", 8, "V5.entries", with_files([](auto& files) { files[kEntries].pop_back(); })},
    {"an entry names another length", 8, "V5.entries",
     with_files([](auto& files) { files[kEntries][1] ^= 1; })},
    {"a tile is left out", 7, "V5.missing", with_files([](auto& files) { files.erase(kTile); })},
    {"the entries are left out", 7, "V5.missing", with_files([](auto& files) { files.erase(kEntries); })},
    {"a tile of another width stands beside", 8, "V1.unexpected",
     with_files([](auto& files) { files["tile/0/000.p/15"] = files[kTile].substr(0, 15 * 32); })},
    {"a tile of a level that the tree does not have", 8, "V1.unexpected",
     with_files([](auto& files) { files["tile/1/000.p/1"] = std::string(32, 'x'); })},
};

}  // namespace

TEST_CASE("an audit catches records that are not those the checkpoint was signed for") {
  for (const Tamper& tamper : kTampers) check_tamper(tamper, audit_options());
}

TEST_CASE("a tile's finding names the record") {
  const CorrectLedger ledger = correct_ledger();
  BundleFiles files = ledger.builder.files();
  files[kTile][32 * 11 + 31] ^= 1;
  const Audit audit = verify_bundle(ledger.builder.pack(files), audit_options());
  REQUIRE(audit.report.findings().size() == 1);
  CHECK(audit.report.findings()[0].index == 11);
}

TEST_CASE("a tree of several tiles is compared at every level") {
  CorrectLedger ledger = correct_ledger();
  for (std::size_t i = 0; ledger.builder.records().size() < 700; ++i)
    ledger.builder.append(Event::kWithdrawn,
                          chain_of(parties().issuer, static_cast<std::uint8_t>(3 + i % 200)),
                          {slot_text(0, "withdrawn")});
  VerifyOptions options = audit_options();
  options.leaves_only = true;
  const BundleFiles files = ledger.builder.files(300);
  CHECK(files.contains("tile/1/000.p/2"));
  CHECK(verify_bundle(ledger.builder.pack(files), options).report.exit_code() == 0);
  for (const char* path : {"tile/0/000", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"}) {
    BundleFiles broken = files;
    broken[path][40] ^= 1;
    CHECK(found(verify_bundle(ledger.builder.pack(broken), options), "V5.tile"));
    broken.erase(path);
    CHECK(verify_bundle(ledger.builder.pack(broken), options).report.exit_code() == 7);
  }
}

}  // namespace tocsin::protocol
