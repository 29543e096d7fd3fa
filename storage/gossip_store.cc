#include "storage/gossip_store.h"

namespace tocsin::storage {
namespace {

// The witness family's third kind of rows.
constexpr std::uint8_t kGossip = 2;
constexpr std::size_t kKeyBytes = 1 + 32 + 32;

}  // namespace

void GossipStore::put(Batch& batch, const Seen& seen) {
  Bytes key = {kGossip};
  append(key, seen.issuer);
  append(key, seen.holder);
  batch.put(Family::kWitness, key, as_view(seen.row.SerializeAsString()));
}

Result<std::vector<GossipStore::Seen>> GossipStore::list() const {
  const auto damaged = [] {
    return fail(Code::kDataLoss, "what a peer saw does not parse", "storage/gossip");
  };
  std::vector<Seen> out;
  const Bytes prefix = {kGossip};
  Cursor rows = store_.scan(Family::kWitness, prefix);
  for (; rows.valid(); rows.next()) {
    if (rows.key().size() != kKeyBytes) return damaged();
    Seen& seen = out.emplace_back();
    seen.issuer = *fixed<32>(rows.key().subspan(1, 32), "issuer");
    seen.holder = *fixed<32>(rows.key().subspan(33, 32), "holder");
    const ByteView value = rows.value();
    if (!seen.row.ParseFromArray(value.data(), static_cast<int>(value.size()))) return damaged();
  }
  TRY(rows.status());
  return out;
}

}  // namespace tocsin::storage
