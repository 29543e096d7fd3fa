#include "node/media/decode.h"

#include <optional>

namespace tocsin::node {

Status check_dimensions(std::uint64_t width, std::uint64_t height, const ImageLimits& limits) {
  if (width == 0 || height == 0)
    return fail(Code::kInvalidArgument, "the image has no pixels", "media/format");
  if (width <= limits.side_pixels_max && height <= limits.side_pixels_max &&
      width * height <= limits.pixels_max)
    return {};
  return fail(Code::kInvalidArgument,
              "the image claims " + std::to_string(width) + " x " + std::to_string(height) +
                  " pixels, the limit is " + std::to_string(limits.pixels_max) + " and " +
                  std::to_string(limits.side_pixels_max) + " on a side",
              "media/dimensions");
}

Result<DecodedImage> decode_image(ByteView file, const ImageLimits& limits, const RgbRows& rows) {
  switch (sniff_image(file).value_or(ImageFormat{0})) {
    case ImageFormat::kJpeg:
      return decode_jpeg(file, limits, rows);
    case ImageFormat::kPng:
      return decode_png(file, limits, rows);
    case ImageFormat::kWebp:
      return decode_webp(file, limits, rows);
  }
  return fail(Code::kInvalidArgument, "the file is neither JPEG, PNG nor WebP", "media/format");
}

Result<ImageHash> hash_image(ByteView file, const ImageLimits& limits) {
  std::optional<protocol::PdqAccumulator> accumulator;
  const RgbRows rows{
      [&](std::uint32_t width, std::uint32_t height) { accumulator.emplace(width, height); },
      [&](std::span<const std::uint8_t> rgb) { accumulator->add_rgb_row(rgb); },
  };
  TRY_ASSIGN(const DecodedImage image, decode_image(file, limits, rows));
  const protocol::PdqResult result = accumulator->finish();
  return ImageHash{image, result.hash, result.quality};
}

}  // namespace tocsin::node
