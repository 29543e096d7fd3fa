#include "node/files/private_file.h"

#include <sys/stat.h>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace tocsin;
using namespace tocsin::node;
using tocsin::tests::TempDir;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

std::string text_of(const Result<SecretBytes>& read) {
  return read ? to_string(read->expose()) : read.error().rule;
}

}  // namespace

TEST_CASE("a private file comes back as written, with mode 0600, and leaves no temporary file") {
  TempDir dir;
  const std::string path = dir.file("secret");
  REQUIRE(write_private_file(path, as_view("first")));
  REQUIRE(write_private_file(path, as_view("second")));
  CHECK(text_of(read_private_file(path, 100)) == "second");
  CHECK(mode_of(path) == 0600);
  CHECK(access((path + ".new").c_str(), F_OK) != 0);
}

TEST_CASE("a temporary file left by a killed writer does not stand in the way") {
  TempDir dir;
  dir.write("secret.new", "half");
  REQUIRE(write_private_file(dir.file("secret"), as_view("whole")));
  CHECK(text_of(read_private_file(dir.file("secret"), 100)) == "whole");
}

TEST_CASE("a file is not replaced when that was not asked for") {
  TempDir dir;
  REQUIRE(write_private_file(dir.file("secret"), as_view("old"), false));
  CHECK(write_private_file(dir.file("secret"), as_view("new"), false).error().code == Code::kAlreadyExists);
  CHECK(dir.read("secret") == "old");
}

TEST_CASE(
    "files that others may use, that are missing, too large or no files are refused, each for its reason") {
  TempDir dir;
  const std::string path = dir.write("wide", "x");
  chmod(path.c_str(), 0640);
  const auto wide = read_private_file(path, 100);
  CHECK(wide.error().code == Code::kPermissionDenied);
  CHECK(wide.error().fix == "chmod 600 " + path);
  chmod(path.c_str(), 0600);
  CHECK(text_of(read_private_file(path, 0)) == "file/size");
  CHECK(text_of(read_private_file(dir.file("none"), 100)) == "file/missing");
  CHECK(text_of(read_private_file(dir.path(), 100)) == "file/kind");
}

TEST_CASE("a passphrase is the first line of its file") {
  TempDir dir;
  const auto passphrase = [&](const std::string& text) {
    REQUIRE(write_private_file(dir.file("p"), as_view(text)));
    return text_of(read_passphrase_file(dir.file("p")));
  };
  CHECK(passphrase("open sesame\nsecond line\n") == "open sesame");
  CHECK(passphrase("open sesame") == "open sesame");
  CHECK(passphrase(" spaced \r\n") == " spaced ");
  CHECK(passphrase("\n") == "file/empty");
  CHECK(passphrase("") == "file/empty");
}

TEST_CASE("a private directory is made or an empty one taken, and one in use is left alone") {
  TempDir dir;
  REQUIRE(make_private_directory(dir.file("fresh")));
  CHECK(mode_of(dir.file("fresh")) == 0700);
  mkdir(dir.file("empty").c_str(), 0755);
  REQUIRE(make_private_directory(dir.file("empty")));
  CHECK(mode_of(dir.file("empty")) == 0700);
  mkdir(dir.file("used").c_str(), 0755);
  dir.write("used/file", "kept");
  const auto refused = make_private_directory(dir.file("used"));
  CHECK(refused.error().rule == "directory/not-empty");
  CHECK(mode_of(dir.file("used")) == 0755);
  CHECK(dir.read("used/file") == "kept");
  CHECK(make_private_directory(dir.file("no/parent")).error().code == Code::kNotFound);
}
