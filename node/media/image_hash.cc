#include "node/media/image_hash.h"

#include <algorithm>

#include "crypto/base/encoding.h"

namespace tocsin::node {
namespace {

constexpr std::uint8_t kKindImage = 1;
constexpr std::uint8_t kKindRefusal = 2;
constexpr std::size_t kImageBodyBytes = 3 + 4 + 4 + 32;

tl::unexpected<Error> no_answer() {
  return fail(Code::kDataLoss, "the image decoder's answer does not parse", "media/worker");
}

bool begins_with(ByteView file, std::string_view magic) {
  return file.size() >= magic.size() && equal(file.first(magic.size()), as_view(magic));
}

bool is_printable(std::uint8_t byte) {
  return byte >= 0x20 && byte < 0x7f;
}

Bytes frame(std::uint8_t kind, ByteView body) {
  Bytes out{kind};
  append_be(out, static_cast<std::uint16_t>(body.size()));
  append(out, body);
  return out;
}

}  // namespace

std::string_view image_format_name(ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg:
      return "JPEG";
    case ImageFormat::kPng:
      return "PNG";
    case ImageFormat::kWebp:
      return "WebP";
  }
  return "unknown";
}

std::optional<ImageFormat> sniff_image(ByteView file) {
  if (begins_with(file, "\xff\xd8\xff")) return ImageFormat::kJpeg;
  if (begins_with(file, "\x89PNG\r\n\x1a\n")) return ImageFormat::kPng;
  if (begins_with(file, "RIFF") && file.size() >= 12 && begins_with(file.subspan(8), "WEBP"))
    return ImageFormat::kWebp;
  return std::nullopt;
}

Bytes encode_answer(const Result<ImageHash>& hash) {
  if (!hash) {
    Bytes reason = to_bytes(
        as_view(hash.error().message).first(std::min(hash.error().message.size(), kAnswerBodyBytesMax)));
    std::replace_if(
        reason.begin(), reason.end(), [](std::uint8_t b) { return !is_printable(b); }, '?');
    return frame(kKindRefusal, reason);
  }
  Bytes body{static_cast<std::uint8_t>(hash->image.format),
             hash->image.complete ? std::uint8_t{1} : std::uint8_t{0},
             static_cast<std::uint8_t>(hash->quality)};
  append_be(body, hash->image.width);
  append_be(body, hash->image.height);
  append(body, hash->pdq.bytes);
  return frame(kKindImage, body);
}

Result<std::size_t> answer_body_bytes(ByteView header) {
  if (header.size() != kAnswerHeaderBytes) return no_answer();
  const std::size_t length = get_be<std::uint16_t>(header.data() + 1);
  if (header[0] == kKindImage && length == kImageBodyBytes) return length;
  if (header[0] == kKindRefusal && length <= kAnswerBodyBytesMax) return length;
  return no_answer();
}

Result<ImageHash> decode_answer(ByteView answer) {
  if (answer.size() < kAnswerHeaderBytes) return no_answer();
  TRY_ASSIGN(const std::size_t length, answer_body_bytes(answer.first(kAnswerHeaderBytes)));
  const ByteView body = answer.subspan(kAnswerHeaderBytes);
  if (body.size() != length) return no_answer();
  if (answer[0] == kKindRefusal) {
    if (!std::all_of(body.begin(), body.end(), is_printable)) return no_answer();
    return fail(Code::kInvalidArgument, to_string(body), "media/format");
  }
  if (body[0] < 1 || body[0] > 3 || body[1] > 1 || body[2] > 100) return no_answer();
  ImageHash hash{{static_cast<ImageFormat>(body[0]), get_be<std::uint32_t>(body.data() + 3),
                  get_be<std::uint32_t>(body.data() + 7), body[1] == 1},
                 {},
                 body[2]};
  std::copy(body.begin() + 11, body.end(), hash.pdq.bytes.begin());
  return hash;
}

}  // namespace tocsin::node
