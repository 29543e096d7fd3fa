#include "protocol/verify/source.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tocsin::protocol {
namespace {

tl::unexpected<Error> ends_early() {
  return fail(Code::kDataLoss, "a file ends before it should", "bundle/read");
}

}  // namespace

Status MemorySource::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  if (offset > view_.size() || out.size() > view_.size() - offset) return ends_early();
  if (!out.empty()) std::memcpy(out.data(), view_.data() + offset, out.size());
  return {};
}

Result<std::shared_ptr<const FileSource>> FileSource::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail(Code::kNotFound, "cannot open " + path, "bundle/read");
  struct stat status {};
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < 0) {
    ::close(descriptor);
    return fail(Code::kInvalidArgument, "cannot read " + path + " as a file", "bundle/read");
  }
  return std::shared_ptr<const FileSource>(
      new FileSource(descriptor, static_cast<std::uint64_t>(status.st_size)));
}

FileSource::~FileSource() {
  ::close(descriptor_);
}

Status FileSource::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  while (!out.empty()) {
    const ssize_t n = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Code::kDataLoss, "a file cannot be read", "bundle/read");
    if (n == 0) return ends_early();
    offset += static_cast<std::uint64_t>(n);
    out = out.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace tocsin::protocol
