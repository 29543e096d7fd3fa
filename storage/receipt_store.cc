#include "storage/receipt_store.h"

#include "crypto/base/encoding.h"

namespace tocsin::storage {
namespace {

constexpr std::size_t kKeyBytes = 32 + 32 + 8;
constexpr std::size_t kRowBytes = 8 + 8;

Bytes receipt_key(const Hash& issuer, const Hash& receiver, std::uint64_t to) {
  Bytes key;
  key.reserve(kKeyBytes);
  append(key, issuer);
  append(key, receiver);
  append_be(key, to);
  return key;
}

}  // namespace

void ReceiptStore::put(Batch& batch, const Hash& receiver, std::uint64_t index,
                       const protocol::ValidEvent& receipt) {
  FixedBytes<kRowBytes> row;
  put_be(row.data(), receipt.number(0));
  put_be(row.data() + 8, index);
  batch.put(Family::kReceipt, receipt_key(receipt.hash(protocol::kSlotOrigin), receiver, receipt.number(1)),
            row);
}

Result<std::optional<std::uint64_t>> ReceiptStore::covering(const Hash& issuer, const Hash& receiver,
                                                            std::uint64_t index) const {
  Bytes prefix;
  append(prefix, issuer);
  append(prefix, receiver);
  Cursor rows = store_.scan(Family::kReceipt, prefix, receipt_key(issuer, receiver, index + 1));
  TRY(rows.status());
  if (!rows.valid()) return std::optional<std::uint64_t>();
  if (rows.key().size() != kKeyBytes || rows.value().size() != kRowBytes)
    return fail(Code::kDataLoss, "a receipt's row has a wrong length", "storage/receipt");
  if (get_be<std::uint64_t>(rows.value().data()) > index) return std::optional<std::uint64_t>();
  return std::optional(get_be<std::uint64_t>(rows.value().data() + 8));
}

}  // namespace tocsin::storage
