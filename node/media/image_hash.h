#pragma once
// ImageHash: the PDQ hash of an image file, and the two frames in which a request for one crosses to the
// worker.
//
// Nothing here looks into an image: the daemon links this and no image library. decode_answer reads what the
// worker wrote, and trusts it no more than the file: a subverted decoder can lie about its image, and nothing
// else. Request: `u32 length ‖ file`. Answer: `u8 kind ‖ u16 length ‖ body`; kind 1: `u8 format ‖ u8 complete
// ‖ u8 quality ‖ u32 width ‖ u32 height ‖ pdq[32]`; kind 2: the reason, at most 512 bytes of printable ASCII.
// Integers are big-endian. Errors: kDataLoss, rule "media/worker", for an answer that is none. Concurrency:
// pure functions.

#include <cstdint>
#include <optional>
#include <string_view>

#include "crypto/base/bytes.h"
#include "crypto/base/result.h"
#include "protocol/signal/pdq.h"

namespace tocsin::node {

enum class ImageFormat : std::uint8_t { kJpeg = 1, kPng = 2, kWebp = 3 };

std::string_view image_format_name(ImageFormat format);

// By magic bytes alone; names and declared types are the uploader's claims.
std::optional<ImageFormat> sniff_image(ByteView file);

struct DecodedImage {
  ImageFormat format;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool complete = false;  // false when the file is damaged and some of its pixels are missing or guessed
};

struct ImageHash {
  DecodedImage image;
  protocol::PdqHash pdq;
  unsigned quality = 0;  // 0..100
};

// Larger files get no image hash; their digests are taken all the same.
inline constexpr std::size_t kImageBytesMax = 64 << 20;
inline constexpr std::size_t kRequestHeaderBytes = 4;
inline constexpr std::size_t kAnswerHeaderBytes = 3;
inline constexpr std::size_t kAnswerBodyBytesMax = 512;

Bytes encode_answer(const Result<ImageHash>& hash);
// The body's length, from the header; kDataLoss when beyond the limit or of an unknown kind.
Result<std::size_t> answer_body_bytes(ByteView header);
// Header and body together. The worker's own refusal comes back as kInvalidArgument, rule "media/format".
Result<ImageHash> decode_answer(ByteView answer);

}  // namespace tocsin::node
