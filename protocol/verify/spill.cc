#include "protocol/verify/spill.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "crypto/base/encoding.h"
#include "crypto/random.h"

namespace tocsin::protocol {
namespace {

constexpr std::size_t kPageBytes = std::size_t{1} << 18;
constexpr std::size_t kUnitBytes = 64;
constexpr std::size_t kHeadBytes = 4;  // u32 length, in front of a blob
constexpr std::size_t kBlobBytesMax = std::size_t{16} << 20;
constexpr std::uint32_t kNowhere = UINT32_MAX;
constexpr std::uint64_t kEmpty = UINT64_MAX;
constexpr std::uint64_t kRowsMax = UINT32_MAX;
constexpr std::size_t kTableMin = 1024;
constexpr std::size_t kRowsAtOnce = 1024;
constexpr std::size_t kRowBytesMax = 128;

tl::unexpected<Error> broken(const char* what) {
  return fail(Code::kUnavailable, what, "bundle/read");
}

int make_file() {
  const char* named = std::getenv("TMPDIR");
  std::string folder = named != nullptr && *named != 0 ? named : "/tmp";
  const int unnamed = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (unnamed >= 0) return unnamed;
  std::string path = folder + "/tocsin-verify.XXXXXX";
  const int descriptor = ::mkostemp(path.data(), O_CLOEXEC);
  if (descriptor >= 0) ::unlink(path.c_str());
  return descriptor;
}

std::size_t units_for(std::size_t bytes) {
  return (kHeadBytes + bytes + kUnitBytes - 1) / kUnitBytes;
}

}  // namespace

SpillFile::~SpillFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool SpillFile::ready() {
  if (!tried_) descriptor_ = make_file();
  tried_ = true;
  return descriptor_ >= 0;
}

Status SpillFile::write(std::uint64_t offset, ByteView bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return broken("the audit's temporary file cannot be written: is the disk full?");
    offset += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Status SpillFile::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
  while (!out.empty()) {
    const ssize_t n = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return broken("the audit's temporary file cannot be read");
    if (n == 0) {
      std::fill(out.begin(), out.end(), std::uint8_t{0});
      return {};
    }
    offset += static_cast<std::uint64_t>(n);
    out = out.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

RowStore::RowStore(std::size_t row_bytes, std::size_t memory_bytes_max)
    : row_bytes_(row_bytes),
      rows_a_page_(std::max<std::size_t>(1, kPageBytes / row_bytes)),
      pages_max_(memory_bytes_max / (rows_a_page_ * row_bytes)) {}

std::uint8_t* RowStore::in_memory(std::uint64_t number) const {
  const std::uint64_t page = number / rows_a_page_;
  if (page >= pages_.size()) return nullptr;
  return pages_[static_cast<std::size_t>(page)].get() +
         static_cast<std::size_t>(number % rows_a_page_) * row_bytes_;
}

Status RowStore::push(ByteView rows) {
  CHECK_INVARIANT(rows.size() % row_bytes_ == 0);
  for (; !rows.empty(); rows = rows.subspan(row_bytes_)) {
    if (size_ == pages_.size() * rows_a_page_ && !spilling_) {
      spilling_ = pages_.size() >= pages_max_ && file_.ready();
      if (!spilling_)
        pages_.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(rows_a_page_ * row_bytes_));
    }
    ++size_;
    TRY(set(size_ - 1, rows.first(row_bytes_)));
  }
  return {};
}

Status RowStore::get(std::uint64_t number, std::span<std::uint8_t> rows) const {
  CHECK_INVARIANT(number + rows.size() / row_bytes_ <= size_);
  for (; !rows.empty(); rows = rows.subspan(row_bytes_), ++number) {
    const std::uint8_t* at = in_memory(number);
    if (at == nullptr) return file_.read(number * row_bytes_, rows);
    std::memcpy(rows.data(), at, row_bytes_);
  }
  return {};
}

Status RowStore::set(std::uint64_t number, ByteView rows) {
  CHECK_INVARIANT(number + rows.size() / row_bytes_ <= size_);
  for (; !rows.empty(); rows = rows.subspan(row_bytes_), ++number) {
    std::uint8_t* at = in_memory(number);
    if (at == nullptr) return file_.write(number * row_bytes_, rows);
    std::memcpy(at, rows.data(), row_bytes_);
  }
  return {};
}

KeyedRows::KeyedRows(std::size_t key_bytes, std::size_t row_bytes, std::size_t memory_bytes_max)
    : key_bytes_(key_bytes),
      row_bytes_(row_bytes),
      rows_(row_bytes, memory_bytes_max),
      table_(kTableMin, kEmpty) {
  CHECK_INVARIANT((key_bytes == 32 || key_bytes == 64) && row_bytes <= kRowBytesMax);
  crypto::random_fill({reinterpret_cast<std::uint8_t*>(secret_), sizeof secret_});
}

// Multilinear in the words under random keys: two keys collide with a chance of about 2^-64.
std::uint64_t KeyedRows::hash_of(ByteView key) const {
  std::uint64_t words[8] = {};
  std::memcpy(words, key.data(), key_bytes_);
  using Wide = unsigned __int128;
  Wide sum = 0;
  for (std::size_t i = 0; i < key_bytes_ / sizeof(std::uint64_t); i += 2)
    sum += static_cast<Wide>(words[i] + secret_[i]) * (words[i + 1] + secret_[i + 1]);
  return static_cast<std::uint64_t>(sum) ^ static_cast<std::uint64_t>(sum >> 64);
}

Result<std::size_t> KeyedRows::slot_of(ByteView key) const {
  const std::uint64_t hash = hash_of(key);
  auto at = static_cast<std::size_t>((static_cast<unsigned __int128>(hash) * table_.size()) >> 64);
  FixedBytes<kRowBytesMax> row;
  for (;; at = at + 1 == table_.size() ? 0 : at + 1) {
    const std::uint64_t entry = table_[at];
    if (entry == kEmpty) return at;
    if (entry >> 32 != (hash & UINT32_MAX)) continue;
    const auto read = std::span(row).first(row_bytes_);
    TRY(rows_.get(entry & UINT32_MAX, read));
    if (equal(ByteView(read).first(key_bytes_), key)) return at;
  }
}

Result<std::optional<std::uint64_t>> KeyedRows::find(ByteView key) const {
  TRY_ASSIGN(const std::size_t at, slot_of(key));
  if (table_[at] == kEmpty) return std::optional<std::uint64_t>();
  return std::optional<std::uint64_t>(table_[at] & UINT32_MAX);
}

Result<KeyedRows::Place> KeyedRows::find_or_add(ByteView row) {
  const ByteView key = row.first(key_bytes_);
  TRY_ASSIGN(const std::size_t at, slot_of(key));
  if (table_[at] != kEmpty) return Place{table_[at] & UINT32_MAX, false};
  const std::uint64_t number = rows_.size();
  if (number >= kRowsMax) return broken("an audit remembers too much");
  TRY(rows_.push(row));
  table_[at] = hash_of(key) << 32 | number;
  if (rows_.size() >= table_.size() / 8 * 7) TRY(enlarge());
  return Place{number, true};
}

// By what the entries know of their hashes nothing can be placed, so every row is read again, in order.
Status KeyedRows::enlarge() {
  std::vector<std::uint64_t>(table_.size() / 2 * 3, kEmpty).swap(table_);
  Bytes rows;
  for (std::uint64_t number = 0; number < rows_.size(); ++number) {
    const std::size_t nth = number % kRowsAtOnce;
    if (nth == 0) {
      rows.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kRowsAtOnce, rows_.size() - number)) *
                  row_bytes_);
      TRY(rows_.get(number, rows));
    }
    const std::uint64_t hash = hash_of(ByteView(rows).subspan(nth * row_bytes_, key_bytes_));
    auto at = static_cast<std::size_t>((static_cast<unsigned __int128>(hash) * table_.size()) >> 64);
    while (table_[at] != kEmpty) at = at + 1 == table_.size() ? 0 : at + 1;
    table_[at] = hash << 32 | number;
  }
  return {};
}

