#include "node/media/media_hasher.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/encoding.h"

namespace tocsin::node {
namespace {

constexpr std::size_t kReadBytes = 1 << 20;
constexpr std::size_t kMagicBytes = 16;

class OpenFile {
 public:
  // Not to wait for a writer, should the path be a pipe.
  explicit OpenFile(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> unreadable(const std::string& path, int error) {
  const Code code = error == ENOENT || error == ENOTDIR ? Code::kNotFound : Code::kInvalidArgument;
  return fail(code, "cannot read " + path + ": " + std::strerror(error), "media/file");
}

// The file's bytes to `digester`, and those of an image also to `image`.
Status read_file(const std::string& path, FileDigester& digester, Bytes& image) {
  const OpenFile file(path);
  struct stat info;
  if (file.fd() < 0 || fstat(file.fd(), &info) != 0) return unreadable(path, errno);
  if (!S_ISREG(info.st_mode))
    return fail(Code::kInvalidArgument, path + " is not a regular file", "media/file");
  Bytes buffer(kReadBytes);
  bool first = true, keep = false;
  for (;;) {
    const ssize_t n = read(file.fd(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreadable(path, errno);
    if (n == 0) return {};
    const ByteView piece(buffer.data(), static_cast<std::size_t>(n));
    digester.update(piece);
    if (first) keep = sniff_image(piece.first(std::min(piece.size(), kMagicBytes))).has_value();
    first = false;
    // One byte past the limit is kept, so that the image is seen to be too large.
    if (keep && image.size() <= kImageBytesMax) append(image, piece);
  }
}

// Whether a failure may be the worker's own end before this request, and not the file's doing.
bool is_loss(const Error& error) {
  return error.code == Code::kUnavailable;
}

// Whether nothing about the file can be concluded: there is no worker to ask.
bool is_set_up(const Error& error) {
  return error.code == Code::kFailedPrecondition || error.code == Code::kResourceExhausted;
}

}  // namespace

Result<std::unique_ptr<MediaHasher>> MediaHasher::make(MediaHasherOptions options) {
  if (access(options.worker.c_str(), X_OK) != 0) {
    Error error{Code::kFailedPrecondition, "there is no image decoder at " + options.worker,
                "media/worker-missing"};
    error.why = "hostile images are decoded by the program tocsin-media, in a sandbox of its own";
    error.fix = "install tocsin-media beside this program, or name it in the configuration";
    return fail(std::move(error));
  }
  return std::unique_ptr<MediaHasher>(new MediaHasher(std::move(options)));
}

std::string MediaHasher::default_worker() {
  std::error_code ignored;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  const auto beside = folder / "tocsin-media";
  const auto libexec = folder.parent_path() / "libexec" / "tocsin" / "tocsin-media";
  return access(beside.c_str(), X_OK) != 0 && access(libexec.c_str(), X_OK) == 0 ? libexec : beside;
}

Result<MediaHashes> MediaHasher::hash(ByteView file) {
  MediaHashes hashes;
  hashes.digests = digests_of(file);
  TRY(add_image(file, hashes));
  return hashes;
}

Result<MediaHashes> MediaHasher::hash_file(const std::string& path) {
  FileDigester digester;
  Bytes image;
  TRY(read_file(path, digester, image));
  MediaHashes hashes;
  hashes.digests = digester.finish();
  TRY(add_image(image, hashes));
  return hashes;
}

Status MediaHasher::add_image(ByteView file, MediaHashes& hashes) {
  if (!sniff_image(file)) return {};
  if (file.size() > kImageBytesMax) {
    hashes.image_error = "the image file is larger than 64 MiB";
    return {};
  }
  auto image = ask(file);
  if (image) {
    hashes.image = *image;
  } else if (is_set_up(image.error())) {
    return fail(std::move(image).error());
  } else {
    hashes.image_error = image.error().message;
  }
  return {};
}

Result<ImageHash> MediaHasher::ask(ByteView file) {
  const std::lock_guard lock(mu_);
  if (requests_ >= options_.requests_per_worker_max || busy_ms_ >= options_.busy_ms_per_worker_max)
    worker_.reset();
  const bool reused = worker_ != nullptr;
  auto hash = ask_once(file);
  // A worker that had served others may have been killed from outside while idle.
  if (!hash && reused && is_loss(hash.error())) hash = ask_once(file);
  return hash;
}

Result<ImageHash> MediaHasher::ask_once(ByteView file) {
  if (worker_ == nullptr) {
    TRY_ASSIGN(worker_, WorkerProcess::spawn(options_.worker));
    requests_ = busy_ms_ = 0;
  }
  // Only a well-formed exchange leaves the worker in a known state; every other way out ends it.
  std::unique_ptr<WorkerProcess> worker = std::move(worker_);
  const Deadline deadline(options_.deadline_ms);
  FixedBytes<kRequestHeaderBytes> request;
  put_be(request.data(), static_cast<std::uint32_t>(file.size()));
  TRY(worker->send(request, deadline));
  TRY(worker->send(file, deadline));
  Bytes answer(kAnswerHeaderBytes);
  TRY(worker->receive(answer, deadline));
  TRY_ASSIGN(const std::size_t body_bytes, answer_body_bytes(answer));
  answer.resize(kAnswerHeaderBytes + body_bytes);
  TRY(worker->receive(std::span(answer).subspan(kAnswerHeaderBytes), deadline));
  auto hash = decode_answer(answer);
  if (!hash && hash.error().code == Code::kDataLoss) return hash;
  ++requests_;
  busy_ms_ += deadline.elapsed_ms();
  worker_ = std::move(worker);
  return hash;
}

}  // namespace tocsin::node
