#include "protocol/log/note.h"

#include "crypto/base/encoding.h"
#include "tests/protocol/log/note_fixture.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

using test::log_vkey;
using test::made_key;
using test::witness_vkey;

constexpr const char* kName = "log.example/one";
constexpr const char* kText = "If you think cryptography is the answer,\n\nask again.\n";

Note signed_note() {
  Note note;
  note.text = kText;
  note.signatures.push_back(sign_note(made_key(1), kName, kText));
  return note;
}

Status opened(std::string_view bytes, const std::vector<VerifierKey>& keys) {
  TRY_ASSIGN(const Note note, parse_note(bytes));
  TRY_ASSIGN(const auto verified, verify_note(note, keys));
  CHECK_FALSE(verified.empty());
  return {};
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

TEST_CASE("the specification's example note verifies under its published key") {
  // Go's golang.org/x/mod/sumdb/note documentation example.
  const auto key = parse_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  REQUIRE(key);
  const std::string note =
      "If you think cryptography is the answer to your problem,\n"
      "then you don't know what your problem is.\n"
      "\n"
      "\xE2\x80\x94 PeterNeumann "
      "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
  CHECK(opened(note, {*key}));
  CHECK(format_note(*parse_note(note)) == note);
  CHECK(format_vkey(*key) == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
}

TEST_CASE("the specification's example cosignature parses and carries its time") {
  const std::string line =
      "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/"
      "zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==";
  const auto note = parse_note(
      "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
      "\xE2\x80\x94 witness.example.com/w1 " +
      line + "\n");
  REQUIRE(note);
  REQUIRE(note->signatures.size() == 1);
  CHECK(note->signatures[0].signature.size() == 72);
  CHECK(get_be<std::uint64_t>(note->signatures[0].signature.data()) == 1679315147);
}

TEST_CASE("a signed note comes back as it was and splits at its last blank line") {
  const std::string bytes = format_note(signed_note());
  const auto note = parse_note(bytes);
  REQUIRE(note);
  CHECK(note->text == kText);
  CHECK(format_note(*note) == bytes);
  CHECK(opened(bytes, {log_vkey(1, kName)}));
}

TEST_CASE("a verifier key comes back as it was, and a misspelt one is refused") {
  for (const auto& key : {log_vkey(1, kName), witness_vkey(2, "w.example")}) {
    const std::string text = format_vkey(key);
    const auto parsed = parse_vkey(text);
    REQUIRE(parsed);
    CHECK(*parsed == key);
    for (std::size_t n = 0; n < text.size(); ++n) CHECK_FALSE(parse_vkey(text.substr(0, n)));
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::string bad = text;
      bad[i] = static_cast<char>(bad[i] ^ 1);
      CHECK_FALSE(parse_vkey(bad));
    }
    CHECK_FALSE(parse_vkey(text + "\n"));
    CHECK_FALSE(parse_vkey(text + "AAAA"));
    CHECK_FALSE(parse_vkey("x" + text));
  }
  CHECK(log_vkey(1, kName).id != witness_vkey(1, kName).id);
  CHECK_FALSE(make_verifier_key("a b", KeyType::kEd25519, made_key(1).public_key()));
  CHECK_FALSE(make_verifier_key("a", KeyType::kEd25519, crypto::PublicKey{}));
  CHECK(parse_vkey("w+00000000+Bg==").error().code == Code::kUnimplemented);  // 0x06, ML-DSA-44
}

TEST_CASE("every truncation and every flipped bit of a note is refused") {
  const std::string bytes = format_note(signed_note());
  const std::vector<VerifierKey> keys = {log_vkey(1, kName)};
  for (std::size_t n = 0; n < bytes.size(); ++n) CHECK_FALSE(opened(bytes.substr(0, n), keys));
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    REQUIRE_FALSE(opened(flipped, keys));
  }
}

TEST_CASE("unknown keys are ignored, even when they share a name or an id with a known one") {
  Note note = signed_note();
  note.signatures.push_back(sign_note(made_key(2), "stranger.example", kText));
  note.signatures.push_back(sign_note(made_key(2), kName, kText));  // our name, another id
  NoteSignature same_id = note.signatures[0];
  same_id.name = "other.example";
  note.signatures.push_back(same_id);
  note.signatures.push_back({"future.example", {1, 2, 3, 4}, Bytes(2428)});
  CHECK(opened(format_note(note), {log_vkey(1, kName)}));
  const auto status = opened(format_note(note), {log_vkey(3, kName)});
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Code::kUnauthenticated);
}

