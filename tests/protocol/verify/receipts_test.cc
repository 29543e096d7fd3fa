#include "protocol/verify/receipts.h"

#include "protocol/identity/ids.h"
#include "protocol/log/tlog_proof.h"
#include "protocol/verify/cross.h"
#include "tests/protocol/verify/part_bundle.h"

namespace tocsin::protocol {
namespace {

using namespace test;

// The issuer's bundle with what a recipient's ledger says of it.
struct Receipts {
  CorrectLedger issuer = correct_ledger();
  LedgerBuilder photos{parties().photos};
  std::uint64_t delay_ms = 60'000;

  Receipts() {
    append_foundation(photos, parties().issuer, {&parties().issuer, &parties().photos, &parties().chat});
  }
  std::uint64_t answer(const Hash& leaf) {
    photos.advance_ms(delay_ms);
    return photos.append(Event::kRetractionApplied,
                         signal_chain_id(photos.node().chain_key, signal_of(parties().issuer, 2)),
                         applied_slots(parties().issuer, 2, issuer.retracted, leaf, photos.next_ms()));
  }
  std::uint64_t answer() { return answer(issuer.builder.hash_of(issuer.retracted)); }
  std::uint64_t receipt(const Hash& root) {
    return photos.append(Event::kReceipt, node_chain(photos.node()),
                         {slot_number(0, SlotType::kUint, 0), slot_number(1, SlotType::kUint, 9),
                          slot_bytes(2, SlotType::kHash, root), slot_number(3, SlotType::kUint, 9),
                          slot_bytes(14, SlotType::kHash, parties().issuer.fingerprint)});
  }

  void put(BundleFiles& files, std::uint64_t index, std::string_view name = {}) {
    const std::uint64_t size = photos.records().size();
    const NodeSource nodes = [&](unsigned level, std::uint64_t at) -> Result<Hash> {
      std::vector<Hash> hashes;
      for (std::uint64_t i = at << level; i < (at + 1) << level; ++i) hashes.push_back(photos.hash_of(i));
      return complete_root(hashes);
    };
    TlogProof proof;
    proof.extra = to_bytes(encode_leaf(photos.records()[index].leaf));
    proof.index = index;
    proof.checkpoint = sign_checkpoint(photos.node().operational, {photos.node().origin, photos.head(size)});
    proof.proof = *inclusion_proof(index, size, nodes);
    const std::string stem = "receipts/" + hex_encode(photos.node().fingerprint) + "/" +
                             (name.empty() ? name_number(index) : std::string(name));
    files[stem + ".prf"] = format_tlog_proof(proof);
    files[stem + ".opn"] = to_string(ByteView(openings_of(photos).at(index)).subspan(4));
  }

  Audit audited(const BundleFiles& files, std::optional<std::uint64_t> now_ms = std::nullopt) {
    VerifyOptions options;
    options.policy = *Policy::parse("log " + vkey_text(parties().issuer) + "\nlog " +
                                    vkey_text(parties().photos) + "\nquorum none\n");
    options.now_ms = now_ms;
    std::vector<Audit> out;
    out.push_back(verify_bundle(issuer.builder.pack(files), options));
    REQUIRE(compare_ledgers(out, now_ms));
    return std::move(out[0]);
  }
};

}  // namespace

TEST_CASE("a receipt in the bundle counts as the recipient's answer") {
  Receipts made;
  BundleFiles files = made.issuer.builder.files();
  made.put(files, made.answer());
  made.put(files, made.receipt(made.issuer.builder.head(9).root));
  const Audit audit = made.audited(files, kLedgerStartMs + kDayMs);
  INFO(printed(audit));
  CHECK(audit.report.exit_code() == 0);
  CHECK(audit.facts.answers == 1);
  CHECK(audit.facts.recipients_shown == 1);
}

TEST_CASE("an answer after its deadline is late") {
  Receipts made;
  made.delay_ms = 4 * 3'600'000;
  BundleFiles files = made.issuer.builder.files();
  made.put(files, made.answer());
  const Audit audit = made.audited(files);
  INFO(printed(audit));
  CHECK(audit.report.exit_code() == 10);
  CHECK(found(audit, "V11.late"));
}

TEST_CASE("a receipt of another history, another retraction, or that does not hold is found") {
  Receipts made;
  BundleFiles files = made.issuer.builder.files();
  made.put(files, made.receipt(Hash{1}));
  CHECK(found(made.audited(files), "V12.receipt"));
  Receipts forged;
  files = forged.issuer.builder.files();
  forged.put(files, forged.answer(Hash{7}));
  CHECK(found(forged.audited(files), "V12.retraction"));
  Receipts broken;
  files = broken.issuer.builder.files();
  const std::uint64_t at = broken.answer();
  broken.put(files, at);
  for (auto& [name, content] : files)
    if (name.ends_with(".opn")) content[10] ^= 1;
  CHECK(found(broken.audited(files), "V12.proof"));
  Receipts renamed;
  files = renamed.issuer.builder.files();
  renamed.put(files, renamed.answer(), name_number(3));
  CHECK(found(renamed.audited(files), "V12.proof"));
}

TEST_CASE("a checkpoint of this ledger that was seen elsewhere must be of its history") {
  Receipts made;
  BundleFiles files = made.issuer.builder.files();
  files["gossip/" + name_number(0)] = made.issuer.builder.checkpoint(9);
  CHECK(made.audited(files).report.exit_code() == 0);
  files["gossip/" + name_number(1)] =
      sign_checkpoint(parties().issuer.operational, {parties().issuer.origin, {9, Hash{1}}});
  CHECK(found(made.audited(files), "V4.inconsistent"));
}

TEST_CASE("two histories of a peer's ledger in one bundle are found, unless the ledger has the evidence") {
  Receipts made;
  BundleFiles files = made.issuer.builder.files();
  const TestNode& photos = parties().photos;
  const auto note = [&](std::uint8_t root) {
    Hash hash{};
    hash[0] = root;
    return sign_checkpoint(photos.operational, {photos.origin, {9, hash}});
  };
  files["peers/" + hex_encode(photos.fingerprint)] = note(1);
  files["gossip/" + name_number(0)] = note(1);
  CHECK(made.audited(files).report.exit_code() == 0);
  files["gossip/" + name_number(1)] = note(2);
  CHECK(found(made.audited(files), "V12.split"));

  const auto descriptor = parse_descriptor(photos.descriptor);
  REQUIRE(descriptor);
  const EquivocationProof proof =
      prove_one_size(*read_signed_head(note(1), *descriptor), *read_signed_head(note(2), *descriptor));
  made.issuer.builder.append(Event::kEquivocationEvidence, node_chain(parties().issuer),
                             equivocation_slots(proof, photos.fingerprint));
  BundleFiles owned = made.issuer.builder.files();
  for (const auto& [name, content] : files)
    if (name.starts_with("peers/") || name.starts_with("gossip/")) owned[name] = content;
  const Audit audit = made.audited(owned);
  INFO(printed(audit));
  CHECK(audit.report.exit_code() == 0);

  // Evidence that proves nothing is a breach, and no excuse.
  Receipts forged;
  EquivocationProof broken = proof;
  broken.second = broken.first;
  forged.issuer.builder.append(Event::kEquivocationEvidence, node_chain(parties().issuer),
                               equivocation_slots(broken, photos.fingerprint));
  owned = forged.issuer.builder.files();
  const Audit breach = forged.audited(owned);
  CHECK(breach.report.exit_code() == 10);
  CHECK(found(breach, "V10.rule"));
}

}  // namespace tocsin::protocol
