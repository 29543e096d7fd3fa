#include "node/identity/keystore.h"

#include <sys/stat.h>

#include "crypto/keyfile.h"
#include "crypto/random.h"
#include "node/files/private_file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace tocsin;
using namespace tocsin::node;
using tocsin::tests::TempDir;

namespace {

constexpr std::uint64_t kNow = 1'800'000'000'000;
constexpr std::uint64_t kDay = 24ULL * 3600 * 1000;

KeystoreLock passphrase(std::string_view text) {
  return KeystoreLock(SecretBytes(as_view(text)));
}

InitOptions options(const TempDir& dir) {
  return {dir.file("node"),    "video.example", "video.example:7443", "video.example/tocsin", kNow,
          crypto::kArgon2Least};
}

Error failure(const Result<Keys>& keys) {
  REQUIRE_FALSE(keys);
  return keys.error();
}

bool same(const Secret<32>& a, const Secret<32>& b) {
  return equal_secret(a.expose(), b.expose());
}

}  // namespace

TEST_CASE("a new node's keys come back from its keystore, and its descriptor and certificate name them") {
  TempDir dir;
  const Keys made = init_node(options(dir), passphrase("sesame")).value();
  const Keys opened = open_keystore(dir.file("node"), passphrase("sesame")).value();
  CHECK(opened.root.public_key() == made.root.public_key());
  CHECK(opened.operational.public_key() == made.operational.public_key());
  CHECK(opened.envelope.public_key() == made.envelope.public_key());
  CHECK(same(opened.chain_key, made.chain_key));
  CHECK(same(opened.kek, made.kek));
  CHECK_FALSE(opened.previous_envelope);
  CHECK(opened.descriptor.name() == "video.example");
  CHECK(opened.descriptor.message().log_origin() == "video.example/tocsin");
  CHECK(opened.descriptor.message().sequence() == 1);
  CHECK(opened.descriptor.valid_at(kNow));
  CHECK(opened.descriptor.valid_at(kNow + 90 * kDay - 1));
  CHECK_FALSE(opened.descriptor.valid_at(kNow + 90 * kDay));
  const PeerCertificate shown = read_certificate(opened.tls.certificate_der()).value();
  CHECK(shown.fingerprint == opened.descriptor.fingerprint());
  CHECK(shown.spki_sha256 == opened.descriptor.tls_spki_sha256());
}

