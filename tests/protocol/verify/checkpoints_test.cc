#include "protocol/verify/checkpoints.h"

#include "tests/protocol/verify/audit_fixture.h"

namespace tocsin::protocol {
namespace {

using namespace test;

using Edit = std::function<std::string(const CorrectLedger&, const std::string&)>;

// The correct bundle with another checkpoint, and a manifest that lists it.
std::function<Bytes()> with_checkpoint(Edit edit) {
  return [edit] {
    const CorrectLedger ledger = correct_ledger();
    BundleFiles files = ledger.builder.files();
    files["checkpoint"] = edit(ledger, files["checkpoint"]);
    return ledger.builder.pack(files);
  };
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

std::string signed_text(const crypto::SigningKey& key, const std::string& text) {
  const std::string note = format_note({text, {sign_note(key, parties().issuer.origin, text)}});
  const std::uint64_t time_s = kLedgerStartMs / 1000 + 100;
  return cosign(cosign(note, 201, time_s), 202, time_s);
}

std::string root_text(const CorrectLedger& ledger) {
  const std::string text = format_checkpoint({parties().issuer.origin, ledger.builder.head()});
  return text.substr(text.find("\n16\n") + 4);
}

const std::string kOrigin = "video.example/ledger";

// The nth signature line of a note, counted from 0, with its newline.
std::string signature_line(const std::string& note, std::size_t nth) {
  std::size_t at = note.find("\n\n") + 2;
  for (; nth > 0; --nth) at = note.find('\n', at) + 1;
  return note.substr(at, note.find('\n', at) + 1 - at);
}

const std::vector<Tamper> kTampers = {
    {"one witness is missing", 7, "V3.quorum", with_checkpoint([](const auto& ledger, const auto&) {
       return cosign(sign_checkpoint(parties().issuer.operational, {kOrigin, ledger.builder.head()}), 201,
                     kLedgerStartMs / 1000 + 60);
     })},
    {"a stolen log key without any quorum", 7, "V3.quorum",
     with_checkpoint([](const auto& ledger, const auto&) {
       return sign_checkpoint(parties().issuer.operational, {kOrigin, ledger.builder.head()});
     })},
    {"a stranger signs as the log", 8, "V3.signature", with_checkpoint([](const auto& ledger, const auto&) {
       return sign_checkpoint(seeded_key(99), {kOrigin, ledger.builder.head()});
     })},
    {"a cosignature is copied from another size", 8, "V3.signature",
     with_checkpoint([](const auto& ledger, const auto& note) {
       return replaced(note, signature_line(note, 1), signature_line(ledger.builder.checkpoint(14), 1));
     })},
    {"a cosignature is copied from another origin", 8, "V3.signature",
     with_checkpoint([](const auto& ledger, const auto& note) {
       const std::string other =
           cosign(sign_checkpoint(seeded_key(99), {"chat.example/ledger", ledger.builder.head()}), 201, 1);
       return replaced(note, signature_line(note, 1), signature_line(other, 1));
     })},
    {"a cosignature's time is altered", 8, "V3.signature", with_checkpoint([](const auto&, const auto& note) {
       Note parsed = *parse_note(note);
       parsed.signatures[1].signature[7] ^= 1;
       return format_note(parsed);
     })},
    {"a plain signature stands where a cosignature belongs", 8, "V3.signature",
     with_checkpoint([](const auto&, const auto& note) {
       Note parsed = *parse_note(note);
       const auto plain = seeded_key(201).sign_raw(as_view(parsed.text));
       parsed.signatures[1].signature.assign(plain.begin(), plain.end());
       return format_note(parsed);
     })},
    {"a known key's bad signature beside a good one", 8, "V3.signature",
     with_checkpoint([](const auto&, const auto& note) {
       Note parsed = *parse_note(note);
       parsed.signatures.push_back(parsed.signatures[1]);
       parsed.signatures.back().signature[20] ^= 1;
       return format_note(parsed);
     })},
    {"a leading zero in the size", 8, "V3.checkpoint", with_checkpoint([](const auto& ledger, const auto&) {
       return signed_text(parties().issuer.operational, kOrigin + "\n016\n" + root_text(ledger));
     })},
    {"a carriage return", 8, "V3.checkpoint",
     with_checkpoint([](const auto&, const auto& note) { return replaced(note, "\n16\n", "\r\n16\n"); })},
    {"an extension line", 8, "V3.checkpoint", with_checkpoint([](const auto& ledger, const auto&) {
       return signed_text(parties().issuer.operational, kOrigin + "\n16\n" + root_text(ledger) + "more\n");
     })},
    {"a root in base64 that is not canonical", 8, "V3.checkpoint",
     with_checkpoint([](const auto& ledger, const auto&) {
       std::string root = root_text(ledger);
       ++root[42];  // the last character before the padding has two bits that must be zero
       return signed_text(parties().issuer.operational, kOrigin + "\n16\n" + root);
     })},
    {"seventeen signatures", 8, "V3.checkpoint", with_checkpoint([](const auto&, std::string note) {
       for (std::uint8_t seed = 100; seed < 113; ++seed) note = cosign(note, seed, 1);
       return note + signature_line(note, 1);
     })},
    {"a million signature lines", 8, "V3.checkpoint", with_checkpoint([](const auto&, std::string note) {
       const std::string line = signature_line(note, 1);
       for (int i = 0; i < 20'000; ++i) note += line;
       return note;
     })},
    {"a size of two to the sixty-third", 8, "V5.missing",
     with_checkpoint([](const auto& ledger, const auto&) {
       return signed_text(parties().issuer.operational,
                          kOrigin + "\n9223372036854775808\n" + root_text(ledger));
     })},
    {"the manifest of one ledger around the checkpoint of another", 8, "V3.origin",
     with_checkpoint([](const auto& ledger, const auto&) {
       return sign_checkpoint(seeded_key(99), {"chat.example/ledger", ledger.builder.head()});
     })},
};

// The auditor kept a checkpoint of a ledger that then went another way.
std::function<Bytes()> with_old(std::function<void(BundleFiles&)> edit) {
  return [edit] {
    const CorrectLedger ledger = correct_ledger();
    BundleFiles files = ledger.builder.files(9);
    edit(files);
    return ledger.builder.pack(files);
  };
}

const std::vector<Tamper> kOldTampers = {
    {"a consistency proof too long", 8, "V4.proof",
     with_old([](BundleFiles& files) { files["consistency"] += files["consistency"].substr(0, 45); })},
    {"a consistency proof too short", 8, "V4.proof",
     with_old([](BundleFiles& files) { files["consistency"].resize(files["consistency"].size() - 45); })},
    {"a consistency proof with another hash", 8, "V4.proof",
     with_old([](BundleFiles& files) { files["consistency"][3] ^= 1; })},
    {"a consistency proof that is not base64", 8, "V4.proof",
     with_old([](BundleFiles& files) { files["consistency"][3] = '*'; })},
    {"an old checkpoint without its proof", 7, "V4.proof",
     with_old([](BundleFiles& files) { files.erase("consistency"); })},
    {"an old checkpoint that a stranger signed", 8, "V4.old", with_old([](BundleFiles& files) {
       files["checkpoint.old"] = sign_checkpoint(seeded_key(99), {kOrigin, correct_ledger().builder.head(9)});
     })},
    {"an old checkpoint of another history", 8, "V4.inconsistent", with_old([](BundleFiles& files) {
       TreeHead head = correct_ledger().builder.head(9);
       head.root[0] ^= 1;
       files["checkpoint.old"] = sign_checkpoint(parties().issuer.operational, {kOrigin, head});
     })},
};

Audit audited_with_trust(const Checkpoint& trusted, LedgerBuilder& builder) {
  VerifyOptions options = audit_options();
  options.trusted = {trusted};
  return verify_bundle(builder.bundle(), options);
}

}  // namespace

TEST_CASE("an audit catches a checkpoint that is not what the quorum signed") {
  for (const Tamper& tamper : kTampers) check_tamper(tamper, audit_options());
}

TEST_CASE("an audit catches a wrong older checkpoint or proof in the bundle") {
  for (const Tamper& tamper : kOldTampers) check_tamper(tamper, audit_options());
}

TEST_CASE("two keys of one organisation are one vote") {
  const CorrectLedger ledger = correct_ledger();
  const auto key = [](std::uint8_t seed) {
    return format_vkey(*make_verifier_key("witness" + std::to_string(seed), KeyType::kCosignatureV1,
                                          seeded_key(seed).public_key()));
  };
  VerifyOptions options;
  options.policy = *Policy::parse("log " + vkey_text(parties().issuer) + "\nwitness a1 " + key(201) +
                                  "\nwitness a2 " + key(202) + "\nwitness b " + key(203) +
                                  "\ngroup a any a1 a2\ngroup two 2 a b\nquorum two\n");
  const Audit audit = verify_bundle(ledger.builder.bundle(), options);
  CHECK(audit.report.exit_code() == 7);
  CHECK(found(audit, "V3.quorum"));
}

TEST_CASE("a tail that was cut off and signed again is a rollback to whoever saw it") {
  CorrectLedger ledger = correct_ledger();
  const Checkpoint seen{kOrigin, ledger.builder.head()};
  ledger.builder.records().pop_back();
  const Audit audit = audited_with_trust(seen, ledger.builder);
  CHECK(audit.report.exit_code() == 8);
  CHECK(found(audit, "V4.rollback"));
}

TEST_CASE("two histories of one size are found out by whoever saw the other") {
  CorrectLedger ledger = correct_ledger();
  const Checkpoint seen{kOrigin, ledger.builder.head()};
  ledger.builder.records().back().leaf.time_ms += 1;
  const Audit audit = audited_with_trust(seen, ledger.builder);
  CHECK(audit.report.exit_code() == 8);
  CHECK(found(audit, "V4.equivocation"));
}

TEST_CASE("a middle record that was removed and the tree built again is found out by an older checkpoint") {
  CorrectLedger ledger = correct_ledger();
  const Checkpoint seen{kOrigin, ledger.builder.head(13)};
  auto& records = ledger.builder.records();
  records.erase(records.begin() + 5);
  ledger.builder.rebuild();
  const Audit audit = audited_with_trust(seen, ledger.builder);
  CHECK(audit.report.exit_code() == 8);
  CHECK(found(audit, "V4.inconsistent"));
}

TEST_CASE("another ledger's checkpoint is no older checkpoint of this one") {
  const CorrectLedger ledger = correct_ledger();
  VerifyOptions options = audit_options();
  options.policy = *Policy::parse("log " + vkey_text(parties().chat) + "\n" + policy_text(parties().issuer));
  BundleFiles files = ledger.builder.files(9);
  files["checkpoint.old"] =
      sign_checkpoint(parties().chat.operational, {parties().chat.origin, ledger.builder.head(9)});
  const Audit audit = verify_bundle(ledger.builder.pack(files), options);
  CHECK(audit.report.exit_code() == 8);
  CHECK(found(audit, "V3.origin"));
}

}  // namespace tocsin::protocol
