#include "protocol/signal/pdq.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include "crypto/base/encoding.h"

namespace tocsin::protocol {
namespace {

constexpr std::size_t kBlock = 64;  // side of the decimated image
constexpr std::size_t kFrequencies = 16;
constexpr std::size_t kMedianRank = 127;  // the lower of the two middle values of 256

using Block = std::array<std::array<float, kBlock>, kBlock>;
using Spectrum = std::array<std::array<float, kFrequencies>, kFrequencies>;

// Input positions that one box pass averages around `centre`: an even window reaches one further right than
// left.
struct Window {
  std::uint32_t left;
  std::uint32_t right;
  std::uint32_t first(std::uint32_t centre) const { return centre > left ? centre - left : 0; }
  std::uint32_t last(std::uint32_t centre, std::uint32_t size) const {
    return right < size - 1 - centre ? centre + right : size - 1;
  }
};

// Half of a block per pass, so that two passes reach a whole block of the decimated image.
Window window_for(std::uint32_t size) {
  const std::uint64_t twice = 2 * kBlock;
  const auto full = static_cast<std::uint32_t>((size + twice - 1) / twice);
  const std::uint32_t half = (full + 2) / 2;
  return Window{full - half, half - 1};
}

// The loop that sees every byte of the image.
void add_weighted(float* __restrict out, std::span<const std::uint8_t> in, float weight) {
  const std::uint8_t* __restrict bytes = in.data();
  for (std::size_t i = 0; i < in.size(); ++i) out[i] += weight * static_cast<float>(bytes[i]);
}

// Cosines of frequencies 1..16 at the 64 sample centres; the constant term is left out on purpose.
const std::array<std::array<float, kBlock>, kFrequencies>& cosines() {
  static const auto table = [] {
    std::array<std::array<float, kBlock>, kFrequencies> t{};
    const auto scale = static_cast<float>(std::sqrt(2.0 / static_cast<double>(kBlock)));
    for (std::size_t i = 0; i < kFrequencies; ++i)
      for (std::size_t j = 0; j < kBlock; ++j) {
        const double angle = std::numbers::pi / 2.0 / static_cast<double>(kBlock) *
                             static_cast<double>(i + 1) * static_cast<double>(2 * j + 1);
        t[i][j] = static_cast<float>(static_cast<double>(scale) * std::cos(angle));
      }
    return t;
  }();
  return table;
}

Spectrum low_frequencies(const Block& block) {
  const auto& cosine = cosines();
  Spectrum spectrum{};
  std::array<std::array<float, kFrequencies>, kBlock> transposed{};
  for (std::size_t i = 0; i < kFrequencies; ++i)
    for (std::size_t k = 0; k < kBlock; ++k) transposed[k][i] = cosine[i][k];
  for (std::size_t i = 0; i < kFrequencies; ++i) {
    std::array<float, kBlock> row{};
    for (std::size_t k = 0; k < kBlock; ++k)
      for (std::size_t j = 0; j < kBlock; ++j) row[j] += cosine[i][k] * block[k][j];
    for (std::size_t k = 0; k < kBlock; ++k)
      for (std::size_t j = 0; j < kFrequencies; ++j) spectrum[i][j] += row[k] * transposed[k][j];
  }
  return spectrum;
}

unsigned step(float a, float b) {
  return static_cast<unsigned>(std::abs(static_cast<int>((a - b) * 100 / 255)));
}

// Sums gradients in whole per cents of the range, so that noise below one per cent counts for nothing.
unsigned quality_of(const Block& block) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i)
    for (std::size_t j = 0; j < kBlock; ++j) {
      if (i + 1 < kBlock) sum += step(block[i][j], block[i + 1][j]);
      if (j + 1 < kBlock) sum += step(block[i][j], block[i][j + 1]);
    }
  constexpr unsigned kScale = 90;  // the published normalisation
  return std::min(100U, sum / kScale);
}

PdqHash bits_of(const Spectrum& spectrum) {
  std::array<float, kFrequencies * kFrequencies> sorted;
  for (std::size_t i = 0; i < sorted.size(); ++i) sorted[i] = spectrum[i / kFrequencies][i % kFrequencies];
  std::nth_element(sorted.begin(), sorted.begin() + kMedianRank, sorted.end());
  const float median = sorted[kMedianRank];
  PdqHash hash;
  for (std::size_t i = 0; i < kPdqBits; ++i)
    if (spectrum[i / kFrequencies][i % kFrequencies] > median)
      hash.bytes[31 - i / 8] = static_cast<std::uint8_t>(hash.bytes[31 - i / 8] | 1U << (i % 8));
  return hash;
}

}  // namespace

