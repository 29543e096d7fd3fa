#include "storage/anchor.h"

#include <algorithm>
#include <optional>

#include <fcntl.h>
#include <rocksdb/env.h>
#include <unistd.h>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"

namespace tocsin::storage {
namespace {

constexpr std::string_view kMagic = "TOCANCH1";
constexpr std::size_t kPage = 4096;
constexpr std::size_t kHeadBytes = 8 + 8 + 32 + 32;
constexpr std::size_t kDigestAt = 8 + 8 + kHeadBytes + 4 + 4 + 4;
constexpr std::size_t kHeaderBytes = kDigestAt + sizeof(Hash);
constexpr std::size_t kCopyBytesMax = (kHeaderBytes + kCarriedBytesMax + kPage - 1) / kPage * kPage;

Error failed(const rocksdb::Status& status, const char* what) {
  return Error{Code::kUnavailable, std::string(what) + ": " + status.ToString(), "storage/anchor", {}, {}};
}

std::size_t copy_bytes(const AnchorEntry& entry) {
  return (kHeaderBytes + entry.rows.size() + kPage - 1) / kPage * kPage;
}

// One copy: magic ‖ u64 number ‖ head ‖ u32 page of the half where the entry starts ‖ u32 carried ‖ u32
// length ‖ digest of all of that and the rows ‖ rows.
void encode(const AnchorEntry& entry, std::size_t at, Bytes& out) {
  out.clear();
  append(out, as_view(kMagic));
  append_be(out, entry.number);
  append(out, entry.head.encode());
  append_be(out, static_cast<std::uint32_t>(at / kPage));
  append_be(out, std::uint32_t{entry.carried});
  append_be(out, static_cast<std::uint32_t>(entry.rows.size()));
  append(out, crypto::sha256_parts({out, entry.rows}));
  append(out, entry.rows);
  out.resize(copy_bytes(entry), 0);
}

struct Copy {
  AnchorEntry entry;
  std::size_t starts_at = 0;  // its entry, in the half
};

// The copy that starts at the first byte, when it is whole.
std::optional<Copy> decode(ByteView bytes) {
  if (bytes.size() < kHeaderBytes || !equal(bytes.first(kMagic.size()), as_view(kMagic))) return {};
  const auto length = get_be<std::uint32_t>(bytes.data() + kDigestAt - 4);
  if (length > kCarriedBytesMax || kHeaderBytes + length > bytes.size()) return {};
  const ByteView rows = bytes.subspan(kHeaderBytes, length);
  const Hash digest = crypto::sha256_parts({bytes.first(kDigestAt), rows});
  if (!equal(digest, bytes.subspan(kDigestAt, sizeof(Hash)))) return {};
  Copy copy;
  copy.starts_at = std::size_t{get_be<std::uint32_t>(bytes.data() + kDigestAt - 12)} * kPage;
  AnchorEntry& out = copy.entry;
  out.number = get_be<std::uint64_t>(bytes.data() + 8);
  auto head = LogHead::parse(bytes.subspan(16, kHeadBytes));
  if (!head) return {};
  out.head = *head;
  out.carried = get_be<std::uint32_t>(bytes.data() + kDigestAt - 8) != 0;
  out.rows = to_bytes(rows);
  return copy;
}

// The entry that starts at `at`: number `wanted`, or the newest there is when that is 0; by whichever copy is
// whole. What was written over may still stand where a copy did not reach the disk. `at` moves behind it.
std::optional<AnchorEntry> entry_at(ByteView half, std::size_t& at, std::uint64_t wanted) {
  std::optional<AnchorEntry> out;
  const auto look = [&](std::size_t to) {
    if (to >= half.size()) return;
    auto found = decode(half.subspan(to));
    if (!found || found->starts_at != at) return;
    const std::uint64_t number = found->entry.number;
    if (wanted != 0 ? number == wanted : !out || number > out->number) out = std::move(found->entry);
  };
  for (std::size_t to = at; to <= at + kCopyBytesMax; to += kPage) look(to);
  if (out) at += 2 * copy_bytes(*out);
  return out;
}

std::vector<AnchorEntry> run_of(ByteView half) {
  std::vector<AnchorEntry> out;
  for (std::size_t at = 0;;) {
    auto entry = entry_at(half, at, out.empty() ? 0 : out.back().number + 1);
    if (!entry) return out;
    out.push_back(std::move(*entry));
  }
}

std::uint64_t greatest_number(ByteView bytes) {
  std::uint64_t out = 0;
  for (std::size_t at = 0; at < bytes.size(); at += kPage)
    if (const auto copy = decode(bytes.subspan(at))) out = std::max(out, copy->entry.number);
  return out;
}

}  // namespace

Bytes LogHead::encode() const {
  Bytes out;
  append_be(out, epoch);
  append_be(out, size);
  append(out, root);
  append(out, seal);
  return out;
}

Result<LogHead> LogHead::parse(ByteView bytes) {
  if (bytes.size() != kHeadBytes)
    return fail(Code::kDataLoss, "a stored head has a wrong length", "storage/anchor");
  LogHead out;
  out.epoch = get_be<std::uint64_t>(bytes.data());
  out.size = get_be<std::uint64_t>(bytes.data() + 8);
  std::copy_n(bytes.begin() + 16, out.root.size(), out.root.begin());
  std::copy_n(bytes.begin() + 48, out.seal.size(), out.seal.begin());
  return out;
}

// RocksDB's environment does the work; on the machine's own files a second descriptor starts writing back at
// once, so that the disk is busy while the checkpoint is signed.
struct Anchor::File {
  std::unique_ptr<rocksdb::RandomRWFile> file;
  int descriptor = -1;

  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }
  static Result<std::unique_ptr<File>> open(const Place& place) {
    auto out = std::make_unique<File>();
    rocksdb::Env* env = place.env != nullptr ? place.env : rocksdb::Env::Default();
    rocksdb::Status status = env->NewRandomRWFile(place.path, &out->file, rocksdb::EnvOptions());
    if (!status.ok()) return fail(failed(status, "the anchor does not open"));
    if (place.env == nullptr) out->descriptor = ::open(place.path.c_str(), O_RDWR | O_CLOEXEC);
    return out;
  }
  static Status make(const Place& place) {
    rocksdb::Env* env = place.env != nullptr ? place.env : rocksdb::Env::Default();
    std::unique_ptr<rocksdb::WritableFile> made;
    rocksdb::Status status = env->NewWritableFile(place.path, &made, rocksdb::EnvOptions());
    const std::string zeros(std::min<std::size_t>(place.half_bytes, 1 << 20), '\0');
    for (std::size_t at = 0; status.ok() && at < 2 * place.half_bytes; at += zeros.size())
      status = made->Append(rocksdb::Slice(zeros.data(), std::min(zeros.size(), 2 * place.half_bytes - at)));
    if (status.ok()) status = made->Fsync();
    if (status.ok()) status = made->Close();
    std::unique_ptr<rocksdb::Directory> directory;
    const std::size_t slash = place.path.rfind('/');
    if (status.ok()) {
      status =
          env->NewDirectory(slash == std::string::npos ? "." : place.path.substr(0, slash + 1), &directory);
      if (status.ok()) status = directory->Fsync();
    }
    if (!status.ok()) return fail(failed(status, "the anchor cannot be made"));
    return {};
  }
  void start_writing_back(std::size_t at, std::size_t size) const {
    if (descriptor >= 0)
      (void)::sync_file_range(descriptor, static_cast<off_t>(at), static_cast<off_t>(size),
                              SYNC_FILE_RANGE_WRITE);
  }
};

