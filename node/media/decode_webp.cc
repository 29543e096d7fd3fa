#include <memory>
#include <vector>

#include <webp/decode.h>
#include <webp/demux.h>

#include "node/media/decode.h"

namespace tocsin::node {
namespace {

tl::unexpected<Error> damaged(std::string_view reason) {
  return fail(Code::kInvalidArgument, "damaged WebP: " + std::string(reason), "media/format");
}

// The first frame of an animation, as a still image's bitstream inside `file`.
Result<ByteView> first_frame(ByteView file) {
  const WebPData data{file.data(), file.size()};
  const std::unique_ptr<WebPDemuxer, void (*)(WebPDemuxer*)> demuxer(WebPDemux(&data), WebPDemuxDelete);
  WebPIterator frame;
  if (demuxer == nullptr || WebPDemuxGetFrame(demuxer.get(), 1, &frame) == 0)
    return damaged("no first frame");
  const ByteView bytes(frame.fragment.bytes, frame.fragment.size);
  WebPDemuxReleaseIterator(&frame);
  return bytes;
}

}  // namespace

Result<DecodedImage> decode_webp(ByteView file, const ImageLimits& limits, const RgbRows& rows) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(file.data(), file.size(), &features) != VP8_STATUS_OK)
    return damaged("its header does not parse");
  if (features.has_animation != 0) {
    TRY_ASSIGN(file, first_frame(file));
    if (WebPGetFeatures(file.data(), file.size(), &features) != VP8_STATUS_OK || features.has_animation != 0)
      return damaged("its first frame does not parse");
  }
  if (features.width <= 0 || features.height <= 0) return damaged("it has no pixels");
  const auto width = static_cast<std::uint32_t>(features.width),
             height = static_cast<std::uint32_t>(features.height);
  TRY(check_dimensions(width, height, limits));
  const std::size_t stride = std::size_t{3} * width;
  std::vector<std::uint8_t> pixels(stride * height);
  if (WebPDecodeRGBInto(file.data(), file.size(), pixels.data(), pixels.size(), static_cast<int>(stride)) ==
      nullptr)
    return damaged("its pixels do not decode");
  rows.begin(width, height);
  for (std::uint32_t y = 0; y < height; ++y) rows.row({pixels.data() + y * stride, stride});
  return DecodedImage{ImageFormat::kWebp, width, height, true};
}

}  // namespace tocsin::node
