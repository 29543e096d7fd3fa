#include "tests/node/media/pictures.h"

#include <cstdio>
#include <cstdlib>
// jpeglib.h needs <cstdio> before it.
#include <algorithm>
#include <random>
#include <stdexcept>
#include <vector>

#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>
#include <zlib.h>

#include "crypto/base/encoding.h"

namespace tocsin::test {
namespace {

void append_chunk(Bytes& png, std::string_view name, ByteView body) {
  append_be(png, static_cast<std::uint32_t>(body.size()));
  Bytes covered = to_bytes(as_view(name));
  append(covered, body);
  append(png, covered);
  append_be(png, static_cast<std::uint32_t>(crc32(0, covered.data(), static_cast<uInt>(covered.size()))));
}

void append_le(Bytes& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void append_riff(Bytes& out, std::string_view name, ByteView body) {
  append(out, as_view(name));
  append_le(out, static_cast<std::uint32_t>(body.size()), 4);
  append(out, body);
  if (body.size() % 2 != 0) out.push_back(0);
}

void take_png(png_structp png, png_bytep data, std::size_t size) {
  append(*static_cast<Bytes*>(png_get_io_ptr(png)), {data, size});
}

std::uint8_t grey(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((rgb[0] + rgb[1] + rgb[2]) / 3);
}

}  // namespace

Bytes picture_rgb(std::uint32_t width, std::uint32_t height, unsigned seed) {
  constexpr std::size_t kCells = 24;
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> shade(0, 255);
  std::vector<double> grid((kCells + 1) * (kCells + 1) * 3);
  for (double& v : grid) v = shade(random);
  Bytes rgb;
  for (std::uint32_t y = 0; y < height; ++y)
    for (std::uint32_t x = 0; x < width; ++x) {
      const double u = static_cast<double>(x) * kCells / width, v = static_cast<double>(y) * kCells / height;
      const auto i = static_cast<std::size_t>(v), j = static_cast<std::size_t>(u);
      const double down = v - static_cast<double>(i), right = u - static_cast<double>(j);
      for (std::size_t c = 0; c < 3; ++c) {
        const auto at = [&](std::size_t row, std::size_t column) {
          return grid[(row * (kCells + 1) + column) * 3 + c];
        };
        const double value = (1 - down) * ((1 - right) * at(i, j) + right * at(i, j + 1)) +
                             down * ((1 - right) * at(i + 1, j) + right * at(i + 1, j + 1));
        rgb.push_back(static_cast<std::uint8_t>(value));
      }
    }
  return rgb;
}

Bytes jpeg_of(ByteView rgb, std::uint32_t width, std::uint32_t height, JpegKind kind) {
  jpeg_compress_struct jpeg = {};
  jpeg_error_mgr errors = {};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &out, &size);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = kind == JpegKind::kGrey ? 1 : kind == JpegKind::kInk ? 4 : 3;
  jpeg.in_color_space = kind == JpegKind::kGrey ? JCS_GRAYSCALE : kind == JpegKind::kInk ? JCS_CMYK : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 90, TRUE);
  if (kind == JpegKind::kProgressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  Bytes line;
  for (std::uint32_t y = 0; y < height; ++y) {
    line.clear();
    for (std::uint32_t x = 0; x < width; ++x) {
      const std::uint8_t* p = rgb.data() + 3 * (std::size_t{y} * width + x);
      if (kind == JpegKind::kGrey) {
        line.push_back(grey(p));
      } else {
        line.insert(line.end(), p, p + 3);
        if (kind == JpegKind::kInk) line.push_back(255);  // no black, inverted as Adobe writes it
      }
    }
    JSAMPROW row = line.data();
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  Bytes file(out, out + size);
  std::free(out);
  return file;
}

Bytes jpeg_with_scans(unsigned times) {
  const Bytes file = jpeg_of(picture_rgb(64, 64), 64, 64, JpegKind::kProgressive);
  const Bytes marker{
      0xff, 0xda};  // start of a scan; tables of the next scan travel with it, which does not matter here
  const auto first = std::search(file.begin(), file.end(), marker.begin(), marker.end());
  const auto second = std::search(first + 2, file.end(), marker.begin(), marker.end());
  Bytes out(file.begin(), first);
  for (unsigned i = 0; i < times; ++i) out.insert(out.end(), first, second);
  out.insert(out.end(), second, file.end());
  return out;
}

Bytes png_of(ByteView rgb, std::uint32_t width, std::uint32_t height, PngKind kind) {
  Bytes out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  if (setjmp(png_jmpbuf(png)) != 0) throw std::runtime_error("libpng does not write");
  png_set_write_fn(png, &out, take_png, nullptr);
  const bool deep = kind == PngKind::kAlpha16;
  png_set_IHDR(png, info, width, height, deep ? 16 : 8,
               deep                     ? PNG_COLOR_TYPE_RGB_ALPHA
               : kind == PngKind::kGrey ? PNG_COLOR_TYPE_GRAY
                                        : PNG_COLOR_TYPE_RGB,
               kind == PngKind::kInterlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  const int passes = png_set_interlace_handling(png);
  for (int pass = 0; pass < passes; ++pass)
    for (std::uint32_t y = 0; y < height; ++y) {
      Bytes line;
      for (std::uint32_t x = 0; x < width; ++x) {
        const std::uint8_t* p = rgb.data() + 3 * (std::size_t{y} * width + x);
        if (kind == PngKind::kGrey) line.push_back(grey(p));
        for (int c = 0; c < 3 && kind != PngKind::kGrey; ++c) line.insert(line.end(), deep ? 2 : 1, p[c]);
        if (deep) line.insert(line.end(), 2, 0);  // wholly transparent
      }
      png_write_row(png, line.data());
    }
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return out;
}

Bytes png_claiming(std::uint32_t width, std::uint32_t height) {
  Bytes png = to_bytes(as_view("\x89PNG\r\n\x1a\n"));
  Bytes header;
  append_be(header, width);
  append_be(header, height);
  append(header, Bytes{8, 2, 0, 0, 0});
  append_chunk(png, "IHDR", header);
  append_chunk(png, "IDAT", Bytes{0x78, 0x9c, 0x63, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01});
  append_chunk(png, "IEND", {});
  return png;
}

Bytes webp_of(ByteView rgb, std::uint32_t width, std::uint32_t height) {
  std::uint8_t* out = nullptr;
  const std::size_t size = WebPEncodeLosslessRGB(rgb.data(), static_cast<int>(width),
                                                 static_cast<int>(height), static_cast<int>(3 * width), &out);
  Bytes file(out, out + size);
  WebPFree(out);
  return file;
}

Bytes webp_animation_of(ByteView rgb, std::uint32_t width, std::uint32_t height) {
  const Bytes still = webp_of(rgb, width, height);
  Bytes canvas{0x02, 0, 0, 0};  // the animation flag
  append_le(canvas, width - 1, 3);
  append_le(canvas, height - 1, 3);
  Bytes frame(6, 0);  // at the canvas's corner
  append_le(frame, width - 1, 3);
  append_le(frame, height - 1, 3);
  append_le(frame, 100, 3);
  frame.push_back(0);
  append(frame, ByteView(still).subspan(12));
  Bytes body = to_bytes(as_view("WEBP"));
  append_riff(body, "VP8X", canvas);
  append_riff(body, "ANIM", Bytes(6, 0));
  append_riff(body, "ANMF", frame);
  append_riff(body, "ANMF", frame);
  Bytes file;
  append_riff(file, "RIFF", body);
  return file;
}

}  // namespace tocsin::test
