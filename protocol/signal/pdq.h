#pragma once
// PDQ: a 256-bit perceptual hash of a photograph. Near copies of an image lie within a small Hamming
// distance.
//
// The algorithm is the one published with ThreatExchange ("The TMK+PDQF and PDQ hashing algorithms", 2019):
// luma at full resolution, two box passes per axis, decimation to 64x64, the 16x16 lowest frequencies of its
// cosine transform without the constant row and column, one bit per coefficient above the median. The box
// passes and the decimation are one banded matrix per axis here, so a row of pixels is read once and the
// image is never held in memory.
//
// Text form: 64 lower-case hex digits; coefficient (row, column) is bit 16·row + column, and bit 255 prints
// first. Quality: 0..100, how much structure the image has; networks drop hashes below 50. Concurrency:
// values and pure functions; one PdqAccumulator belongs to one thread.

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "crypto/base/result.h"

namespace tocsin::protocol {

inline constexpr unsigned kPdqBits = 256;
// An image smaller than this on a side has no hash: zero bits and quality 0, as the reference answers.
inline constexpr std::uint32_t kPdqSidePixelsMin = 5;

struct PdqHash {
  FixedBytes<32> bytes = {};
  auto operator<=>(const PdqHash&) const = default;
};

unsigned pdq_distance(const PdqHash& a, const PdqHash& b);
unsigned pdq_bits_set(const PdqHash& hash);
std::string pdq_to_hex(const PdqHash& hash);
// Exactly 64 hex digits of either case; kInvalidArgument, rule "signal/format". Degenerate hashes pass: see
// indicator.h.
Result<PdqHash> pdq_from_hex(std::string_view text);

struct PdqResult {
  PdqHash hash;
  unsigned quality = 0;
};

// Takes an image row by row, top to bottom. Memory: 192 floats per column.
class PdqAccumulator {
 public:
  // Width and height in pixels; both may be anything, the caller has bounded them.
  PdqAccumulator(std::uint32_t width, std::uint32_t height);

  // One row of 8-bit RGB triples, 3·width bytes. Rows past the height are ignored.
  void add_rgb_row(std::span<const std::uint8_t> rgb);
  // The hash of the rows taken; rows that never came count as black.
  PdqResult finish();

 private:
  // What one of the 64 output positions of an axis averages: input positions first.. with these weights.
  struct Band {
    std::uint32_t first;
    std::vector<float> weights;
  };
  static std::vector<Band> bands(std::uint32_t size);

  std::uint32_t width_;
  std::uint32_t height_;
  std::uint32_t row_ = 0;
  std::size_t band_begin_ = 0;  // bands before this one are complete
  std::vector<Band> vertical_;
  std::vector<float> filtered_;  // 64 rows of 3·width_: filtered from top to bottom, still in colour
};

// A whole image of 8-bit RGB, 3·width·height bytes without padding. kInvalidArgument on another size.
Result<PdqResult> pdq_of_rgb(ByteView rgb, std::uint32_t width, std::uint32_t height);

}  // namespace tocsin::protocol
