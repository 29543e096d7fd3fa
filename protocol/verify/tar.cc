#include "protocol/verify/tar.h"

#include <algorithm>

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "bundle/tar";

constexpr std::size_t kModeAt = 100;
constexpr std::size_t kUidAt = 108;
constexpr std::size_t kGidAt = 116;
constexpr std::size_t kSizeAt = 124;
constexpr std::size_t kSizeDigits = 11;
constexpr std::size_t kTimeAt = 136;
constexpr std::size_t kSumAt = 148;
constexpr std::size_t kTypeAt = 156;
constexpr std::size_t kMagicAt = 257;
constexpr std::size_t kDeviceMajorAt = 329;
constexpr std::size_t kDeviceMinorAt = 337;

using Header = FixedBytes<kTarBlockBytes>;

tl::unexpected<Error> malformed(std::string why) {
  return fail(Code::kInvalidArgument, std::move(why), kRule);
}

void put_text(Header& header, std::size_t at, std::string_view text) {
  std::memcpy(header.data() + at, text.data(), text.size());
}

void put_octal(Header& header, std::size_t at, std::size_t digits, std::uint64_t value) {
  for (std::size_t i = digits; i-- > 0; value >>= 3)
    header[at + i] = static_cast<std::uint8_t>('0' + (value & 7));
}

// Precondition: is_tar_name(name), size at most kTarFileBytesMax.
Header make_header(std::string_view name, std::uint64_t size) {
  Header header{};
  put_text(header, 0, name);
  put_octal(header, kModeAt, 7, 0644);
  put_octal(header, kUidAt, 7, 0);
  put_octal(header, kGidAt, 7, 0);
  put_octal(header, kSizeAt, kSizeDigits, size);
  put_octal(header, kTimeAt, 11, 0);
  put_text(header, kSumAt, "        ");
  header[kTypeAt] = '0';
  put_text(header, kMagicAt,
           std::string_view("ustar\0"
                            "00",
                            8));
  put_octal(header, kDeviceMajorAt, 7, 0);
  put_octal(header, kDeviceMinorAt, 7, 0);
  std::uint64_t sum = 0;
  for (const std::uint8_t byte : header) sum += byte;
  put_octal(header, kSumAt, 6, sum);
  header[kSumAt + 6] = 0;
  return header;
}

std::size_t padding(std::uint64_t size) {
  return static_cast<std::size_t>((kTarBlockBytes - size % kTarBlockBytes) % kTarBlockBytes);
}

bool all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

Result<std::uint64_t> read_size(ByteView header) {
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < kSizeDigits; ++i) {
    const std::uint8_t digit = header[kSizeAt + i];
    if (digit < '0' || digit > '7') return malformed("an archive's file size is not eleven octal digits");
    size = size << 3 | static_cast<std::uint64_t>(digit - '0');
  }
  return size;
}

// The file of this header, whose content begins at `offset`.
Result<TarEntry> parse_header(ByteView header, std::uint64_t offset, std::string_view before) {
  const std::string_view text = as_text(header);
  const std::string_view name = text.substr(0, std::min(text.find('\0'), kModeAt));
  if (!is_tar_name(name)) return malformed("an archive holds a file name that is not allowed");
  if (!before.empty() && name <= before)
    return malformed("an archive's names are not in ascending order, each once");
  TRY_ASSIGN(const std::uint64_t size, read_size(header));
  if (!equal(header, make_header(name, size)))
    return malformed("an archive's header for " + std::string(name) + " is not in its one legal form");
  return TarEntry{std::string(name), offset, size};
}

}  // namespace

bool is_tar_name(std::string_view name) {
  if (name.empty() || name.size() > kTarNameBytesMax) return false;
  while (true) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (!std::all_of(part.begin(), part.end(), is_name_character)) return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

Status TarWriter::begin(std::string_view name, std::uint64_t size) {
  if (!is_tar_name(name)) return malformed("not a name for a file in an archive");
  if (!last_.empty() && name <= last_) return malformed("files are added in ascending order of their names");
  if (size > kTarFileBytesMax) return malformed("a file is too large for an archive");
  last_ = name;
  size_ = size;
  put_ = 0;
  return sink_(make_header(name, size));
}

Status TarWriter::put(ByteView piece) {
  if (piece.size() > size_ - put_) return fail(Code::kDataLoss, last_ + " grew while it was packed", kRule);
  put_ += piece.size();
  return piece.empty() ? Status() : sink_(piece);
}

Status TarWriter::end() {
  static constexpr FixedBytes<kTarBlockBytes> kZeros{};
  if (put_ != size_) return fail(Code::kDataLoss, last_ + " shrank while it was packed", kRule);
  return sink_(ByteView(kZeros).first(padding(size_)));
}

Status TarWriter::add(std::string_view name, ByteView content) {
  TRY(begin(name, content.size()));
  TRY(put(content));
  return end();
}

Status TarWriter::finish() {
  static constexpr FixedBytes<2 * kTarBlockBytes> kEnd{};
  return sink_(kEnd);
}

Result<std::vector<TarEntry>> index_tar(const ByteSource& archive) {
  const std::uint64_t end = archive.size();
  if (end % kTarBlockBytes != 0) return malformed("an archive is not made of whole blocks");
  std::vector<TarEntry> files;
  FixedBytes<2 * kTarBlockBytes> buffer;  // the padding behind a file, then the next header
  std::uint64_t at = 0;
  while (true) {
    const std::size_t pad = files.empty() ? 0 : padding(files.back().size);
    if (end - at < pad + kTarBlockBytes)
      return malformed("an archive does not end with exactly two blocks of zeros");
    TRY(archive.read(at, std::span(buffer).first(pad + kTarBlockBytes)));
    if (!all_zero(ByteView(buffer).first(pad)))
      return malformed("an archive has bytes in the padding behind " + files.back().name);
    at += pad + kTarBlockBytes;
    const ByteView header = ByteView(buffer).subspan(pad, kTarBlockBytes);
    if (header[0] == 0) {
      if (end - at != kTarBlockBytes || !all_zero(header)) break;
      TRY(archive.read(at, std::span(buffer).first(kTarBlockBytes)));
      if (!all_zero(ByteView(buffer).first(kTarBlockBytes))) break;
      return files;
    }
    if (files.size() == kTarFilesMax) return malformed("an archive holds too many files");
    TRY_ASSIGN(TarEntry file,
               parse_header(header, at, files.empty() ? std::string_view() : files.back().name));
    // The archive is made of whole blocks, so the padding is there when the content is.
    if (file.size > end - at) return malformed("an archive is cut off inside " + file.name);
    at += file.size;
    files.push_back(std::move(file));
  }
  return malformed("an archive does not end with exactly two blocks of zeros");
}

Result<std::vector<TarFile>> read_tar(ByteView archive) {
  TRY_ASSIGN(const auto files, index_tar(MemorySource(archive)));
  std::vector<TarFile> out;
  for (const TarEntry& file : files) {
    const auto offset = static_cast<std::size_t>(file.offset);
    out.push_back({as_text(archive.subspan(offset - kTarBlockBytes, file.name.size())),
                   archive.subspan(offset, static_cast<std::size_t>(file.size))});
  }
  return out;
}

}  // namespace tocsin::protocol
