#include "node/backup/backup.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/backup/archive.h"
#include "node/files/private_file.h"

namespace tocsin::node {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHeading = "tocsin backup 1\n";
constexpr std::size_t kManifestMax = 256 * 1024;

tl::unexpected<Error> io_failure(const std::string& what) {
  const int number = errno;
  Error error{number == ENOENT ? Code::kNotFound : Code::kUnavailable,
              "cannot " + what + ": " + std::strerror(number),
              "backup/io",
              {},
              {}};
  if (number == ENOSPC) error.code = Code::kResourceExhausted;
  return fail(std::move(error));
}

class File {
 public:
  static Result<File> open(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
      return fail(Error{Code::kAlreadyExists,
                        path + " is there already",
                        "backup/exists",
                        {},
                        "name another file: a backup is never overwritten"});
    if (fd < 0) return io_failure("open " + path);
    return File(fd, path);
  }
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    return *this;
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }

  Result<Bytes> read(std::size_t most) {
    Bytes out(most);
    std::size_t filled = 0;
    while (filled < most) {
      const ssize_t n = ::read(fd_, out.data() + filled, most - filled);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return io_failure("read " + path_);
      if (n == 0) break;
      filled += static_cast<std::size_t>(n);
    }
    out.resize(filled);
    return out;
  }
  Status write(ByteView bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return io_failure("write " + path_);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
  }
  Status sync_and_close() {
    const bool synced = ::fsync(fd_) == 0;
    const bool closed = ::close(std::exchange(fd_, -1)) == 0;
    if (!synced || !closed) return io_failure("finish " + path_);
    return {};
  }

 private:
  File(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  std::string path_;
};

Status sync_directory(const std::string& path) {
  TRY_ASSIGN(File directory, File::open(path.empty() ? "." : path, O_RDONLY | O_DIRECTORY));
  return directory.sync_and_close();
}

Status add_file(ArchiveWriter& archive, const std::string& name, const std::string& path,
                BackupSummary& summary) {
  std::error_code failed;
  const std::uintmax_t size = fs::file_size(path, failed);
  if (failed) {
    errno = failed.value();
    return io_failure("read " + path);
  }
  TRY_ASSIGN(File file, File::open(path, O_RDONLY));
  ++summary.files;
  return archive.add(name, size, [&](std::size_t most) { return file.read(most); });
}

Status add_files(ArchiveWriter& archive, const BackupSource& source, BackupSummary& summary) {
  TRY(archive.add("manifest", as_view(format_manifest(source.manifest))));
  TRY(add_file(archive, "keystore", source.data_dir + "/keystore", summary));
  if (const std::string settings = source.data_dir + "/tocsin.toml"; fs::exists(settings))
    TRY(add_file(archive, "tocsin.toml", settings, summary));
  if (fs::exists(source.token_file)) TRY(add_file(archive, "tokens", source.token_file, summary));
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(source.store_copy))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names)
    TRY(add_file(archive, "store/" + name, source.store_copy + "/" + name, summary));
  return archive.finish();
}

// What reading a backup does with its files; the manifest comes first.
struct Reading {
  BackupSummary summary;
  bool has_manifest = false;
  std::string name;
  Bytes manifest;

  Status begin(const std::string& entry, std::uint64_t size) {
    name = entry;
    if (entry == "manifest") {
      if (has_manifest || size > kManifestMax)
        return fail(Code::kInvalidArgument, "the backup's manifest is none", "backup/format");
    } else if (!has_manifest) {
      return fail(Code::kInvalidArgument, "the backup has no manifest", "backup/format");
    } else {
      ++summary.files;
    }
    summary.bytes += size;
    return {};
  }
  void bytes(ByteView part) {
    if (name == "manifest") append(manifest, part);
  }
  Status end() {
    if (name != "manifest") return {};
    TRY_ASSIGN(summary.manifest, parse_manifest(as_text(manifest)));
    has_manifest = true;
    return {};
  }
};

Status restore_files(File& file, const crypto::KemKey& key, const std::string& into, Reading& reading) {
  std::optional<File> out;
  if (::mkdir((into + "/store").c_str(), 0700) != 0) return io_failure("make " + into + "/store");
  ArchiveVisitor visitor;
  visitor.begin = [&](const std::string& name, std::uint64_t size) -> Status {
    TRY(reading.begin(name, size));
    out.reset();
    if (name != "manifest") {
      TRY_ASSIGN(out, File::open(into + "/" + name, O_WRONLY | O_CREAT | O_EXCL));
    }
    return {};
  };
  visitor.bytes = [&](ByteView part) -> Status {
    reading.bytes(part);
    return out ? out->write(part) : Status();
  };
  visitor.end = [&]() -> Status {
    if (out) TRY(out->sync_and_close());
    return reading.end();
  };
  TRY(read_archive(
      key, [&](std::size_t most) { return file.read(most); }, visitor));
  TRY(sync_directory(into + "/store"));
  return sync_directory(into);
}

}  // namespace

