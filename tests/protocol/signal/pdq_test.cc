#include "protocol/signal/pdq.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::protocol;

namespace {

// The published algorithm as it is written: two box passes per axis over the whole image, then decimation.
struct Plain {
  std::size_t rows, columns;
  std::vector<double> luma;
};

std::vector<double> box(const std::vector<double>& in, std::size_t window) {
  const std::size_t half = (window + 2) / 2, n = in.size();
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t first = i + half >= window ? i + half - window : 0;
    const std::size_t last = std::min(n - 1, i + half - 1);
    double sum = 0;
    for (std::size_t k = first; k <= last; ++k) sum += in[k];
    out[i] = sum / static_cast<double>(last - first + 1);
  }
  return out;
}

void box_both(Plain& image) {
  std::vector<double> line(image.columns);
  for (std::size_t y = 0; y < image.rows; ++y) {
    std::copy_n(image.luma.begin() + static_cast<std::ptrdiff_t>(y * image.columns), image.columns,
                line.begin());
    line = box(line, (image.columns + 127) / 128);
    std::copy(line.begin(), line.end(), image.luma.begin() + static_cast<std::ptrdiff_t>(y * image.columns));
  }
  std::vector<double> column(image.rows);
  for (std::size_t x = 0; x < image.columns; ++x) {
    for (std::size_t y = 0; y < image.rows; ++y) column[y] = image.luma[y * image.columns + x];
    column = box(column, (image.rows + 127) / 128);
    for (std::size_t y = 0; y < image.rows; ++y) image.luma[y * image.columns + x] = column[y];
  }
}

PdqHash plain_hash(Plain image) {
  box_both(image);
  box_both(image);
  double block[64][64];
  for (std::size_t i = 0; i < 64; ++i)
    for (std::size_t j = 0; j < 64; ++j)
      block[i][j] =
          image.luma[(2 * i + 1) * image.rows / 128 * image.columns + (2 * j + 1) * image.columns / 128];
  std::vector<double> spectrum;
  for (int u = 1; u <= 16; ++u)
    for (int v = 1; v <= 16; ++v) {
      double sum = 0;
      for (int i = 0; i < 64; ++i)
        for (int j = 0; j < 64; ++j)
          sum +=
              block[i][j] * std::cos(M_PI * u * (2 * i + 1) / 128) * std::cos(M_PI * v * (2 * j + 1) / 128);
      spectrum.push_back(sum);
    }
  std::vector<double> sorted = spectrum;
  std::sort(sorted.begin(), sorted.end());
  PdqHash hash;
  for (std::size_t k = 0; k < 256; ++k)
    if (spectrum[k] > sorted[127])
      hash.bytes[31 - k / 8] = static_cast<std::uint8_t>(hash.bytes[31 - k / 8] | 1U << k % 8);
  return hash;
}

// Smooth waves and edges, as photographs have them.
Bytes picture(std::uint32_t width, std::uint32_t height, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  double wave[6][4];
  for (auto& w : wave)
    for (double& v : w) v = unit(random);
  Bytes rgb;
  for (std::uint32_t y = 0; y < height; ++y)
    for (std::uint32_t x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) {
        double value = x * 3 > y * 2 + width / 4 ? 90 : 140;
        for (const auto& w : wave)
          value += 18 * std::sin(20 * w[0] * x / width + 20 * w[1] * y / height + 6 * w[2] + c * w[3]);
        rgb.push_back(static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0)));
      }
  return rgb;
}

Plain luma_of(const Bytes& rgb, std::uint32_t width, std::uint32_t height) {
  Plain image{height, width, {}};
  for (std::size_t i = 0; i < rgb.size(); i += 3)
    image.luma.push_back(0.299 * rgb[i] + 0.587 * rgb[i + 1] + 0.114 * rgb[i + 2]);
  return image;
}

}  // namespace

