#include "node/files/private_file.h"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tocsin::node {
namespace {

// Longer lines are no passphrase.
constexpr std::size_t kPassphraseFileMax = 4096;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  bool close() {
    const int fd = fd_;
    fd_ = -1;
    return fd < 0 || ::close(fd) == 0;
  }

 private:
  int fd_;
};

tl::unexpected<Error> io_failure(const std::string& what, const std::string& path) {
  const int number = errno;
  const Code code = number == ENOENT                      ? Code::kNotFound
                    : number == EACCES || number == EPERM ? Code::kPermissionDenied
                                                          : Code::kUnavailable;
  const char* rule = number == ENOENT                  ? "file/missing"
                     : code == Code::kPermissionDenied ? "file/permissions"
                                                       : "file/io";
  return fail(code, "cannot " + what + " " + path + ": " + std::strerror(number), rule);
}

Status check_private(const std::string& path, const struct stat& info) {
  if (!S_ISREG(info.st_mode))
    return fail(Code::kInvalidArgument, path + " is not a regular file", "file/kind");
  if (info.st_uid != geteuid() && info.st_uid != 0)
    return fail(Error{Code::kPermissionDenied, path + " belongs to another user", "file/permissions",
                      "whoever owns the file can change it", "chown it to the user that runs the node"});
  if ((info.st_mode & 077) != 0)
    return fail(Error{Code::kPermissionDenied, path + " can be used by other users", "file/permissions",
                      "it holds secrets or decides who may call the node", "chmod 600 " + path});
  return {};
}

Status write_all(int fd, ByteView bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return io_failure("write", path);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Status write_synced(const std::string& path, ByteView bytes) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) return io_failure("create", path);
  TRY(write_all(file.get(), bytes, path));
  if (::fsync(file.get()) != 0 || !file.close()) return io_failure("write", path);
  return {};
}

Status sync_directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open() || ::fsync(directory.get()) != 0) return io_failure("sync the directory of", path);
  return {};
}

Result<bool> is_empty_directory(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return io_failure("open", path);
  bool empty = true;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") empty = false;
  }
  ::closedir(directory);
  return empty;
}

}  // namespace

Result<SecretBytes> read_private_file(const std::string& path, std::size_t bytes_max) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return io_failure("open", path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return io_failure("read", path);
  TRY(check_private(path, info));
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > bytes_max)
    return fail(Code::kInvalidArgument, path + " is larger than " + std::to_string(bytes_max) + " bytes",
                "file/size");
  SecretBytes out(size);
  for (std::size_t at = 0; at < size;) {
    const ssize_t n = ::read(file.get(), out.expose_mutable().data() + at, size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_failure("read", path);
    if (n == 0) return fail(Code::kUnavailable, path + " changed while it was read", "file/io");
    at += static_cast<std::size_t>(n);
  }
  return out;
}

Status write_private_file(const std::string& path, ByteView bytes, bool replace) {
  if (!replace && ::access(path.c_str(), F_OK) == 0)
    return fail(Code::kAlreadyExists, path + " exists already", "file/exists");
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());  // left by a writer that was killed
  const Status written = write_synced(fresh, bytes);
  if (!written) {
    ::unlink(fresh.c_str());
    return written;
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return io_failure("replace", path);
  return sync_directory_of(path);
}

Result<SecretBytes> read_passphrase_file(const std::string& path) {
  TRY_ASSIGN(const SecretBytes file, read_private_file(path, kPassphraseFileMax));
  std::string_view line = as_text(file.expose());
  line = line.substr(0, line.find('\n'));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.empty())
    return fail(Error{Code::kInvalidArgument, "the first line of " + path + " is empty", "file/empty", "",
                      "put the passphrase on the first line"});
  return SecretBytes(as_view(line));
}

Status make_private_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) {
    // mkdir's mode passes through the umask; nothing but 0700 will do.
    if (::chmod(path.c_str(), 0700) != 0) return io_failure("set the mode of", path);
    return sync_directory_of(path);
  }
  if (errno != EEXIST) return io_failure("make the directory", path);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return io_failure("look at", path);
  if (!S_ISDIR(info.st_mode))
    return fail(Code::kAlreadyExists, path + " is not a directory", "directory/kind");
  if (info.st_uid != geteuid())
    return fail(Code::kPermissionDenied, path + " belongs to another user", "file/permissions");
  TRY_ASSIGN(const bool empty, is_empty_directory(path));
  if (!empty)
    return fail(Error{Code::kAlreadyExists, path + " is not empty", "directory/not-empty",
                      "a node's keys may be in it; nothing was changed", "choose another directory"});
  if (::chmod(path.c_str(), 0700) != 0) return io_failure("set the mode of", path);
  return {};
}

}  // namespace tocsin::node