TEST_CASE("the directory and the keystore are closed to others and hold no key in the clear") {
  TempDir dir;
  const Keys made = init_node(options(dir), passphrase("sesame")).value();
  struct stat info {};
  REQUIRE(stat(dir.file("node").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0700);
  REQUIRE(stat(dir.file("node/keystore").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  CHECK(dir.read("node/keystore").find(to_string(made.kek.expose())) == std::string::npos);
  CHECK(dir.read("node/keystore").find("video.example") == std::string::npos);
}

TEST_CASE("no two nodes share a secret") {
  TempDir a, b;
  const Keys one = init_node(options(a), passphrase("x")).value();
  const Keys two = init_node(options(b), passphrase("x")).value();
  CHECK(one.root.public_key() != two.root.public_key());
  CHECK(one.root.public_key() != one.operational.public_key());
  CHECK_FALSE(same(one.chain_key, two.chain_key));
  CHECK_FALSE(same(one.kek, one.chain_key));
}

TEST_CASE("an existing node is never overwritten") {
  TempDir dir;
  REQUIRE(init_node(options(dir), passphrase("sesame")));
  const std::string before = dir.read("node/keystore");
  const Error error = failure(init_node(options(dir), passphrase("other")));
  CHECK(error.code == Code::kAlreadyExists);
  CHECK_FALSE(error.fix.empty());
  CHECK(dir.read("node/keystore") == before);
}

TEST_CASE("bad names and addresses are refused before anything is made") {
  TempDir dir;
  for (const char* name : {"", "Video.example", "a..b", "video.example\n"}) {
    InitOptions bad = options(dir);
    bad.name = name;
    CHECK(failure(init_node(bad, passphrase("x"))).code == Code::kInvalidArgument);
  }
  InitOptions bad = options(dir);
  bad.address = "video.example";
  CHECK(failure(init_node(bad, passphrase("x"))).code == Code::kInvalidArgument);
  CHECK(access(dir.file("node").c_str(), F_OK) != 0);
}

TEST_CASE(
    "a wrong passphrase, a damaged keystore, loose permissions and a missing node are told apart, with a "
    "fix") {
  TempDir dir;
  REQUIRE(init_node(options(dir), passphrase("sesame")));
  const std::string node = dir.file("node");
  const std::string path = keystore_path(node);
  const auto check = [&](const char* rule, const KeystoreLock& lock) {
    const Error error = failure(open_keystore(node, lock));
    CHECK(error.rule == rule);
    CHECK_FALSE(error.why.empty());
    CHECK_FALSE(error.fix.empty());
  };
  check("keyfile/passphrase", passphrase("barley"));
  check("keyfile/format", KeystoreLock(crypto::random_secret<32>()));
  chmod(path.c_str(), 0644);
  check("file/permissions", passphrase("sesame"));
  chmod(path.c_str(), 0600);
  chmod(node.c_str(), 0755);
  check("file/permissions", passphrase("sesame"));
  chmod(node.c_str(), 0700);
  const std::string whole = dir.read("node/keystore");
  for (std::size_t at = 20; at < whole.size(); at += 37) {
    std::string cut = whole;
    cut[at] = static_cast<char>(cut[at] ^ 1);
    REQUIRE(write_private_file(path, as_view(cut)));
    check("keyfile/damaged", passphrase("sesame"));
  }
  REQUIRE(write_private_file(path, as_view(whole).first(whole.size() / 2)));
  check("keyfile/damaged", passphrase("sesame"));
  REQUIRE(write_private_file(path, as_view("not a keystore")));
  check("keyfile/format", passphrase("sesame"));
  unlink(path.c_str());
  check("keystore/missing", passphrase("sesame"));
  rmdir(node.c_str());
  check("keystore/missing", passphrase("sesame"));
}

TEST_CASE("a keystore whose parts do not belong together is not used") {
  TempDir a, b;
  REQUIRE(init_node(options(a), passphrase("x")));
  REQUIRE(init_node(options(b), passphrase("x")));
  v1::KeystorePayload one, two;
  const auto payload = [](const TempDir& dir, v1::KeystorePayload& out) {
    const auto plain =
        crypto::open_keyfile(as_view(dir.read("node/keystore")), SecretBytes(as_view("x"))).value();
    REQUIRE(out.ParseFromArray(plain.expose().data(), static_cast<int>(plain.size())));
  };
  payload(a, one);
  payload(b, two);
  const auto open_with = [&](const v1::KeystorePayload& changed) {
    const auto sealed = crypto::seal_keyfile(SecretBytes(as_view(changed.SerializeAsString())),
                                             SecretBytes(as_view("x")), crypto::kArgon2Least);
    REQUIRE(write_private_file(a.file("node/keystore"), *sealed));
    const auto keys = open_keystore(a.file("node"), passphrase("x"));
    return keys ? std::string("opened") : keys.error().rule;
  };
  CHECK(open_with(one) == "opened");
  v1::KeystorePayload changed = one;
  changed.set_root_seed(two.root_seed());
  CHECK(open_with(changed) == "keystore/inconsistent");
  changed = one;
  changed.set_operational_seed(two.operational_seed());
  CHECK(open_with(changed) == "keystore/inconsistent");
  changed = one;
  changed.set_envelope_secret(two.envelope_secret());
  CHECK(open_with(changed) == "keystore/inconsistent");
  changed = one;
  changed.set_tls_key_pkcs8(two.tls_key_pkcs8());
  CHECK(open_with(changed) == "keystore/inconsistent");
  changed = one;
  changed.set_tls_key_pkcs8(two.tls_key_pkcs8());
  changed.set_tls_certificate_der(two.tls_certificate_der());
  CHECK(open_with(changed) == "keystore/inconsistent");
  changed = one;
  changed.set_kek("short");
  CHECK(open_with(changed) == "keystore/inconsistent");
  changed = one;
  changed.clear_signed_descriptor();
  CHECK(open_with(changed) == "keystore/inconsistent");
}

TEST_CASE("a systemd credential opens what it sealed") {
  TempDir dir;
  const FixedBytes<32> raw = crypto::random_bytes<32>();
  REQUIRE(write_private_file(dir.file("tocsin-kek"), raw));
  const KeystoreLock lock = read_keystore_lock("", dir.path()).value();
  const Keys made = init_node(options(dir), lock).value();
  CHECK(open_keystore(dir.file("node"), lock).value().root.public_key() == made.root.public_key());
  CHECK(failure(open_keystore(dir.file("node"), KeystoreLock(crypto::random_secret<32>()))).rule ==
        "keyfile/key");
  REQUIRE(write_private_file(dir.file("tocsin-kek"), as_view("too short")));
  CHECK(read_keystore_lock("", dir.path()).error().rule == "keystore/lock");
  CHECK(read_keystore_lock("", "").error().rule == "keystore/lock");
  CHECK(read_keystore_lock(dir.file("none"), "").error().code == Code::kNotFound);
}

TEST_CASE("rotating a key gives the next descriptor and keeps everything else") {
  TempDir dir;
  const KeystoreLock lock = passphrase("sesame");
  const Keys made = init_node(options(dir), lock).value();
  const Rotation later{dir.file("node"), kNow + 60 * kDay, crypto::kArgon2Least};

  const Keys tls = rotate_tls(later, lock).value();
  CHECK(tls.descriptor.message().sequence() == 2);
  CHECK(tls.descriptor.valid_at(kNow + 149 * kDay));
  CHECK(tls.descriptor.fingerprint() == made.descriptor.fingerprint());
  CHECK(tls.descriptor.tls_spki_sha256() != made.descriptor.tls_spki_sha256());
  CHECK(tls.envelope.public_key() == made.envelope.public_key());
  CHECK(read_certificate(tls.tls.certificate_der()).value().spki_sha256 == tls.descriptor.tls_spki_sha256());

  const Keys envelope = rotate_envelope(later, lock).value();
  CHECK(envelope.descriptor.message().sequence() == 3);
  CHECK(envelope.envelope.public_key() != made.envelope.public_key());
  REQUIRE(envelope.previous_envelope);
  CHECK(envelope.previous_envelope->public_key() == made.envelope.public_key());
  CHECK(envelope.descriptor.tls_spki_sha256() == tls.descriptor.tls_spki_sha256());
  CHECK(same(envelope.kek, made.kek));

  const Keys reopened = open_keystore(dir.file("node"), lock).value();
  CHECK(reopened.descriptor.message().sequence() == 3);
  CHECK(reopened.previous_envelope->public_key() == made.envelope.public_key());
  CHECK(failure(rotate_tls(later, passphrase("wrong"))).rule == "keyfile/passphrase");
}

TEST_CASE("another operational key is staged, then adopted, and each step is whole in the keystore") {
  TempDir dir;
  const Keys made = init_node(options(dir), passphrase("sesame")).value();
  const Rotation rotation{dir.file("node"), kNow + kDay, crypto::kArgon2Least};
  CHECK(failure(adopt_operational(rotation, passphrase("sesame"))).rule == "keystore/next");

  const Keys staged = stage_operational(rotation, passphrase("sesame")).value();
  REQUIRE(staged.next);
  CHECK(staged.operational.public_key() == made.operational.public_key());
  CHECK(staged.descriptor.message().sequence() == 1);
  CHECK(staged.next->descriptor.message().sequence() == 2);
  CHECK(staged.next->descriptor.operational_key() == staged.next->operational.public_key());
  CHECK(staged.next->operational.public_key() != made.operational.public_key());
  const Keys opened = open_keystore(dir.file("node"), passphrase("sesame")).value();
  REQUIRE(opened.next);
  CHECK(opened.next->operational.public_key() == staged.next->operational.public_key());

  const Keys adopted = adopt_operational(rotation, passphrase("sesame")).value();
  CHECK_FALSE(adopted.next);
  CHECK(adopted.operational.public_key() == staged.next->operational.public_key());
  CHECK(adopted.descriptor.message().sequence() == 2);
  CHECK(adopted.envelope.public_key() == made.envelope.public_key());
  CHECK(adopted.descriptor.tls_spki_sha256() == made.descriptor.tls_spki_sha256());
  CHECK(read_certificate(adopted.tls.certificate_der()).value().descriptor.sequence() == 2);
  CHECK(open_keystore(dir.file("node"), passphrase("sesame")).value().descriptor.message().sequence() == 2);
}

TEST_CASE("a staged key that no ledger names is dropped by the next change of another key") {
  TempDir dir;
  REQUIRE(init_node(options(dir), passphrase("sesame")));
  const Rotation rotation{dir.file("node"), kNow + kDay, crypto::kArgon2Least};
  REQUIRE(stage_operational(rotation, passphrase("sesame")));
  const Keys rotated = rotate_tls(rotation, passphrase("sesame")).value();
  CHECK_FALSE(rotated.next);
  CHECK(rotated.descriptor.message().sequence() == 2);
}

TEST_CASE("a node's address changes in its descriptor and certificate, and nowhere else") {
  TempDir dir;
  const Keys made = init_node(options(dir), passphrase("sesame")).value();
  const Rotation rotation{dir.file("node"), kNow + kDay, crypto::kArgon2Least};
  const Keys moved = set_address(rotation, passphrase("sesame"), "moved.example:9000").value();
  CHECK(moved.descriptor.message().address() == "moved.example:9000");
  CHECK(moved.descriptor.message().sequence() == 2);
  CHECK(moved.operational.public_key() == made.operational.public_key());
  CHECK(read_certificate(moved.tls.certificate_der()).value().descriptor.address() == "moved.example:9000");
  CHECK(failure(set_address(rotation, passphrase("sesame"), "nonsense")).code == Code::kInvalidArgument);
  CHECK(open_keystore(dir.file("node"), passphrase("sesame")).value().descriptor.message().sequence() == 2);
}

TEST_CASE("a log that is named after its key has a first descriptor that lasts") {
  TempDir dir;
  InitOptions made = options(dir);
  made.log_origin = std::string(kSigsumOrigin);
  const Keys keys = init_node(made, passphrase("sesame")).value();
  CHECK(is_key_origin(keys.descriptor.message().log_origin()));
  CHECK_FALSE(is_key_origin("video.example/tocsin"));
  CHECK(keys.descriptor.valid_at(kNow + 10 * 365 * kDay));
}