std::string format_manifest(const BackupManifest& manifest) {
  return std::string(kHeading) + "node " + manifest.name + "\nkey " + manifest.fingerprint + "\ncreated " +
         std::to_string(manifest.created_ms) + "\nledger " + std::to_string(manifest.ledger_size) + "\n\n" +
         manifest.checkpoint;
}

namespace {

// "word value\n" off the front of `text`.
std::optional<std::string_view> line(std::string_view& text, std::string_view word) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(word) || text.size() <= word.size() ||
      text[word.size()] != ' ')
    return std::nullopt;
  const std::string_view value = text.substr(word.size() + 1, end - word.size() - 1);
  text.remove_prefix(end + 1);
  return value;
}

std::optional<std::uint64_t> whole(std::optional<std::string_view> digits) {
  std::uint64_t value = 0;
  if (!digits) return std::nullopt;
  const auto [end, failed] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
  if (failed != std::errc() || end != digits->data() + digits->size()) return std::nullopt;
  return value;
}

}  // namespace

Result<BackupManifest> parse_manifest(std::string_view text) {
  const auto refused = [] {
    return fail(Code::kInvalidArgument, "the backup's manifest does not read", "backup/format");
  };
  if (!text.starts_with(kHeading)) return refused();
  text.remove_prefix(kHeading.size());
  const auto name = line(text, "node");
  const auto key = line(text, "key");
  const auto created = whole(line(text, "created"));
  const auto size = whole(line(text, "ledger"));
  if (!name || !key || !created || !size || !text.starts_with('\n')) return refused();
  return BackupManifest{std::string(*name), std::string(*key), *created, *size, std::string(text.substr(1))};
}

Result<BackupSummary> write_backup(const BackupSource& source, const crypto::KemPublicKey& recipient,
                                   const std::string& path) {
  if (fs::exists(path))
    return fail(Error{Code::kAlreadyExists,
                      path + " is there already",
                      "backup/exists",
                      {},
                      "name another file: a backup is never overwritten"});
  const std::string partial = path + ".partial";
  BackupSummary summary{source.manifest, 0, 0};
  TRY_ASSIGN(File out, File::open(partial, O_WRONLY | O_CREAT | O_TRUNC));
  Status written = [&]() -> Status {
    TRY_ASSIGN(ArchiveWriter archive, ArchiveWriter::begin(recipient, [&](ByteView bytes) {
                 summary.bytes += bytes.size();
                 return out.write(bytes);
               }));
    TRY(add_files(archive, source, summary));
    TRY(out.sync_and_close());
    if (std::rename(partial.c_str(), path.c_str()) != 0) return io_failure("rename " + partial);
    return sync_directory(fs::path(path).parent_path().string());
  }();
  if (!written) {
    ::unlink(partial.c_str());
    return fail(std::move(written.error()));
  }
  return summary;
}

Result<BackupSummary> verify_backup(const std::string& path, const crypto::KemKey& key) {
  TRY_ASSIGN(File file, File::open(path, O_RDONLY));
  Reading reading;
  ArchiveVisitor visitor;
  visitor.begin = [&](const std::string& name, std::uint64_t size) { return reading.begin(name, size); };
  visitor.bytes = [&](ByteView part) -> Status {
    reading.bytes(part);
    return {};
  };
  visitor.end = [&] { return reading.end(); };
  TRY(read_archive(
      key, [&](std::size_t most) { return file.read(most); }, visitor));
  if (!reading.has_manifest)
    return fail(Code::kInvalidArgument, "the backup has no manifest", "backup/format");
  return reading.summary;
}

Result<BackupSummary> restore_backup(const std::string& path, const crypto::KemKey& key,
                                     const std::string& into) {
  TRY_ASSIGN(File file, File::open(path, O_RDONLY));
  TRY(make_private_directory(into));
  Reading reading;
  Status restored = restore_files(file, key, into, reading);
  if (restored && !reading.has_manifest)
    restored = fail(Code::kInvalidArgument, "the backup has no manifest", "backup/format");
  if (!restored) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(into, ignored)) fs::remove_all(entry.path(), ignored);
    return fail(std::move(restored.error()));
  }
  return reading.summary;
}

}  // namespace tocsin::node