BlobStore::BlobStore(std::size_t memory_bytes_max) : units_(kUnitBytes, memory_bytes_max) {}

Result<std::uint32_t> BlobStore::allocate(std::size_t units) {
  if (units < free_.size() && !free_[units].empty()) {
    const std::uint32_t place = free_[units].back();
    free_[units].pop_back();
    return place;
  }
  if (units_.size() + units >= kNowhere) return broken("an audit remembers too much");
  const auto place = static_cast<std::uint32_t>(units_.size());
  static constexpr FixedBytes<kUnitBytes> kZeros{};
  for (std::size_t i = 0; i < units; ++i) TRY(units_.push(kZeros));
  return place;
}

Status BlobStore::put(std::uint64_t number, ByteView bytes) {
  CHECK_INVARIANT(number < kNowhere && bytes.size() <= kBlobBytesMax);
  if (number >= places_.size()) places_.resize(static_cast<std::size_t>(number) + 1, kNowhere);
  std::uint32_t& place = places_[static_cast<std::size_t>(number)];
  const std::size_t units = units_for(bytes.size());
  if (place != kNowhere) {
    FixedBytes<kUnitBytes> head;
    TRY(units_.get(place, head));
    const std::size_t had = units_for(get_be<std::uint32_t>(head.data()));
    if (had != units) {
      if (free_.size() <= had) free_.resize(had + 1);
      free_[had].push_back(place);
      place = kNowhere;
    }
  }
  if (place == kNowhere) {
    TRY_ASSIGN(place, allocate(units));
  }
  Bytes padded;
  append_be(padded, static_cast<std::uint32_t>(bytes.size()));
  append(padded, bytes);
  padded.resize(units * kUnitBytes);
  return units_.set(place, padded);
}

Status BlobStore::get(std::uint64_t number, Bytes& out) const {
  out.clear();
  if (number >= places_.size() || places_[static_cast<std::size_t>(number)] == kNowhere) return {};
  const std::uint32_t place = places_[static_cast<std::size_t>(number)];
  out.resize(kUnitBytes);
  TRY(units_.get(place, out));
  const std::size_t length = get_be<std::uint32_t>(out.data());
  const std::size_t units = units_for(length);
  out.resize(units * kUnitBytes);
  TRY(units_.get(place + 1, std::span(out).subspan(kUnitBytes)));
  out.erase(out.begin(), out.begin() + kHeadBytes);
  out.resize(length);
  return {};
}

}  // namespace tocsin::protocol
