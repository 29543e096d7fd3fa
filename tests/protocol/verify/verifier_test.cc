#include "protocol/verify/verifier.h"

#include "protocol/log/note.h"
#include "protocol/verify/sshsig.h"
#include "tests/protocol/verify/audit_fixture.h"

namespace tocsin::protocol {
namespace {

using namespace test;

// The finished archive's files, with the manifest that was made for them, changed by somebody without any
// key.
std::function<Bytes()> with_files(std::function<void(BundleFiles&)> edit) {
  return [edit] {
    const CorrectLedger ledger = correct_ledger();
    BundleFiles files = ledger.builder.files();
    files["manifest"] = signed_manifest(files, parties().issuer.origin, parties().issuer.operational);
    files["manifest.sig"] = sign_sshsig(parties().issuer.operational, kManifestNamespace, files["manifest"]);
    edit(files);
    return pack_raw(files);
  };
}

const std::vector<Tamper> kTampers = {
    {"a file is swapped after the manifest", 8, "V2.file",
     with_files([](auto& f) { f["policy"] = "quorum none\n"; })},
    {"a file is added", 8, "V2.unlisted", with_files([](auto& f) { f["zz"] = "more"; })},
    {"a file is added that sorts first", 8, "V1.unexpected", with_files([](auto& f) { f["a"] = "more"; })},
    {"a file is left out", 7, "V2.absent", with_files([](auto& f) { f.erase("openings"); })},
    {"the policy is left out", 7, "V1.absent", with_files([](auto& f) { f.erase("policy"); })},
    {"the checkpoint is left out", 7, "V1.absent", with_files([](auto& f) { f.erase("checkpoint"); })},
    {"the manifest is left out", 7, "V1.absent", with_files([](auto& f) { f.erase("manifest"); })},
    {"the manifest is a stranger's", 8, "V2.signature", with_files([](auto& f) {
       f.erase("manifest");
       f.erase("manifest.sig");
       f["manifest"] = signed_manifest(f, parties().issuer.origin, seeded_key(99));
     })},
    {"the manifest is another ledger's", 8, "V2.signature", with_files([](auto& f) {
       f.erase("manifest");
       f.erase("manifest.sig");
       f["manifest"] = signed_manifest(f, parties().chat.origin, parties().chat.operational);
     })},
    {"the manifest's text is changed", 8, "V2.signature",
     with_files([](auto& f) { f["manifest"][40] = f["manifest"][40] == '0' ? '1' : '0'; })},
    {"the manifest has a second signature", 8, "V2.manifest", with_files([](auto& f) {
       Note note = *parse_note(f["manifest"]);
       note.signatures.push_back(sign_note(seeded_key(99), "stranger", note.text));
       f["manifest"] = format_note(note);
     })},
    {"the manifest is no note", 8, "V2.manifest", with_files([](auto& f) { f["manifest"] = "hello\n"; })},
    {"the policy is no policy", 8, "V1.policy",
     [] {
       const CorrectLedger ledger = correct_ledger();
       BundleFiles files = ledger.builder.files();
       files["policy"] = "trust me\n";
       return ledger.builder.pack(files);
     }},
    {"the bundle is empty", 8, "V1.tar", [] { return Bytes(); }},
    {"the bundle is something else", 8, "V1.tar", [] { return Bytes(1024, 'x'); }},
};

}  // namespace

TEST_CASE("an audit catches files that the manifest was not signed for") {
  for (const Tamper& tamper : kTampers) check_tamper(tamper, audit_options());
}

TEST_CASE("a correct ledger's bundle is clean") {
  const CorrectLedger ledger = correct_ledger();
  const Audit audit = verify_bundle(ledger.builder.bundle(), audit_options());
  INFO(printed(audit));
  CHECK(audit.report.exit_code() == 0);
  CHECK(audit.facts.records == 16);
  CHECK(audit.facts.opened == 16);
  CHECK(
      summary(audit) ==
      "video.example: 16 records intact; 2 signals, each reviewed by a second person before it was shared; 1 "
      "retraction, to be answered by 2 (whose ledgers were not given).");
}

TEST_CASE("a correct ledger is clean under its key alone") {
  const CorrectLedger ledger = correct_ledger();
  VerifyOptions options;
  options.policy = *Policy::parse("log " + vkey_text(parties().issuer) + "\nquorum none\n");
  CHECK(verify_bundle(ledger.builder.bundle(), options).report.exit_code() == 0);
}

TEST_CASE("a bundle that goes on from an older checkpoint is clean, whichever size that has") {
  const CorrectLedger ledger = correct_ledger();
  for (std::size_t size = 1; size <= 16; ++size) {
    VerifyOptions options = audit_options();
    options.trusted = {*parse_trusted_checkpoint(ledger.builder.checkpoint(size), options.policy)};
    const Audit audit = verify_bundle(ledger.builder.pack(ledger.builder.files(size)), options);
    INFO(printed(audit));
    CHECK(audit.report.exit_code() == 0);
  }
}

TEST_CASE("no byte of a bundle can change and leave it clean") {
  const CorrectLedger ledger = correct_ledger();
  const Bytes bundle = ledger.builder.pack(ledger.builder.files(7));
  const VerifyOptions options = audit_options();
  REQUIRE(verify_bundle(bundle, options).report.exit_code() == 0);
  constexpr std::size_t kSamples = 2000;
  for (std::size_t i = 0; i < kSamples; ++i) {
    const std::size_t at = i * bundle.size() / kSamples + i % 7;
    Bytes other = bundle;
    other[at] ^= static_cast<std::uint8_t>(1U << (i % 8));
    if (verify_bundle(other, options).report.exit_code() == 0) FAIL("byte " << at << " is not looked at");
  }
}

TEST_CASE("no cut of a bundle leaves it clean") {
  const CorrectLedger ledger = correct_ledger();
  const Bytes bundle = ledger.builder.bundle();
  for (std::size_t size = 0; size < bundle.size(); size += 512)
    CHECK(verify_bundle(ByteView(bundle).first(size), audit_options()).report.exit_code() == 8);
}

}  // namespace tocsin::protocol
