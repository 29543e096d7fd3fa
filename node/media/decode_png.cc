#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <vector>

#include <png.h>

#include "node/media/decode.h"

namespace tocsin::node {
namespace {

constexpr png_alloc_size_t kChunkBytesMax = 8 << 20;  // what a compressed text or profile may unfold to

// Of a file cut short the last piece is lost, so pieces are small.
constexpr std::size_t kReadBytes = 1024;

// Everything lives here, outside the frame that setjmp returns to, so that a jump skips no destructor.
struct PngReader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  ByteView rest;
  char message[128] = {};            // no allocation inside the library's error path
  std::vector<std::uint8_t> pixels;  // one row, or the whole image when it is interlaced
  std::uint32_t width = 0, height = 0, row = 0;
  int passes = 1;

  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
  std::uint8_t* line() { return pixels.data() + (passes > 1 ? std::size_t{row} * 3 * width : 0); }
};

extern "C" {
static void png_fail(png_structp png, png_const_charp message) {
  auto& reader = *static_cast<PngReader*>(png_get_error_ptr(png));
  std::snprintf(reader.message, sizeof reader.message, "%s", message);
  png_longjmp(png, 1);
}
static void png_be_silent(png_structp, png_const_charp) {}
static void png_take(png_structp png, png_bytep out, std::size_t size) {
  auto& rest = static_cast<PngReader*>(png_get_io_ptr(png))->rest;
  if (rest.size() < size) png_error(png, "the file ends early");
  std::copy_n(rest.begin(), size, out);
  rest = rest.subspan(size);
}
}

// Chunks that change no pixel are skipped unread: they are where compressed bombs hide.
void skip_metadata(png_structp png) {
  static const png_byte kSkipped[] = "iCCP\0zTXt\0iTXt\0tEXt\0eXIf\0sPLT";
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, kSkipped, 6);
}

bool read_header(PngReader& reader, const ImageLimits& limits) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_read_fn(reader.png, &reader, png_take);
  png_set_user_limits(reader.png, limits.side_pixels_max, limits.side_pixels_max);
  png_set_chunk_malloc_max(reader.png, kChunkBytesMax);
  png_set_compression_buffer_size(reader.png, kReadBytes);
  skip_metadata(reader.png);
  png_read_info(reader.png, reader.info);
  reader.width = png_get_image_width(reader.png, reader.info);
  reader.height = png_get_image_height(reader.png, reader.info);
  return true;
}

bool start(PngReader& reader) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_expand(reader.png);
  png_set_scale_16(reader.png);
  png_set_strip_alpha(reader.png);
  png_set_gray_to_rgb(reader.png);
  reader.passes = png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  if (png_get_rowbytes(reader.png, reader.info) == std::size_t{3} * reader.width) return true;
  std::snprintf(reader.message, sizeof reader.message, "unexpected row size");
  return false;
}

bool read_line(PngReader& reader) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_read_row(reader.png, reader.line(), nullptr);
  return true;
}

// All passes but the last of an interlaced image; the last fills in the rows that the caller then reads.
bool read_early_passes(PngReader& reader) {
  for (int pass = 1; pass < reader.passes; ++pass)
    for (reader.row = 0; reader.row < reader.height; ++reader.row)
      if (!read_line(reader)) return false;
  reader.row = 0;
  return true;
}

tl::unexpected<Error> damaged(const PngReader& reader) {
  return fail(Code::kInvalidArgument, "damaged PNG: " + std::string(reader.message), "media/format");
}

}  // namespace

Result<DecodedImage> decode_png(ByteView file, const ImageLimits& limits, const RgbRows& rows) {
  PngReader reader;
  reader.rest = file;
  // The library checks a side against its limit only while it reads the header, with a message that names no
  // number.
  if (file.size() >= 24)
    TRY(check_dimensions(std::uint64_t{file[16]} << 24 | std::uint64_t{file[17]} << 16 |
                             std::uint64_t{file[18]} << 8 | file[19],
                         std::uint64_t{file[20]} << 24 | std::uint64_t{file[21]} << 16 |
                             std::uint64_t{file[22]} << 8 | file[23],
                         limits));
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, png_fail, png_be_silent);
  if (reader.png != nullptr) reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) return fail(Code::kInternal, "libpng does not start", "media/format");
  if (!read_header(reader, limits)) return damaged(reader);
  TRY(check_dimensions(reader.width, reader.height, limits));
  if (!start(reader)) return damaged(reader);
  reader.pixels.resize(std::size_t{3} * reader.width * (reader.passes > 1 ? reader.height : 1));
  if (!read_early_passes(reader)) return damaged(reader);
  rows.begin(reader.width, reader.height);
  const std::size_t line_bytes = std::size_t{3} * reader.width;
  std::vector<std::uint8_t> last(line_bytes);
  for (; reader.row < reader.height && read_line(reader); ++reader.row) {
    std::copy_n(reader.line(), line_bytes, last.begin());
    rows.row(last);
  }
  if (reader.row < reader.height - reader.height / 2) return damaged(reader);
  for (std::uint32_t lost = reader.row; lost < reader.height; ++lost) rows.row(last);
  return DecodedImage{ImageFormat::kPng, reader.width, reader.height, reader.row == reader.height};
}

}  // namespace tocsin::node
