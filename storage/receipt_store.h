#pragma once
// ReceiptStore: which stretch of whose ledger each RECEIPT we hold answers for, so that a record's receipts
// are found without reading whole ledgers.
//
// A projection of openings, one row a page; it can be dropped and folded again. Errors: kDataLoss, rule
// "storage/receipt". Concurrency: any thread reads; puts go into the sequencer's batch.

#include <cstdint>
#include <optional>

#include "protocol/process/event.h"
#include "storage/store.h"

namespace tocsin::storage {

class ReceiptStore {
 public:
  explicit ReceiptStore(const Store& store) : store_(store) {}

  // `receipt` is a RECEIPT at `index` of the receiver's ledger.
  static void put(Batch& batch, const Hash& receiver, std::uint64_t index,
                  const protocol::ValidEvent& receipt);
  // Where in the receiver's ledger it answered for record `index` of the issuer's: the first time it did.
  Result<std::optional<std::uint64_t>> covering(const Hash& issuer, const Hash& receiver,
                                                std::uint64_t index) const;

 private:
  const Store& store_;
};

}  // namespace tocsin::storage
