#include "storage/chain_store.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "storage/keys.h"

namespace tocsin::storage {
namespace {

constexpr std::size_t kHeadBytes = 8 + 8 + 32 + 32;

}  // namespace

void ChainStore::put(Batch& batch, const Hash& origin, const Hash& chain, const ChainHead& head) {
  FixedBytes<kHeadBytes> row;
  put_be(row.data(), head.seq);
  put_be(row.data() + 8, head.index);
  std::copy(head.leaf.begin(), head.leaf.end(), row.begin() + 16);
  std::copy(head.signal.begin(), head.signal.end(), row.begin() + 48);
  batch.put(Family::kChain, origin_hash_key(origin, chain), row);
}

Result<std::optional<ChainHead>> ChainStore::get(const Hash& origin, const Hash& chain) const {
  TRY_ASSIGN(const auto row, store_.get(Family::kChain, origin_hash_key(origin, chain)));
  if (!row) return std::optional<ChainHead>();
  if (row->size() != kHeadBytes)
    return fail(Code::kDataLoss, "a chain's head has a wrong length", "storage/chain");
  const ByteView bytes = as_view(*row);
  ChainHead head;
  head.seq = get_be<std::uint64_t>(bytes.data());
  head.index = get_be<std::uint64_t>(bytes.data() + 8);
  std::copy_n(bytes.begin() + 16, 32, head.leaf.begin());
  std::copy_n(bytes.begin() + 48, 32, head.signal.begin());
  return std::optional<ChainHead>(head);
}

}  // namespace tocsin::storage