Result<Anchor::Found> Anchor::read(const Place& place) {
  rocksdb::Env* env = place.env != nullptr ? place.env : rocksdb::Env::Default();
  Found out;
  if (env->FileExists(place.path).IsNotFound()) return out;
  out.exists = true;
  std::string content;
  if (const auto status = rocksdb::ReadFileToString(env, place.path, &content); !status.ok())
    return fail(failed(status, "the anchor is not readable"));
  // A file of another length is what a crash while it was made leaves, or damage: the store says which.
  content.resize(2 * place.half_bytes, '\0');
  const ByteView bytes = as_view(content);
  std::vector<AnchorEntry> other = run_of(bytes.subspan(place.half_bytes));
  out.entries = run_of(bytes.first(place.half_bytes));
  const auto last = [](const std::vector<AnchorEntry>& run) { return run.empty() ? 0 : run.back().number; };
  if (last(other) > last(out.entries)) {
    out.entries = std::move(other);
    out.half = 1;
  }
  out.damaged = greatest_number(bytes) > last(out.entries);
  return out;
}

Result<std::unique_ptr<Anchor>> Anchor::open(const Place& place, const Found& found) {
  CHECK_INVARIANT(place.half_bytes % kPage == 0 && place.half_bytes >= 2 * kCopyBytesMax);
  if (!found.exists || found.entries.empty()) TRY(File::make(place));
  TRY_ASSIGN(auto file, File::open(place));
  const unsigned half = found.entries.empty() ? 0 : 1 - found.half;
  return std::unique_ptr<Anchor>(new Anchor(std::move(file), place.half_bytes, half));
}

