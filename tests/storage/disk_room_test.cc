#include "storage/disk_room.h"

#include <filesystem>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace tocsin;
using namespace tocsin::storage;
using tocsin::tests::TempDir;

namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kMoreThanAnyDisk = std::uint64_t{1} << 60;

}  // namespace

TEST_CASE("where there is room everything is admitted, and a file keeps an eighth of the reserve") {
  const TempDir dir;
  const auto room = DiskRoom::open(dir.path(), 8 * kMiB);
  CHECK(room->admit(false));
  CHECK(room->admit(true));
  CHECK(room->health());
  CHECK(std::filesystem::file_size(dir.file("reserve")) == kMiB);
  CHECK(DiskRoom::open(dir.path(), 16 * kMiB)->admit(false));
  CHECK(std::filesystem::file_size(dir.file("reserve")) == 2 * kMiB);
}

TEST_CASE("on a full disk only corrections are admitted, and the file makes room for them") {
  const TempDir dir;
  dir.write("reserve", std::string(100, 'x'));
  const auto room = DiskRoom::open(dir.path(), kMoreThanAnyDisk);
  CHECK_FALSE(std::filesystem::exists(dir.file("reserve")));
  const Status ordinary = room->admit(false);
  REQUIRE_FALSE(ordinary);
  CHECK(ordinary.error().code == Code::kResourceExhausted);
  CHECK(ordinary.error().rule == "storage/full");
  CHECK_FALSE(ordinary.error().fix.empty());
  CHECK(room->admit(true));
  CHECK(room->health().error().rule == "storage/full");
}

TEST_CASE("without a reserve nothing is watched") {
  const TempDir dir;
  const auto room = DiskRoom::open(dir.path(), 0);
  CHECK(room->admit(false));
  CHECK(room->health());
  CHECK(std::filesystem::is_empty(dir.path()));
}
