#pragma once
// Tar archives with one legal form: what a bundle is packed in, readable by any tar.
//
// The form is ustar: regular files only, mode 0644, owner and time zero, relative names in strictly ascending
// byte order, contents padded with zeros, two zero blocks at the end and nothing behind them. The same files
// therefore always give the same archive, and the reader refuses an archive that this writer would not have
// written, byte for byte: links, directories, names that leave the folder or come twice, other sizes, sums
// or padding. Errors: kInvalidArgument, rule "bundle/tar"; the sink's own errors pass through. Concurrency: a
// writer belongs to one thread; read_tar is pure. Source: POSIX.1-2017 pax "ustar Interchange Format", SPEC
// §9.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "protocol/verify/source.h"

namespace tocsin::protocol {

inline constexpr std::size_t kTarBlockBytes = 512;
inline constexpr std::size_t kTarNameBytesMax = 99;
inline constexpr std::uint64_t kTarFileBytesMax = (std::uint64_t{1} << 33) - 1;  // eleven octal digits
inline constexpr std::size_t kTarFilesMax = std::size_t{1} << 19;                // 67 million leaves' tiles

// Takes the archive's bytes in order.
using ByteSink = std::function<Status(ByteView)>;

// One or more components of A-Z a-z 0-9 . _ - between single slashes, none of them "." or "..".
bool is_tar_name(std::string_view name);

class TarWriter {
 public:
  explicit TarWriter(ByteSink sink) : sink_(std::move(sink)) {}
  // Names must come in strictly ascending byte order.
  Status add(std::string_view name, ByteView content);
  // The same in pieces: begin(), put() until `size` bytes were put, end().
  Status begin(std::string_view name, std::uint64_t size);
  Status put(ByteView piece);
  Status end();
  // The end of the archive; nothing may follow.
  Status finish();

 private:
  ByteSink sink_;
  std::string last_;
  std::uint64_t size_ = 0;  // of the file begun
  std::uint64_t put_ = 0;
};

// Where a file's content stands in an archive.
struct TarEntry {
  std::string name;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};
// Every file of a whole archive, in order, without reading their contents.
Result<std::vector<TarEntry>> index_tar(const ByteSource& archive);

struct TarFile {
  std::string_view name;  // both point into the archive
  ByteView content;
};
// The same of an archive in memory.
Result<std::vector<TarFile>> read_tar(ByteView archive);

}  // namespace tocsin::protocol
