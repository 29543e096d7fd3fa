#include "node/media/media_hasher.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "node/media/decode.h"
#include "tests/node/media/pictures.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;
using namespace tocsin::test;

namespace {

std::unique_ptr<MediaHasher> hasher(MediaHasherOptions options = {}) {
  if (options.worker.empty()) options.worker = TOCSIN_MEDIA_WORKER;
  return MediaHasher::make(std::move(options)).value();
}

std::unique_ptr<MediaHasher> rogue(std::uint32_t deadline_ms = 10'000) {
  return hasher({.worker = TOCSIN_ROGUE_WORKER, .deadline_ms = deadline_ms});
}

Bytes order(std::string_view what) {
  return to_bytes(as_view("\xff\xd8\xff" + std::string(what)));
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

class TempFile {
 public:
  explicit TempFile(ByteView bytes) {
    path_ = std::filesystem::temp_directory_path() / "tocsin-media-XXXXXX";
    const int fd = mkstemp(path_.data());
    close(fd);
    std::ofstream(path_, std::ios::binary) << as_text(bytes);
  }
  ~TempFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("an image gets digests and the hash that the decoder gives") {
  const auto media = hasher();
  const Bytes rgb = picture_rgb(320, 240);
  for (const Bytes& file : {jpeg_of(rgb, 320, 240), png_of(rgb, 320, 240), webp_of(rgb, 320, 240)}) {
    const auto hashes = media->hash(file);
    REQUIRE(hashes);
    REQUIRE(hashes->image);
    CHECK(hashes->image_error.empty());
    CHECK(hashes->image->pdq == hash_image(file)->pdq);
    CHECK(hashes->image->image.width == 320);
    CHECK(hashes->image->image.complete);
    CHECK(hashes->digests.sha256 == digests_of(file).sha256);
  }
}

TEST_CASE("a file that is no image gets digests only, and no worker is asked") {
  const auto media = rogue(1);
  for (const std::string_view text : {std::string_view("hello"), std::string_view()}) {
    const auto hashes = media->hash(as_view(text));
    REQUIRE(hashes);
    CHECK_FALSE(hashes->image);
    CHECK(hashes->image_error.empty());
  }
}

TEST_CASE("a bomb, a truncated and a damaged image are refused in words and the worker lives on") {
  const auto media = hasher();
  const Bytes good = png_of(picture_rgb(64, 64), 64, 64);
  for (const Bytes& bad : {png_claiming(60'000, 60'000), png_claiming(8'000, 8'000), jpeg_with_scans(5'000),
                           to_bytes(ByteView(good).first(40)), order("nonsense")}) {
    const auto hashes = media->hash(bad);
    REQUIRE(hashes);
    CHECK_FALSE(hashes->image);
    CHECK_FALSE(hashes->image_error.empty());
    CHECK(hashes->digests.md5 == digests_of(bad).md5);
    CHECK(media->hash(good)->image);
  }
}

TEST_CASE("a decoder that crashes, leaves, lies or babbles costs one image hash and nothing else") {
  const auto media = rogue();
  for (const auto* what : {"crash", "leave", "garbage", "lie and garbage", "flood"}) {
    INFO(what);
    const auto hashes = media->hash(order(what == std::string_view("lie and garbage") ? "garbage" : what));
    REQUIRE(hashes);
    CHECK_FALSE(hashes->image);
    CHECK_FALSE(hashes->image_error.empty());
    const auto next = media->hash(order("answer"));
    REQUIRE(next);
    CHECK(next->image);
  }
  CHECK(media->hash(order("crash"))->image_error.find("signal 11") != std::string::npos);
  CHECK(media->hash(order("leave"))->image_error.find("status 9") != std::string::npos);
}

TEST_CASE("a decoder that hangs or stops halfway is killed at the deadline") {
  const auto media = rogue(100);
  for (const auto* what : {"hang", "stop halfway", "lie"}) {
    INFO(what);
    const auto hashes = media->hash(order(what));
    REQUIRE(hashes);
    CHECK(hashes->image_error.find("too long") != std::string::npos);
  }
}

TEST_CASE("a worker that died while idle is replaced without losing the next image") {
  const auto media = rogue();
  for (int i = 0; i < 5; ++i) CHECK(media->hash(order("answer and die"))->image);
}

TEST_CASE("a worker is replaced after its share of requests") {
  const auto media = hasher({.worker = TOCSIN_MEDIA_WORKER, .requests_per_worker_max = 2});
  const Bytes file = png_of(picture_rgb(16, 16), 16, 16);
  for (int i = 0; i < 7; ++i) CHECK(media->hash(file)->image);
}

TEST_CASE("crashing workers leave neither descriptors nor processes behind") {
  const auto before = open_descriptors();
  {
    const auto media = rogue();
    for (int i = 0; i < 20; ++i) CHECK_FALSE(media->hash(order("crash"))->image);
  }
  CHECK(open_descriptors() == before);
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
}

TEST_CASE("many threads may hash at once") {
  const auto media = hasher();
  const Bytes a = png_of(picture_rgb(64, 64, 1), 64, 64), b = png_of(picture_rgb(64, 64, 2), 64, 64);
  const auto expect_a = hash_image(a)->pdq, expect_b = hash_image(b)->pdq;
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const auto hashes = media->hash(t % 2 == 0 ? a : b);
        if (hashes && hashes->image && hashes->image->pdq == (t % 2 == 0 ? expect_a : expect_b)) ++right;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == 40);
}

TEST_CASE("a missing decoder is said at the start, with what to do") {
  const auto media = MediaHasher::make({.worker = "/nonexistent/tocsin-media"});
  REQUIRE_FALSE(media);
  CHECK(media.error().code == Code::kFailedPrecondition);
  CHECK(media.error().rule == "media/worker-missing");
  CHECK_FALSE(media.error().fix.empty());
  CHECK(MediaHasher::default_worker().ends_with("/tocsin-media"));
}

TEST_CASE("a file on disk gets the hashes of its bytes") {
  const auto media = hasher();
  const Bytes file = jpeg_of(picture_rgb(1200, 900), 1200, 900);
  const TempFile on_disk(file);
  const auto from_disk = media->hash_file(on_disk.path());
  REQUIRE(from_disk);
  CHECK(from_disk->digests.sha256 == digests_of(file).sha256);
  CHECK(from_disk->image->pdq == hash_image(file)->pdq);
  CHECK(media->hash_file("/nonexistent").error().code == Code::kNotFound);
  CHECK(media->hash_file("/").error().rule == "media/file");
  CHECK(media->hash_file("/dev/zero").error().rule == "media/file");
}

TEST_CASE("an image file beyond the size limit keeps its digests") {
  Bytes big = order("");
  big.resize(kImageBytesMax + 1);
  const auto hashes = hasher()->hash(big);
  REQUIRE(hashes);
  CHECK(hashes->image_error.find("64 MiB") != std::string::npos);
  CHECK(hashes->digests.sha256 == digests_of(big).sha256);
}
