#pragma once
// Anchor: the file outside RocksDB that remembers how far the store had come.
//
// RocksDB may recover to an earlier state without saying so, and a ledger that goes on signing from there has
// forked. So each commit is first written here, twice in one write, and flushed; the store is then brought up
// to it. An entry says the commit's number, the ledger's head after it and, when they are few, the rows
// themselves. The file is allocated once and written over in two halves, so that its flush moves no metadata;
// whoever fills a half makes the store durable before turning to the other one.
// Guarantee: one damaged copy of an entry loses nothing; both copies of an entry that is not the newest, or
// of any later one, are noticed. A newest entry of which neither copy is whole was never flushed. Errors:
// kUnavailable when the file cannot be read or written; kDataLoss when what was just written reads back
// differently. Concurrency: one thread. Source: reliability.md facts 1-2 of the design; storage/DESIGN.md;
// ops/decisions/0003.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "crypto/base/bytes.h"

namespace rocksdb {
class Env;
}

namespace tocsin::storage {

// The state of the node's own ledger that a commit leaves behind.
struct LogHead {
  std::uint64_t epoch = 0;  // grows with each declared break of the log
  std::uint64_t size = 0;   // records
  Hash root{};
  Hash seal{};  // by a key that is not in the store; whoever only edits files cannot make one

  Bytes encode() const;  // 80 bytes
  static Result<LogHead> parse(ByteView bytes);
  friend bool operator==(const LogHead&, const LogHead&) = default;
};

struct AnchorEntry {
  std::uint64_t number = 0;  // of the commit, counted from 1 over the store's whole life
  LogHead head;
  bool carried = false;  // whether the rows are here; else they were durable in the store before
  Bytes rows;            // a Batch's own form
};

// Commits of more bytes are not carried: they would be written three times.
inline constexpr std::size_t kCarriedBytesMax = 16 << 10;

class Anchor {
 public:
  struct Place {
    rocksdb::Env* env = nullptr;  // null: the machine's own files
    std::string path;
    std::size_t half_bytes = 0;  // a multiple of 4096, room for one carried entry at least
  };
  // What a file holds.
  struct Found {
    bool exists = false;
    bool damaged = false;              // later entries are there than the run of `entries` leads to
    unsigned half = 0;                 // where they stand
    std::vector<AnchorEntry> entries;  // the newest run, ascending, without gaps
  };
  // kUnavailable when there is a file that cannot be read.
  static Result<Found> read(const Place& place);
  // Goes on behind `found`, in the half that does not hold it; makes the file when there is none. Everything
  // in `found` must be durable in the store.
  static Result<std::unique_ptr<Anchor>> open(const Place& place, const Found& found);
  // Forgets what stands there.
  static Result<std::unique_ptr<Anchor>> replace(const Place& place);
  ~Anchor();
  Anchor(const Anchor&) = delete;
  Anchor& operator=(const Anchor&) = delete;

  // Whether the half in use has room for it. When not: make the store durable, then turn().
  bool has_room(const AnchorEntry& entry) const;
  void turn();
  // Hands the entry to the machine and reads it back; nothing is durable yet. The rows as they were read.
  Result<Bytes> write(const AnchorEntry& entry);
  // Everything written is durable.
  Status flush();

 private:
  struct File;
  Anchor(std::unique_ptr<File> file, std::size_t half_bytes, unsigned half);

  const std::unique_ptr<File> file_;
  const std::size_t half_bytes_;
  unsigned half_;
  std::size_t at_ = 0;  // in the half
  Bytes buffer_;
};

}  // namespace tocsin::storage
