#include "node/backup/backup.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include "crypto/base/encoding.h"
#include "crypto/random.h"
#include "node/backup/archive.h"
#include "node/backup/backup_key.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace tocsin;
using namespace tocsin::node;
namespace fs = std::filesystem;

namespace {

void put(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}
std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A node's directory with a store of two files, one of them longer than several chunks.
struct Fixture {
  tests::TempDir dir;
  std::string data = dir.path() + "/data";
  std::string copy = dir.path() + "/copy";
  std::string file = dir.path() + "/node.backup";
  std::string long_file;
  crypto::KemKey key = crypto::KemKey::derive(crypto::random_secret<32>().expose());
  BackupManifest manifest{"video.example", "ABCD", 1'764'000'000'000, 42, "video.example/tocsin\n42\nx\n"};

  Fixture() {
    fs::create_directory(data);
    fs::create_directory(copy);
    put(data + "/keystore", "sealed keys");
    put(data + "/tocsin.toml", "name = \"video.example\"\n");
    for (int i = 0; i < 300'000; ++i) long_file += std::to_string(i);
    put(copy + "/000012.sst", long_file);
    put(copy + "/CURRENT", "MANIFEST-000011\n");
  }
  Result<BackupSummary> write() const {
    return write_backup({data, copy, data + "/tokens", manifest}, key.public_key(), file);
  }
};

}  // namespace

TEST_CASE("a backup comes back byte for byte in another directory") {
  Fixture f;
  const auto written = f.write();
  REQUIRE(written);
  CHECK(written->files == 4);
  struct stat info {};
  REQUIRE(stat(f.file.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(read(f.file).find("video.example") == std::string::npos);

  const std::string into = f.dir.path() + "/again";
  const auto restored = restore_backup(f.file, f.key, into);
  REQUIRE(restored);
  CHECK(restored->manifest.ledger_size == 42);
  CHECK(restored->files == 4);
  CHECK(read(into + "/keystore") == "sealed keys");
  CHECK(read(into + "/store/000012.sst") == f.long_file);
  CHECK(read(into + "/store/CURRENT") == "MANIFEST-000011\n");
  CHECK(restored->manifest.checkpoint == f.manifest.checkpoint);
}

TEST_CASE("verifying a backup reads all of it and says what it holds") {
  Fixture f;
  REQUIRE(f.write());
  const auto summary = verify_backup(f.file, f.key);
  REQUIRE(summary);
  CHECK(summary->manifest.name == "video.example");
  CHECK(summary->manifest.created_ms == f.manifest.created_ms);
  CHECK(summary->files == 4);
}

TEST_CASE("a backup cut at any length, longer than it was, or with a changed byte is refused") {
  Fixture f;
  f.long_file.resize(3000);
  put(f.copy + "/000012.sst", f.long_file);
  REQUIRE(f.write());
  const std::string whole = read(f.file);
  for (std::size_t length = 0; length < whole.size(); length += 97) {
    put(f.file, whole.substr(0, length));
    CHECK_FALSE(verify_backup(f.file, f.key));
  }
  put(f.file, whole + "x");
  CHECK(verify_backup(f.file, f.key).error().rule == "backup/format");
  for (std::size_t at = 0; at < whole.size(); at += 61) {
    std::string altered = whole;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    put(f.file, altered);
    CHECK_FALSE(verify_backup(f.file, f.key));
  }
}

TEST_CASE("a damaged backup leaves nothing in the directory it was to be restored into") {
  Fixture f;
  REQUIRE(f.write());
  std::string whole = read(f.file);
  whole[whole.size() - 3] = static_cast<char>(whole[whole.size() - 3] ^ 1);
  put(f.file, whole);
  const std::string into = f.dir.path() + "/again";
  CHECK(restore_backup(f.file, f.key, into).error().rule == "seal/damaged");
  CHECK(fs::is_empty(into));
}

TEST_CASE("only the key a backup was sealed to opens it") {
  Fixture f;
  REQUIRE(f.write());
  const auto other = crypto::KemKey::derive(crypto::random_secret<32>().expose());
  CHECK(verify_backup(f.file, other).error().rule == "hpke/open");
}

TEST_CASE("a backup is not written over, nor restored over, anything") {
  Fixture f;
  REQUIRE(f.write());
  const std::string before = read(f.file);
  CHECK(f.write().error().rule == "backup/exists");
  CHECK(read(f.file) == before);
  CHECK(restore_backup(f.file, f.key, f.data).error().rule == "directory/not-empty");
  CHECK(read(f.data + "/keystore") == "sealed keys");
}

TEST_CASE("names that lead out of the directory are no archive names") {
  for (const char* name : {"keystore", "store/000012.sst", "store/MANIFEST-000011"})
    CHECK(is_archive_name(name));
  for (const char* name :
       {"", "/etc/passwd", "..", "../x", "store/..", "store/../x", "a/b/c", "store/", ".x", "a\\b", "a b"})
    CHECK_FALSE(is_archive_name(name));
}

TEST_CASE("a backup key lies in its own file, and its recipient text is checked") {
  tests::TempDir dir;
  const SecretBytes passphrase(as_view("correct horse"));
  const std::string path = dir.path() + "/backup.key";
  const auto made = make_backup_key(path, passphrase, crypto::kArgon2Least);
  REQUIRE(made);
  CHECK(read_backup_key(path, passphrase).value().public_key() == *made);
  CHECK(read_backup_key(path, SecretBytes(as_view("wrong"))).error().rule == "keyfile/passphrase");
  CHECK(make_backup_key(path, passphrase, crypto::kArgon2Least).error().rule == "file/exists");
  const std::string text = format_recipient(*made);
  CHECK(parse_recipient(text).value() == *made);
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string altered = text;
    altered[at] = altered[at] == 'a' ? 'b' : 'a';
    CHECK_FALSE(parse_recipient(altered));
  }
}
