#pragma once
// What an audited bundle can still be asked about its ledger's past, once its tree was found whole: the root
// at a size, a leaf at an index (steps V4 and V12).
//
// Read from the bundle's tiles where asked, so that nothing is kept for questions that may never come.
// Errors: kNotFound when the bundle does not hold it. Concurrency: belongs to one thread.

#include <map>
#include <memory>

#include "protocol/log/leaf.h"
#include "protocol/verify/tree.h"

namespace tocsin::protocol {

class History {
 public:
  // `whole`: the bundle has every tile.
  History(std::shared_ptr<const Bundle> bundle, std::uint64_t size, bool whole)
      : bundle_(std::move(bundle)), size_(size), whole_(whole) {}

  std::uint64_t size() const { return size_; }
  bool whole() const { return whole_; }
  Result<Hash> root_at(std::uint64_t size);
  Result<Leaf> leaf_at(std::uint64_t index) const;

 private:
  const std::shared_ptr<const Bundle> bundle_;
  const std::uint64_t size_;
  const bool whole_;
  std::map<std::uint64_t, Hash> roots_;  // the last few asked for
};

}  // namespace tocsin::protocol
