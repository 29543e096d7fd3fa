#pragma once
// A correct ledger of any size and its bundle, neither of which is ever held: records, tiles and openings are
// made again when somebody reads them.
//
// Each record is a submission in a chain of its own, which is what costs an audit the most memory a record;
// the last says what is opened. Making one takes some ten microseconds, twice: when the manifest is made, and
// when it is read. Concurrency: one thread.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tests/support/ledger_records.h"

namespace tocsin::test {

class LargeLedger {
 public:
  explicit LargeLedger(std::uint64_t records);
  std::uint64_t archive_bytes() const { return archive_bytes_; }
  // Any part of the archive.
  void read(std::uint64_t offset, std::span<std::uint8_t> out);
  // Asks for no witnesses.
  std::string policy() const;

 private:
  enum class Kind : std::uint8_t { kText, kTile, kEntries, kOpenings };
  struct File {
    std::string name;
    Kind kind = Kind::kText;
    std::uint64_t block = 0;  // kTile, kEntries
    std::string text;
    std::uint64_t header = 0;  // where it begins in the archive
    std::uint64_t size = 0;
    Hash sha256{};
  };
  struct Block {
    Bytes entries, hashes, openings;
  };
  const BuiltRecord* made_at(std::uint64_t index) const;
  Slots slots_of(std::uint64_t index) const;
  protocol::Leaf leaf_of(std::uint64_t index) const;
  void append_record(std::uint64_t index, Block& block) const;
  const Block& block(std::uint64_t number);
  void make_files();
  void add_text(const std::string& name, std::string text);
  void lay_out();
  void read_file(const File& file, std::uint64_t at, std::span<std::uint8_t> out);

  const TestNode node_, peer_;
  mutable LedgerBuilder beginning_;
  const std::uint64_t size_;
  std::uint64_t first_ = 0;
  std::vector<std::uint64_t> opening_ends_;  // by block
  std::map<std::string, File> files_;
  std::vector<const File*> by_place_;
  std::uint64_t archive_bytes_ = 0;
  std::map<std::uint64_t, Block> blocks_;  // the last ones made
};

}  // namespace tocsin::test
