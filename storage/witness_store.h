#pragma once
// WitnessStore: what we cosigned last of each log, and the notes of our own ledger that others cosigned.
//
// A log's row is the note we cosigned, as its log signed it: what must never be contradicted. Our own notes
// are kept by size, every one that was published. Errors: kDataLoss, rule "storage/witness". Concurrency: any
// thread reads; puts go into the sequencer's batch. Source: storage/DESIGN.md.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/store.h"

namespace tocsin::storage {

class WitnessStore {
 public:
  explicit WitnessStore(const Store& store) : store_(store) {}

  static void put_seen(Batch& batch, std::string_view origin, std::string_view note);
  // Empty for a log we never cosigned.
  Result<std::optional<std::string>> seen(std::string_view origin) const;

  struct OwnNote {
    std::uint64_t size = 0;
    std::string note;
  };
  // Removes our own notes of more than `size` records.
  Status forget_cosigned(Batch& batch, std::uint64_t size) const;
  static void put_cosigned(Batch& batch, std::uint64_t size, std::string_view note);
  Result<std::optional<OwnNote>> newest_cosigned() const;
  // The one of the least size that is at least `size`.
  Result<std::optional<OwnNote>> cosigned_from(std::uint64_t size) const;

 private:
  const Store& store_;
};

}  // namespace tocsin::storage
