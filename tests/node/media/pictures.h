#pragma once
// Image files for tests: a random picture in every encoding, and files that lie about themselves.

#include <cstdint>

#include "crypto/base/bytes.h"

namespace tocsin::test {

// Random shades, blended between 24 x 24 cells, so that every frequency has some weight as in a photograph;
// 3·width·height bytes, another seed is another picture.
Bytes picture_rgb(std::uint32_t width, std::uint32_t height, unsigned seed = 1);

enum class JpegKind { kBaseline, kProgressive, kGrey, kInk };
Bytes jpeg_of(ByteView rgb, std::uint32_t width, std::uint32_t height, JpegKind kind = JpegKind::kBaseline);
// A progressive JPEG whose first scan stands there `times` times.
Bytes jpeg_with_scans(unsigned times);

enum class PngKind { kRgb, kInterlaced, kAlpha16, kGrey };
Bytes png_of(ByteView rgb, std::uint32_t width, std::uint32_t height, PngKind kind = PngKind::kRgb);
// A few dozen bytes that claim these dimensions.
Bytes png_claiming(std::uint32_t width, std::uint32_t height);

Bytes webp_of(ByteView rgb, std::uint32_t width, std::uint32_t height);
Bytes webp_animation_of(ByteView rgb, std::uint32_t width, std::uint32_t height);

}  // namespace tocsin::test