Result<std::unique_ptr<Anchor>> Anchor::replace(const Place& place) {
  rocksdb::Env* env = place.env != nullptr ? place.env : rocksdb::Env::Default();
  if (const auto status = env->DeleteFile(place.path);
      !status.ok() && !status.IsNotFound() && !status.IsPathNotFound())
    return fail(failed(status, "the old anchor cannot be removed"));
  return open(place, {});
}

Anchor::Anchor(std::unique_ptr<File> file, std::size_t half_bytes, unsigned half)
    : file_(std::move(file)), half_bytes_(half_bytes), half_(half) {}
Anchor::~Anchor() = default;

bool Anchor::has_room(const AnchorEntry& entry) const {
  return at_ + 2 * copy_bytes(entry) <= half_bytes_;
}

void Anchor::turn() {
  half_ = 1 - half_;
  at_ = 0;
}

Result<Bytes> Anchor::write(const AnchorEntry& entry) {
  CHECK_INVARIANT(has_room(entry) && entry.rows.size() <= kCarriedBytesMax);
  encode(entry, at_, buffer_);
  const std::size_t copy = buffer_.size();
  buffer_.resize(2 * copy);
  std::copy_n(buffer_.begin(), copy, buffer_.begin() + static_cast<std::ptrdiff_t>(copy));
  const std::size_t at = half_ * half_bytes_ + at_;
  const auto slice = rocksdb::Slice(reinterpret_cast<const char*>(buffer_.data()), buffer_.size());
  rocksdb::Status status = file_->file->Write(at, slice);
  if (!status.ok()) return fail(failed(status, "the anchor refused a write"));
  file_->start_writing_back(at, buffer_.size());
  at_ += buffer_.size();
  rocksdb::Slice got;
  Bytes back(copy);
  status = file_->file->Read(at, copy, &got, reinterpret_cast<char*>(back.data()));
  if (!status.ok()) return fail(failed(status, "the anchor cannot be read back"));
  auto decoded = decode(ByteView(reinterpret_cast<const std::uint8_t*>(got.data()), got.size()));
  if (!decoded || decoded->entry.number != entry.number || !(decoded->entry.head == entry.head))
    return fail(Code::kDataLoss, "the anchor reads back differently from what was written", "storage/anchor");
  return std::move(decoded->entry.rows);
}

Status Anchor::flush() {
  const rocksdb::Status status = file_->file->Sync();
  if (!status.ok()) return fail(failed(status, "the anchor refused a flush"));
  return {};
}

}  // namespace tocsin::storage
