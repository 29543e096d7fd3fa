#include "crypto/keyfile.h"

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::crypto;

namespace {

SecretBytes secret(std::string_view text) {
  return SecretBytes(as_view(text));
}

Bytes some_file() {
  return seal_keyfile(secret("the keystore"), secret("open sesame"), kArgon2Least).value();
}

// A file whose author also fixed the checksum: what a hostile file looks like.
Bytes with_checksum(Bytes file) {
  file.resize(file.size() - 32);
  const Hash checksum = blake2b_256(file);
  append(file, checksum);
  return file;
}

std::string rule_of(const Result<SecretBytes>& opened) {
  return opened ? "opened" : opened.error().rule;
}

}  // namespace

TEST_CASE("a key file opens with its passphrase and says that it needs one") {
  const Bytes file = some_file();
  CHECK(as_text(open_keyfile(file, secret("open sesame")).value().expose()) == "the keystore");
  CHECK(keyfile_kind(file).value() == KeyfileKind::kPassphrase);
  CHECK(as_text(ByteView(file).first(17)) == "tocsin-keyfile-v1");
}

TEST_CASE("a key file opens with its raw key and says that it needs one") {
  const Secret<32> key = random_secret<32>();
  const Bytes file = seal_keyfile(secret("the keystore"), key).value();
  CHECK(as_text(open_keyfile(file, key).value().expose()) == "the keystore");
  CHECK(keyfile_kind(file).value() == KeyfileKind::kRawKey);
  const auto other = open_keyfile(file, random_secret<32>());
  CHECK(rule_of(other) == "keyfile/key");
  CHECK(other.error().code == Code::kUnauthenticated);
  CHECK(rule_of(open_keyfile(file, secret("open sesame"))) == "keyfile/format");
  CHECK(rule_of(open_keyfile(some_file(), key)) == "keyfile/format");
}

TEST_CASE("a wrong passphrase, a damaged file and another file are told apart") {
  Bytes file = some_file();
  const auto wrong = open_keyfile(file, secret("open barley"));
  CHECK(rule_of(wrong) == "keyfile/passphrase");
  CHECK(wrong.error().code == Code::kUnauthenticated);
  CHECK(rule_of(open_keyfile(as_view("-----BEGIN PRIVATE KEY-----"), secret("open sesame"))) ==
        "keyfile/format");
  CHECK(rule_of(open_keyfile({}, secret("open sesame"))) == "keyfile/format");
  file[file.size() - 40] ^= 1;
  const auto damaged = open_keyfile(file, secret("open sesame"));
  CHECK(rule_of(damaged) == "keyfile/damaged");
  CHECK(damaged.error().code == Code::kDataLoss);
}

TEST_CASE("a key file cut anywhere or with any bit flipped is damaged or not a key file") {
  const Bytes file = some_file();
  for (std::size_t size = 0; size < file.size(); ++size)
    REQUIRE(rule_of(open_keyfile(ByteView(file).first(size), secret("open sesame"))) ==
            (size < 18 ? "keyfile/format" : "keyfile/damaged"));
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    Bytes altered = file;
    altered[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    REQUIRE(rule_of(open_keyfile(altered, secret("open sesame"))) ==
            (bit < 8 * 18 ? "keyfile/format" : "keyfile/damaged"));
  }
}

TEST_CASE("a hostile key file with a right checksum cannot exhaust memory or pass") {
  const Bytes file = some_file();
  Bytes greedy = file;
  put_be(greedy.data() + 19 + 4, std::uint32_t{0xffffffff});
  CHECK(rule_of(open_keyfile(with_checksum(greedy), secret("open sesame"))) == "password/parameters");
  Bytes unknown = file;
  unknown[18] = 9;
  CHECK(rule_of(open_keyfile(with_checksum(unknown), secret("open sesame"))) == "keyfile/format");
  for (std::size_t size = 18 + 32; size < file.size(); ++size) {
    Bytes cut = file;
    cut.resize(size);
    REQUIRE_FALSE(open_keyfile(with_checksum(cut), secret("open sesame")).has_value());
  }
  for (std::size_t byte = 27; byte < file.size() - 32; ++byte) {
    Bytes altered = file;
    altered[byte] ^= 0x10;
    REQUIRE_FALSE(open_keyfile(with_checksum(altered), secret("open sesame")).has_value());
  }
}

TEST_CASE("two key files of one payload share no bytes after the header") {
  const Bytes a = some_file();
  const Bytes b = some_file();
  CHECK_FALSE(equal(ByteView(a).subspan(27, 16), ByteView(b).subspan(27, 16)));
  CHECK_FALSE(equal(ByteView(a).subspan(43), ByteView(b).subspan(43)));
}

TEST_CASE("a payload of the largest size is taken and a larger one refused") {
  const Secret<32> key = random_secret<32>();
  CHECK(open_keyfile(seal_keyfile(SecretBytes(kKeyfilePayloadMax), key).value(), key).value().size() ==
        kKeyfilePayloadMax);
  CHECK_FALSE(seal_keyfile(SecretBytes(kKeyfilePayloadMax + 1), key).has_value());
}
