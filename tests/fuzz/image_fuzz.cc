#include "node/media/decode.h"
#include "tests/fuzz/target.h"

using namespace tocsin::node;

// JPEG, PNG and WebP by their first bytes, decoded and hashed as the worker does it, within limits that keep
// one input to milliseconds.
void tocsin::fuzz::fuzz_one(ByteView input) {
  constexpr ImageLimits kLimits{2'000, 1 << 18, 20};
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  std::uint64_t rows = 0;
  const auto image = decode_image(input, kLimits,
                                  {[&](std::uint32_t w, std::uint32_t h) {
                                     must(w >= 1 && h >= 1 && std::uint64_t{w} * h <= kLimits.pixels_max);
                                     width = w;
                                     height = h;
                                   },
                                   [&](std::span<const std::uint8_t> row) {
                                     must(row.size() == 3 * width);
                                     ++rows;
                                   }});
  must(rows <= height);
  if (!image) return;
  must(image->width == width && image->height == height && rows * 2 >= height);
  must(sniff_image(input) == image->format);
  const auto hash = hash_image(input, kLimits);
  if (hash) must(hash->quality <= 100 && hash->image.complete == image->complete);
}