TEST_CASE("a known key's bad signature refuses the note although another key's is good") {
  Note note = signed_note();
  note.signatures.push_back(sign_note(made_key(2), "two.example", kText));
  const std::vector<VerifierKey> keys = {log_vkey(1, kName), log_vkey(2, "two.example")};
  REQUIRE(opened(format_note(note), keys));
  for (auto& bad : {0, 1}) {
    Note changed = note;
    changed.signatures[static_cast<std::size_t>(bad)].signature[5] ^= 1;
    CHECK(opened(format_note(changed), keys).error().code == Code::kUnauthenticated);
    changed.signatures[static_cast<std::size_t>(bad)].signature.resize(63);
    CHECK(opened(format_note(changed), keys).error().code == Code::kUnauthenticated);
  }
}

TEST_CASE("sixteen signatures are taken and seventeen refused") {
  Note note = signed_note();
  while (note.signatures.size() < kNoteSignaturesMax)
    note.signatures.push_back({"other.example", {}, Bytes(64)});
  const std::string sixteen = format_note(note);
  CHECK(opened(sixteen, {log_vkey(1, kName)}));
  CHECK_FALSE(parse_note(sixteen + "\xE2\x80\x94 other.example AAAAAAAA\n"));
}

TEST_CASE("a note has one spelling") {
  const std::string good = format_note(signed_note());
  const std::vector<VerifierKey> keys = {log_vkey(1, kName)};
  const auto refused = [&](const std::string& bytes) { return !opened(bytes, keys).has_value(); };
  CHECK(refused(replaced(good, "\n", "\r\n")));
  CHECK(refused(replaced(good, "again.\n", "again.\n\n")));  // the text's newline is signed
  CHECK(refused(replaced(good, "again.\n\n", "again.\n")));  // no blank line before the signatures
  CHECK(refused(replaced(good, "\xE2\x80\x94 ", "- ")));
  CHECK(refused(replaced(good, "\xE2\x80\x94 ", "\xE2\x80\x94  ")));
  CHECK(refused(replaced(good, "\xE2\x80\x94 ", "\xE2\x80\x94")));
  CHECK(refused(good + "\n"));
  CHECK(refused(good + "x"));
  CHECK(refused(replaced(good, "=\n", "\n")));
  CHECK(refused(replaced(good, "=\n", "= \n")));
  CHECK(refused(std::string("\0", 1) + good));
  CHECK(refused("\xFF" + good));
  CHECK(refused(""));
  CHECK(refused("\n\n"));
  CHECK(refused(std::string(kNoteBytesMax, 'x') + good));
  CHECK(parse_note(std::string(kNoteBytesMax, 'x') + good, 2 * kNoteBytesMax));
  // The last base64 digit before "=" has two unused bits, which must be zero.
  std::string loose = good;
  const std::size_t last = loose.rfind('=') - 1;
  REQUIRE(loose[last] != '=');
  loose[last] = static_cast<char>(loose[last] + 1);
  CHECK(refused(loose));
}

TEST_CASE("a cosignature covers its time and text, and neither type passes for the other") {
  const std::string text = format_checkpoint(test::made_checkpoint(kName));
  const auto key = made_key(2);
  const VerifierKey witness = witness_vkey(2, "w.example");
  Note note;
  note.text = text;
  note.signatures.push_back(cosign_note(key, "w.example", 1767225600, text));
  const std::vector<VerifierKey> keys = {witness};
  const auto verified = verify_note(note, keys);
  REQUIRE(verified);
  CHECK(verified->at(0).time_s == 1767225600);

  Note later = note;
  later.signatures[0].signature[7] ^= 1;
  CHECK_FALSE(verify_note(later, keys));
  Note past_2038_and_all = note;
  past_2038_and_all.signatures[0].signature[0] = 0x80;
  CHECK_FALSE(verify_note(past_2038_and_all, keys));
  Note elsewhere = note;
  elsewhere.text = format_checkpoint(test::made_checkpoint("other.example"));
  CHECK_FALSE(verify_note(elsewhere, keys));
  Note larger = note;
  larger.text = format_checkpoint(test::made_checkpoint(kName, 8));
  CHECK_FALSE(verify_note(larger, keys));

  Note plain;
  plain.text = text;
  plain.signatures.push_back(sign_note(key, "w.example", text));
  CHECK_FALSE(verify_note(plain, keys));  // unknown id
  plain.signatures[0].id = witness.id;
  CHECK_FALSE(verify_note(plain, keys));  // wrong length
  Bytes dated(8);
  append(dated, plain.signatures[0].signature);
  plain.signatures[0].signature = dated;
  CHECK_FALSE(verify_note(plain, keys));  // right length, but signed without a time
}

}  // namespace
}  // namespace tocsin::protocol
