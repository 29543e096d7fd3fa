#pragma once
// PdqIndex: every stored PDQ hash within a Hamming distance of a query. Exact: all matches, always.
//
// Entries are numbered from 0 in insertion order. A snapshot sees the entries inserted before it was opened;
// a removal is one atomic store and takes effect for every search that starts after it, in older snapshots
// too, so nothing that was withdrawn is reported because somebody held a snapshot. Concurrency: one writer
// (insert, remove) and any number of readers, without a lock between them. Source: performance.md of the
// design; the multi-index of that document replaces the scan behind this interface.

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "protocol/signal/pdq.h"

namespace tocsin::storage {

inline constexpr unsigned kPdqRadiusMax = 64;
inline constexpr unsigned kPdqRadiusDefault = 31;

struct PdqMatch {
  std::uint32_t entry = 0;
  unsigned distance = 0;
  friend bool operator==(const PdqMatch&, const PdqMatch&) = default;
};

class PdqIndex {
  struct Block;
  using Blocks = std::vector<std::shared_ptr<Block>>;

 public:
  class Snapshot {
   public:
    // All entries within `radius` (at most kPdqRadiusMax), by entry number.
    std::vector<PdqMatch> search(const protocol::PdqHash& query, unsigned radius) const;
    // As search() for each query, walking the entries once for all of them.
    std::vector<std::vector<PdqMatch>> search_many(std::span<const protocol::PdqHash> queries,
                                                   unsigned radius) const;
    std::uint32_t size() const { return size_; }

   private:
    friend class PdqIndex;
    std::shared_ptr<const Blocks> blocks_;
    std::uint32_t size_ = 0;
  };

  PdqIndex();
  ~PdqIndex();

  std::uint32_t insert(const protocol::PdqHash& hash);
  void remove(std::uint32_t entry);
  Snapshot open() const;

 private:
  // Readers take the list by an atomic load; the writer replaces it when a block is added.
  std::atomic<std::shared_ptr<const Blocks>> blocks_;
  std::atomic<std::uint32_t> size_{0};
};

}  // namespace tocsin::storage
