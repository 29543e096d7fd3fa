#pragma once
// Rows of bytes by number, more of them than memory may hold: the first in memory, the rest in a file without
// a name.
//
// What an audit must remember of every chain and case of a ledger of any size. A store takes at most the
// bytes it was given, and some kilobytes; beyond that rows go to a temporary file in TMPDIR (else /tmp),
// which nobody else can open and which ends with the process. Where no such file can be made rows stay in
// memory. Errors: the file cannot be written or read (kUnavailable, rule "bundle/read"). Concurrency: belongs
// to one thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "crypto/base/bytes.h"

namespace tocsin::protocol {

// A temporary file that is made when first written to.
class SpillFile {
 public:
  SpillFile() = default;
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;
  ~SpillFile();
  // False when no file can be made.
  bool ready();
  Status write(std::uint64_t offset, ByteView bytes) const;
  // What was never written reads as zeros.
  Status read(std::uint64_t offset, std::span<std::uint8_t> out) const;

 private:
  int descriptor_ = -1;
  bool tried_ = false;
};

// Rows of one width, numbered from 0 without gaps.
class RowStore {
 public:
  RowStore(std::size_t row_bytes, std::size_t memory_bytes_max);
  std::uint64_t size() const { return size_; }
  // One or several rows, one behind the other.
  Status push(ByteView rows);
  Status get(std::uint64_t number, std::span<std::uint8_t> rows) const;
  Status set(std::uint64_t number, ByteView rows);

 private:
  // Null: the row is in the file.
  std::uint8_t* in_memory(std::uint64_t number) const;
  const std::size_t row_bytes_, rows_a_page_, pages_max_;
  std::vector<std::unique_ptr<std::uint8_t[]>> pages_;
  mutable SpillFile file_;
  std::uint64_t size_ = 0;
  bool spilling_ = false;
};

// Rows that begin with a key, each key once: about 12 bytes of memory a row beyond the limit.
class KeyedRows {
 public:
  // Keys are of 32 or 64 bytes.
  KeyedRows(std::size_t key_bytes, std::size_t row_bytes, std::size_t memory_bytes_max);
  std::uint64_t size() const { return rows_.size(); }
  Result<std::optional<std::uint64_t>> find(ByteView key) const;
  // The row of that key; this row is added when there is none.
  struct Place {
    std::uint64_t number = 0;
    bool added = false;
  };
  Result<Place> find_or_add(ByteView row);
  Status get(std::uint64_t number, std::span<std::uint8_t> row) const { return rows_.get(number, row); }
  // With the key that it has.
  Status set(std::uint64_t number, ByteView row) { return rows_.set(number, row); }

 private:
  std::uint64_t hash_of(ByteView key) const;
  // Where in table_ the key is or would be.
  Result<std::size_t> slot_of(ByteView key) const;
  Status enlarge();

  const std::size_t key_bytes_, row_bytes_;
  RowStore rows_;
  // Open addressing by a keyed hash: whoever chose the keys cannot choose the collisions. A number and a part
  // of the hash each.
  std::vector<std::uint64_t> table_;
  std::uint64_t secret_[8];
};

// Byte strings by number, each up to 16 MiB, which change and grow. About 4 bytes of memory each beyond the
// limit. A number that was never put is empty.
class BlobStore {
 public:
  explicit BlobStore(std::size_t memory_bytes_max);
  // One past the greatest number put.
  std::uint64_t size() const { return places_.size(); }
  Status put(std::uint64_t number, ByteView bytes);
  Status get(std::uint64_t number, Bytes& out) const;

 private:
  Result<std::uint32_t> allocate(std::size_t units);

  std::vector<std::uint32_t> places_;  // in units; kNowhere
  RowStore units_;
  std::vector<std::vector<std::uint32_t>> free_;  // by length in units
};

}  // namespace tocsin::protocol