TEST_CASE("the banded filter gives the hash of the algorithm as published, at any size") {
  const std::pair<std::uint32_t, std::uint32_t> sizes[] = {
      {64, 64}, {5, 5}, {63, 65}, {128, 128}, {129, 127}, {200, 320}, {640, 480}, {37, 900}, {1025, 70}};
  unsigned seed = 0;
  for (const auto& [width, height] : sizes) {
    const Bytes rgb = picture(width, height, ++seed);
    const auto ours = pdq_of_rgb(rgb, width, height);
    REQUIRE(ours);
    INFO(width << "x" << height);
    // Single precision against double may flip a coefficient that sits on the median; two at most.
    CHECK(pdq_distance(ours->hash, plain_hash(luma_of(rgb, width, height))) <= 2);
  }
}

TEST_CASE("a brighter copy of an image stays near, another image does not") {
  const Bytes rgb = picture(300, 200, 5);
  Bytes brighter = rgb;
  for (auto& v : brighter) v = static_cast<std::uint8_t>(std::min(255, v + 20));
  const auto a = *pdq_of_rgb(rgb, 300, 200), b = *pdq_of_rgb(brighter, 300, 200);
  const auto c = *pdq_of_rgb(picture(300, 200, 6), 300, 200);
  CHECK(pdq_distance(a.hash, b.hash) <= 10);
  CHECK(pdq_distance(a.hash, c.hash) > 60);
  CHECK(pdq_bits_set(a.hash) == 128);
}

TEST_CASE("an image under five pixels has a zero hash of quality zero") {
  for (const auto& [width, height] : {std::pair{4U, 100U}, std::pair{100U, 4U}, std::pair{0U, 0U}}) {
    const auto result = pdq_of_rgb(picture(width, height, 1), width, height);
    REQUIRE(result);
    CHECK(result->hash == PdqHash{});
    CHECK(result->quality == 0);
  }
}

TEST_CASE("a flat image has quality zero, a busy one has full quality") {
  const Bytes flat(3 * 256 * 256, 128);
  CHECK(pdq_of_rgb(flat, 256, 256)->quality == 0);
  Bytes checks;
  for (unsigned y = 0; y < 256; ++y)
    for (unsigned x = 0; x < 256; ++x) checks.insert(checks.end(), 3, (x / 16 + y / 16) % 2 == 0 ? 0 : 255);
  CHECK(pdq_of_rgb(checks, 256, 256)->quality == 100);
}

TEST_CASE("pixel data of another size than the image is refused") {
  CHECK_FALSE(pdq_of_rgb(Bytes(299), 10, 10));
  CHECK_FALSE(pdq_of_rgb(Bytes(301), 10, 10));
  CHECK_FALSE(pdq_of_rgb(Bytes(1), 0, 0));
  CHECK_FALSE(pdq_of_rgb(Bytes(3), 0x55555556, 0));
}

TEST_CASE("an image cut short hashes as if the missing rows were black") {
  Bytes rgb = picture(100, 100, 9);
  PdqAccumulator accumulator(100, 100);
  for (std::size_t y = 0; y < 60; ++y) accumulator.add_rgb_row(std::span(rgb).subspan(y * 300, 300));
  std::fill(rgb.begin() + 60 * 300, rgb.end(), std::uint8_t{0});
  CHECK(accumulator.finish().hash == pdq_of_rgb(rgb, 100, 100)->hash);
}

TEST_CASE("rows past the height change nothing") {
  const Bytes rgb = picture(50, 50, 3);
  PdqAccumulator accumulator(50, 50);
  for (std::size_t y = 0; y < 80; ++y) accumulator.add_rgb_row(std::span(rgb).subspan(y % 50 * 150, 150));
  CHECK(accumulator.finish().hash == pdq_of_rgb(rgb, 50, 50)->hash);
}

TEST_CASE("a PDQ hash prints bit 255 first and reads back") {
  PdqHash hash;
  hash.bytes[0] = 0x80;
  hash.bytes[31] = 0x01;
  CHECK(pdq_to_hex(hash) == "8" + std::string(62, '0') + "1");
  CHECK(pdq_from_hex(pdq_to_hex(hash)).value() == hash);
  CHECK(pdq_bits_set(hash) == 2);
  CHECK(pdq_distance(hash, PdqHash{}) == 2);
  CHECK_FALSE(pdq_from_hex("xyz"));
}
