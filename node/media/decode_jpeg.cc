#include <csetjmp>
#include <cstdio>
// jpeglib.h needs <cstdio> before it.
#include <vector>

#include <jerror.h>
#include <jpeglib.h>

#include "node/media/decode.h"

namespace tocsin::node {
namespace {

// Everything lives here, outside the frame that setjmp returns to, so that a jump skips no destructor.
struct JpegReader {
  jpeg_decompress_struct jpeg = {};
  jpeg_error_mgr errors = {};
  jpeg_progress_mgr progress = {};
  std::jmp_buf jump = {};
  char message[JMSG_LENGTH_MAX] = {};
  const ImageLimits* limits = nullptr;
  std::vector<std::uint8_t> line;  // as the library delivers it
  std::vector<std::uint8_t> rgb;   // only for four-colour images
  std::uint32_t rows_read = 0;
  bool created = false;

  ~JpegReader() {
    if (created) jpeg_destroy_decompress(&jpeg);
  }
};

JpegReader& reader_of(j_common_ptr jpeg) {
  return *static_cast<JpegReader*>(jpeg->client_data);
}

extern "C" {
static void jpeg_fail(j_common_ptr jpeg) {
  JpegReader& reader = reader_of(jpeg);
  reader.errors.format_message(jpeg, reader.message);
  std::longjmp(reader.jump, 1);
}
static void jpeg_note(j_common_ptr jpeg, int level) {
  if (level < 0) ++reader_of(jpeg).errors.num_warnings;
}
static void jpeg_be_silent(j_common_ptr) {}
static void jpeg_watch_scans(j_common_ptr jpeg) {
  JpegReader& reader = reader_of(jpeg);
  if (reader.jpeg.input_scan_number <= static_cast<int>(reader.limits->progressive_scans_max)) return;
  std::snprintf(reader.message, sizeof reader.message, "more than %u scans",
                reader.limits->progressive_scans_max);
  std::longjmp(reader.jump, 1);
}
}

void attach(JpegReader& reader) {
  reader.jpeg.err = jpeg_std_error(&reader.errors);
  reader.errors.error_exit = jpeg_fail;
  reader.errors.emit_message = jpeg_note;
  reader.errors.output_message = jpeg_be_silent;
  reader.progress.progress_monitor = jpeg_watch_scans;
  reader.jpeg.client_data = &reader;
}

bool read_header(JpegReader& reader, ByteView file) {
  if (setjmp(reader.jump) != 0) return false;
  jpeg_create_decompress(&reader.jpeg);
  reader.created = true;
  reader.jpeg.progress = &reader.progress;
  jpeg_mem_src(&reader.jpeg, file.data(), static_cast<unsigned long>(file.size()));
  return jpeg_read_header(&reader.jpeg, TRUE) == JPEG_HEADER_OK;
}

bool start(JpegReader& reader) {
  if (setjmp(reader.jump) != 0) return false;
  // The library converts every three-colour and grey space to RGB, and leaves ink to us.
  const bool ink = reader.jpeg.jpeg_color_space == JCS_CMYK || reader.jpeg.jpeg_color_space == JCS_YCCK;
  reader.jpeg.out_color_space = ink ? JCS_CMYK : JCS_RGB;
  reader.jpeg.dct_method = JDCT_ISLOW;
  return jpeg_start_decompress(&reader.jpeg) == TRUE;
}

bool read_line(JpegReader& reader) {
  if (setjmp(reader.jump) != 0) return false;
  JSAMPROW row = reader.line.data();
  return jpeg_read_scanlines(&reader.jpeg, &row, 1) == 1;
}

// Adobe writes inks inverted, and so does everybody who writes four colours into a JPEG.
void ink_to_rgb(const std::vector<std::uint8_t>& ink, std::vector<std::uint8_t>& rgb) {
  for (std::size_t x = 0; x < rgb.size() / 3; ++x)
    for (std::size_t c = 0; c < 3; ++c)
      rgb[3 * x + c] = static_cast<std::uint8_t>(ink[4 * x + c] * ink[4 * x + 3] / 255);
}

tl::unexpected<Error> damaged(const JpegReader& reader) {
  return fail(Code::kInvalidArgument, "damaged JPEG: " + std::string(reader.message), "media/format");
}

}  // namespace

Result<DecodedImage> decode_jpeg(ByteView file, const ImageLimits& limits, const RgbRows& rows) {
  JpegReader reader;
  reader.limits = &limits;
  attach(reader);
  if (!read_header(reader, file)) return damaged(reader);
  TRY(check_dimensions(reader.jpeg.image_width, reader.jpeg.image_height, limits));
  if (!start(reader)) return damaged(reader);
  const std::uint32_t width = reader.jpeg.output_width, height = reader.jpeg.output_height;
  const auto channels = static_cast<std::size_t>(reader.jpeg.output_components);
  if (channels != 3 && channels != 4) return damaged(reader);
  reader.line.resize(channels * width);
  if (channels == 4) reader.rgb.resize(std::size_t{3} * width);
  rows.begin(width, height);
  while (reader.rows_read < height && read_line(reader)) {
    ++reader.rows_read;
    if (channels == 4) ink_to_rgb(reader.line, reader.rgb);
    rows.row(channels == 4 ? reader.rgb : reader.line);
  }
  if (reader.rows_read < height - height / 2) return damaged(reader);
  for (std::uint32_t lost = reader.rows_read; lost < height; ++lost)
    rows.row(channels == 4 ? reader.rgb : reader.line);
  return DecodedImage{ImageFormat::kJpeg, width, height,
                      reader.rows_read == height && reader.errors.num_warnings == 0};
}

}  // namespace tocsin::node
