#include "node/media/decode.h"

#include <cstdlib>
#include <map>
#include <random>
#include <sstream>

#include "protocol/signal/pdq.h"
#include "tests/node/media/pictures.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace tocsin;
using namespace tocsin::node;
using namespace tocsin::test;

namespace {

struct Pixels {
  Result<DecodedImage> image;
  Bytes rgb;
};

Pixels decode(ByteView file, const ImageLimits& limits = {}) {
  Bytes rgb;
  auto image = decode_image(
      file, limits,
      {[](std::uint32_t, std::uint32_t) {}, [&](std::span<const std::uint8_t> row) { append(rgb, row); }});
  return {std::move(image), std::move(rgb)};
}

struct Reference {
  std::string name;
  Bytes file;
  protocol::PdqHash reduced;  // by the C++ tool, which first reduces what is over 512 pixels a side
  protocol::PdqHash whole;    // at full resolution, by another implementation (tests/vectors/README.md)
};

std::map<std::string, protocol::PdqHash> hashes_by_name(const std::string& csv) {
  std::map<std::string, protocol::PdqHash> all;
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    const std::string name = line.substr(0, line.find(','));
    all.emplace(name, protocol::pdq_from_hex(line.substr(name.size() + 1, 64)).value());
  }
  REQUIRE(all.size() == 12);
  return all;
}

// Twelve, or none where the official vectors are not there.
std::vector<Reference> references() {
  std::vector<Reference> all;
  const auto list = shared_file("pdq/bridge-mods/expected.csv");
  if (!list) return all;
  const auto whole = hashes_by_name(own_file("pdq/full_resolution.csv"));
  for (const auto& [name, reduced] : hashes_by_name(*list))
    all.push_back(
        {name, to_bytes(as_view(shared_file("pdq/bridge-mods/" + name).value())), reduced, whole.at(name)});
  return all;
}

Bytes nearest_512(const Bytes& rgb, std::size_t width, std::size_t height) {
  Bytes out;
  for (std::size_t y = 0; y < 512; ++y)
    for (std::size_t x = 0; x < 512; ++x) {
      const std::uint8_t* p = rgb.data() + 3 * (y * height / 512 * width + x * width / 512);
      out.insert(out.end(), p, p + 3);
    }
  return out;
}

double mean_difference(ByteView a, ByteView b) {
  if (a.size() != b.size() || a.empty()) return 1000;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(int{a[i]} - int{b[i]});
  return sum / static_cast<double>(a.size());
}

Bytes grey_of(const Bytes& rgb) {
  Bytes out;
  for (std::size_t i = 0; i < rgb.size(); i += 3)
    out.insert(out.end(), 3, static_cast<std::uint8_t>((rgb[i] + rgb[i + 1] + rgb[i + 2]) / 3));
  return out;
}

// Every file that the formats' tests start from.
std::vector<Bytes> one_of_each() {
  const Bytes rgb = picture_rgb(90, 70);
  return {jpeg_of(rgb, 90, 70),
          jpeg_of(rgb, 90, 70, JpegKind::kProgressive),
          jpeg_of(rgb, 90, 70, JpegKind::kInk),
          png_of(rgb, 90, 70),
          png_of(rgb, 90, 70, PngKind::kInterlaced),
          png_of(rgb, 90, 70, PngKind::kAlpha16),
          webp_of(rgb, 90, 70),
          webp_animation_of(rgb, 90, 70)};
}

}  // namespace

// The published list of these photographs was made by a tool that first reduces every image over 512 pixels a
// side to 512x512 by taking nearest pixels. We hash at full resolution, as the other reference
// implementations do, so that list is only near; the hashes of another full-resolution implementation are met
// exactly.
TEST_CASE("the twelve reference photographs hash at full resolution exactly as another implementation says") {
  for (const Reference& reference : references()) {
    INFO(reference.name);
    const auto hash = hash_image(reference.file);
    REQUIRE(hash);
    INFO(protocol::pdq_to_hex(hash->pdq));
    CHECK(hash->quality >= 80);
    CHECK(hash->image.complete);
    CHECK(protocol::pdq_distance(hash->pdq, reference.whole) == 0);
    CHECK(protocol::pdq_distance(hash->pdq, reference.reduced) <= 10);
  }
}

TEST_CASE("reduced as the reference tool reduces them, the twelve photographs hash to its hashes") {
  for (const Reference& reference : references()) {
    INFO(reference.name);
    const Pixels pixels = decode(reference.file);
    REQUIRE(pixels.image);
    const auto [format, width, height, complete] = *pixels.image;
    const bool large = width > 512 || height > 512;
    const Bytes reduced = large ? nearest_512(pixels.rgb, width, height) : pixels.rgb;
    const auto hash = protocol::pdq_of_rgb(reduced, large ? 512 : width, large ? 512 : height);
    REQUIRE(hash);
    // One coefficient of this image lies so near the median that JPEG decoders disagree about it.
    const unsigned allowed = reference.name == "sharpen-a-lot.jpg" ? 2 : 0;
    CHECK(protocol::pdq_distance(hash->hash, reference.reduced) <= allowed);
  }
}

