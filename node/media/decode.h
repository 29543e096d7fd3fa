#pragma once
// Images to rows of RGB: JPEG (libjpeg-turbo), PNG (libpng), WebP (libwebp), chosen by their first bytes.
//
// The input is hostile. Only the sandboxed worker (image_worker_main.cc) and tests call this: the libraries
// are large, written in C, and have had their overflows. Guarantee: dimensions are checked before anything is
// allocated for pixels; no library error leaves as a jump or an exit; memory is one row, except for
// interlaced PNG and WebP (three bytes a pixel).
//
// What is hashed is what viewers show of a damaged file: rows that were read before the damage count, and the
// image is marked incomplete; with less than half of its rows it is refused. Cutting a few bytes off must not
// hide an image. EXIF orientation is ignored, as the reference hashers do: lists were made that way, and
// rotated copies are a matter for rotated hashes, not for metadata anybody can edit. Colour profiles and
// alpha are ignored likewise. An animation gives its first frame. Errors: kInvalidArgument, rule
// "media/format" (no image, or damaged) or "media/dimensions" (beyond the limits). Concurrency: pure
// functions.

#include <cstdint>
#include <functional>
#include <span>

#include "crypto/base/bytes.h"
#include "crypto/base/result.h"
#include "node/media/image_hash.h"

namespace tocsin::node {

struct ImageLimits {
  std::uint32_t side_pixels_max = 65'500;     // libjpeg's own limit
  std::uint64_t pixels_max = 64'000'000;      // 192 MB of RGB, where a whole image must be held
  std::uint32_t progressive_scans_max = 100;  // each scan of a progressive JPEG touches every pixel again
};

// Where pixels go: `begin` once, then `row` for each row from the top, 3·width bytes valid during the call.
struct RgbRows {
  std::function<void(std::uint32_t width, std::uint32_t height)> begin;
  std::function<void(std::span<const std::uint8_t> rgb)> row;
};

Result<DecodedImage> decode_image(ByteView file, const ImageLimits& limits, const RgbRows& rows);

// The PDQ hash of an image file.
Result<ImageHash> hash_image(ByteView file, const ImageLimits& limits = {});

// One decoder each; decode_image chooses. The file begins with the format's magic.
Result<DecodedImage> decode_jpeg(ByteView file, const ImageLimits& limits, const RgbRows& rows);
Result<DecodedImage> decode_png(ByteView file, const ImageLimits& limits, const RgbRows& rows);
Result<DecodedImage> decode_webp(ByteView file, const ImageLimits& limits, const RgbRows& rows);

// Refuses an image without pixels or with more than the limits allow.
Status check_dimensions(std::uint64_t width, std::uint64_t height, const ImageLimits& limits);

}  // namespace tocsin::node
