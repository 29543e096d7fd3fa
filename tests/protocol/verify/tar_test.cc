#include "protocol/verify/tar.h"

#include <algorithm>

#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

struct Named {
  std::string name;
  std::string content;
};

Bytes packed(const std::vector<Named>& files) {
  Bytes out;
  TarWriter tar([&](ByteView bytes) -> Status {
    append(out, bytes);
    return {};
  });
  for (const Named& file : files) REQUIRE(tar.add(file.name, as_view(file.content)));
  REQUIRE(tar.finish());
  return out;
}

// Overwrites header bytes and mends the sum, as a forger would.
Bytes patched(Bytes archive, std::size_t at, std::string_view with) {
  std::copy(with.begin(), with.end(), archive.begin() + static_cast<std::ptrdiff_t>(at));
  const std::size_t block = at / kTarBlockBytes * kTarBlockBytes;
  std::fill_n(archive.begin() + static_cast<std::ptrdiff_t>(block + 148), 8, std::uint8_t{' '});
  unsigned sum = 0;
  for (std::size_t i = 0; i < kTarBlockBytes; ++i) sum += archive[block + i];
  for (std::size_t i = 6; i-- > 0; sum >>= 3)
    archive[block + 148 + i] = static_cast<std::uint8_t>('0' + (sum & 7));
  archive[block + 154] = 0;
  return archive;
}

const std::vector<Named> kFiles = {{"a", ""}, {"b/c", std::string(512, 'x')}, {"b/d.p/7", "hello"}};

}  // namespace

TEST_CASE("an archive gives back its files in order") {
  const Bytes archive = packed(kFiles);
  CHECK(archive.size() == (3 + 1 + 1 + 2) * kTarBlockBytes);
  const auto files = read_tar(archive);
  REQUIRE(files);
  REQUIRE(files->size() == kFiles.size());
  for (std::size_t i = 0; i < kFiles.size(); ++i) {
    CHECK((*files)[i].name == kFiles[i].name);
    CHECK(as_text((*files)[i].content) == kFiles[i].content);
  }
  CHECK(read_tar(packed({}))->empty());
}

TEST_CASE("a writer takes no bad name and no name out of order") {
  TarWriter tar([](ByteView) -> Status { return {}; });
  CHECK(tar.add("b", {}));
  for (const char* name : {"a", "b", "", "/b", "../c", "c/../d", "c//d", "c/", "c/.", "c d", "c\xC3\xA9"})
    CHECK_FALSE(tar.add(name, {}));
  CHECK_FALSE(tar.add(std::string(kTarNameBytesMax + 1, 'c'), {}));
  CHECK(tar.add(std::string(kTarNameBytesMax, 'c'), {}));
}

TEST_CASE("an archive changed in any byte outside its contents is refused") {
  const Bytes archive = packed(kFiles);
  const auto files = *read_tar(archive);
  for (std::size_t at = 0; at < archive.size(); ++at) {
    const bool inside = std::any_of(files.begin(), files.end(), [&](const TarFile& file) {
      return archive.data() + at >= file.content.data() &&
             archive.data() + at < file.content.data() + file.content.size();
    });
    if (inside) continue;
    Bytes other = archive;
    other[at] ^= 0x01;
    const auto read = read_tar(other);
    // A name may turn into another legal one, but its sum no longer fits.
    CHECK_FALSE(read);
  }
}

TEST_CASE("a reader refuses what could leave the folder or is not a plain file") {
  const Bytes archive = packed(kFiles);
  using namespace std::string_view_literals;
  CHECK(read_tar(patched(archive, 0, "a")));
  CHECK_FALSE(read_tar(patched(archive, 0, "../../etc/passwd")));
  CHECK_FALSE(read_tar(patched(archive, 0, "/etc/passwd")));
  CHECK_FALSE(read_tar(patched(archive, 156, "2")));  // symbolic link
  CHECK_FALSE(read_tar(patched(archive, 156, "5")));  // folder
  CHECK_FALSE(read_tar(patched(archive, 156, "x")));  // extended header
  CHECK_FALSE(read_tar(patched(archive, 345, "prefix")));
  CHECK_FALSE(read_tar(patched(archive, 100, "0004755")));
  CHECK_FALSE(read_tar(patched(archive, 136, "00000000001")));
  CHECK_FALSE(read_tar(patched(archive, 124, "77777777777")));
  CHECK_FALSE(read_tar(patched(archive, 124, "\x80\0\0\0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"sv)));
  CHECK_FALSE(read_tar(patched(archive, 0, "b/c")));  // twice
  CHECK_FALSE(read_tar(patched(archive, 0, "z")));    // unsorted
}

TEST_CASE("a reader refuses an archive cut anywhere and one with more behind it") {
  const Bytes archive = packed(kFiles);
  for (std::size_t size = 0; size < archive.size(); size += 256)
    CHECK_FALSE(read_tar(ByteView(archive).first(size)));
  Bytes longer = archive;
  longer.resize(longer.size() + kTarBlockBytes);
  CHECK_FALSE(read_tar(longer));
}

}  // namespace tocsin::protocol