TEST_CASE("each lossless encoding gives back the pixels") {
  const Bytes rgb = picture_rgb(61, 43);
  CHECK(decode(png_of(rgb, 61, 43)).rgb == rgb);
  CHECK(decode(png_of(rgb, 61, 43, PngKind::kInterlaced)).rgb == rgb);
  CHECK(decode(png_of(rgb, 61, 43, PngKind::kAlpha16)).rgb == rgb);
  CHECK(decode(png_of(rgb, 61, 43, PngKind::kGrey)).rgb == grey_of(rgb));
  CHECK(decode(webp_of(rgb, 61, 43)).rgb == rgb);
  CHECK(decode(webp_animation_of(rgb, 61, 43)).rgb == rgb);
}

TEST_CASE("each kind of JPEG gives nearly the pixels back") {
  const Bytes rgb = picture_rgb(160, 120);
  for (const JpegKind kind : {JpegKind::kBaseline, JpegKind::kProgressive, JpegKind::kInk})
    CHECK(mean_difference(decode(jpeg_of(rgb, 160, 120, kind)).rgb, rgb) < 6);
  CHECK(mean_difference(decode(jpeg_of(rgb, 160, 120, JpegKind::kGrey)).rgb, grey_of(rgb)) < 6);
}

TEST_CASE("an image is told by its first bytes and nothing else") {
  const auto files = one_of_each();
  CHECK(sniff_image(files[0]) == ImageFormat::kJpeg);
  CHECK(sniff_image(files[3]) == ImageFormat::kPng);
  CHECK(sniff_image(files[6]) == ImageFormat::kWebp);
  CHECK_FALSE(sniff_image({}));
  CHECK_FALSE(sniff_image(as_view("GIF89a")));
  CHECK_FALSE(sniff_image(as_view("RIFF1234WAVE")));
  CHECK(decode(as_view("GIF89a")).image.error().rule == "media/format");
}

TEST_CASE("an image that claims too many pixels is refused before memory is taken") {
  for (const auto& [width, height] : {std::pair{60000U, 60000U}, std::pair{0x7fffffffU, 1U},
                                      std::pair{65500U, 65500U}, std::pair{8001U, 8000U}}) {
    const auto image = decode(png_claiming(width, height)).image;
    REQUIRE_FALSE(image);
    CHECK(image.error().rule == "media/dimensions");
  }
  const ImageLimits small{1000, 2000, 100};
  for (const Bytes& file : one_of_each()) CHECK(decode(file, small).image.error().rule == "media/dimensions");
  CHECK(decode(png_claiming(0, 5)).image.error().rule == "media/format");
  CHECK(decode(png_claiming(8000, 8000)).image.error().rule == "media/format");
}

TEST_CASE("a progressive JPEG of endless scans is given up") {
  CHECK(decode(jpeg_with_scans(50)).image);
  const auto image = decode(jpeg_with_scans(5000)).image;
  REQUIRE_FALSE(image);
  CHECK(image.error().message.find("scans") != std::string::npos);
}

TEST_CASE("cutting a two-hundredth off the end of an image does not hide it") {
  const Bytes rgb = picture_rgb(200, 200);
  for (const Bytes& file : {jpeg_of(rgb, 200, 200), png_of(rgb, 200, 200)}) {
    const auto whole = hash_image(file),
               cut = hash_image(ByteView(file).first(file.size() - file.size() / 200));
    REQUIRE(whole);
    REQUIRE(cut);
    CHECK(whole->image.complete);
    CHECK_FALSE(cut->image.complete);
    CHECK(protocol::pdq_distance(cut->pdq, whole->pdq) <= 31);
  }
}

TEST_CASE("an image cut anywhere is refused or hashed, and its digest is never confused with completeness") {
  for (const Bytes& file : one_of_each())
    for (std::size_t size = 0; size < file.size(); size += 1 + file.size() / 97) {
      const auto image = decode(ByteView(file).first(size)).image;
      if (image) CHECK((!image->complete || size + 64 > file.size()));
    }
}

TEST_CASE("damaged images of every format never do more than fail") {
  std::mt19937 random(3);
  for (const Bytes& file : one_of_each())
    for (int i = 0; i < 150; ++i) {
      Bytes damaged = file;
      for (std::size_t n = 1 + random() % 8; n > 0; --n)
        damaged[12 + random() % (damaged.size() - 12)] = static_cast<std::uint8_t>(random());
      const ImageLimits limits{4000, 1'000'000, 100};
      const Pixels pixels = decode(damaged, limits);
      if (pixels.image)
        REQUIRE(pixels.rgb.size() <= std::size_t{3} * pixels.image->width * pixels.image->height);
    }
}