unsigned pdq_distance(const PdqHash& a, const PdqHash& b) {
  std::array<std::uint64_t, 4> x, y;
  std::memcpy(x.data(), a.bytes.data(), sizeof x);
  std::memcpy(y.data(), b.bytes.data(), sizeof y);
  int bits = 0;
  for (std::size_t i = 0; i < x.size(); ++i) bits += std::popcount(x[i] ^ y[i]);
  return static_cast<unsigned>(bits);
}

unsigned pdq_bits_set(const PdqHash& hash) {
  return pdq_distance(hash, PdqHash{});
}

std::string pdq_to_hex(const PdqHash& hash) {
  return hex_encode(hash.bytes);
}

Result<PdqHash> pdq_from_hex(std::string_view text) {
  auto bytes = hex_decode(text);
  if (!bytes || bytes->size() != 32)
    return fail(Code::kInvalidArgument, "a PDQ hash is 64 hex digits", "signal/format");
  PdqHash hash;
  std::copy(bytes->begin(), bytes->end(), hash.bytes.begin());
  return hash;
}

std::vector<PdqAccumulator::Band> PdqAccumulator::bands(std::uint32_t size) {
  const Window window = window_for(size);
  std::vector<Band> all;
  std::vector<double> weights;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const auto centre = static_cast<std::uint32_t>((static_cast<double>(i) + 0.5) * size / kBlock);
    const std::uint32_t from = window.first(centre), to = window.last(centre, size);
    const std::uint32_t first = window.first(from), last = window.last(to, size);
    weights.assign(last - first + 1, 0.0);
    for (std::uint32_t j = from; j <= to; ++j) {
      const std::uint32_t inner_first = window.first(j), inner_last = window.last(j, size);
      const double share = 1.0 / (static_cast<double>(to - from + 1) * (inner_last - inner_first + 1));
      for (std::uint32_t k = inner_first; k <= inner_last; ++k) weights[k - first] += share;
    }
    Band band{first, std::vector<float>(weights.size())};
    std::transform(weights.begin(), weights.end(), band.weights.begin(),
                   [](double w) { return static_cast<float>(w); });
    all.push_back(std::move(band));
  }
  return all;
}

PdqAccumulator::PdqAccumulator(std::uint32_t width, std::uint32_t height) : width_(width), height_(height) {
  if (width_ < kPdqSidePixelsMin || height_ < kPdqSidePixelsMin) return;
  vertical_ = bands(height);
  filtered_.assign(kBlock * 3 * width, 0.0F);
}

// Filtering commutes with taking the luma, and bytes of three colours side by side suit vector instructions
// where pixels do not; so colour is kept until only 64 rows are left.
void PdqAccumulator::add_rgb_row(std::span<const std::uint8_t> rgb) {
  if (filtered_.empty() || row_ >= height_) return;
  CHECK_INVARIANT(rgb.size() == std::size_t{3} * width_);
  const std::uint32_t y = row_++;
  while (band_begin_ < kBlock && vertical_[band_begin_].first + vertical_[band_begin_].weights.size() <= y)
    ++band_begin_;
  for (std::size_t b = band_begin_; b < kBlock && vertical_[b].first <= y; ++b) {
    if (y - vertical_[b].first >= vertical_[b].weights.size()) continue;
    add_weighted(filtered_.data() + b * rgb.size(), rgb, vertical_[b].weights[y - vertical_[b].first]);
  }
}

PdqResult PdqAccumulator::finish() {
  if (filtered_.empty()) return {};
  const std::vector<Band> horizontal = bands(width_);
  std::vector<float> luma(width_);
  Block block{};
  for (std::size_t i = 0; i < kBlock; ++i) {
    const float* rgb = filtered_.data() + i * 3 * width_;
    for (std::size_t x = 0; x < width_; ++x)
      luma[x] = 0.299F * rgb[3 * x] + 0.587F * rgb[3 * x + 1] + 0.114F * rgb[3 * x + 2];
    for (std::size_t j = 0; j < kBlock; ++j) {
      const Band& band = horizontal[j];
      float sum = 0;
      for (std::size_t k = 0; k < band.weights.size(); ++k) sum += band.weights[k] * luma[band.first + k];
      block[i][j] = sum;
    }
  }
  return {bits_of(low_frequencies(block)), quality_of(block)};
}

Result<PdqResult> pdq_of_rgb(ByteView rgb, std::uint32_t width, std::uint32_t height) {
  const std::uint64_t stride = std::uint64_t{3} * width;
  if (height != 0 ? rgb.size() / height != stride || rgb.size() % height != 0 : !rgb.empty())
    return fail(Code::kInvalidArgument, "pixel data does not fit the image's width and height",
                "signal/format");
  PdqAccumulator accumulator(width, height);
  for (std::uint32_t y = 0; y < height; ++y) accumulator.add_rgb_row(rgb.subspan(y * stride, stride));
  return accumulator.finish();
}

}  // namespace tocsin::protocol
