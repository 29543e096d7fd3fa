#include "storage/signal_store.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "storage/keys.h"

namespace tocsin::storage {
namespace {

tl::unexpected<Error> damaged(const char* what) {
  return fail(Code::kDataLoss, what, "storage/signal");
}

Hash signal_of(const v1::Case& value) {
  CHECK_INVARIANT(value.signal().size() == 32);
  Hash signal;
  std::copy_n(as_view(value.signal()).begin(), 32, signal.begin());
  return signal;
}

Result<v1::Case> parse(ByteView row) {
  v1::Case value;
  if (!value.ParseFromArray(row.data(), static_cast<int>(row.size())) || value.signal().size() != 32)
    return damaged("a stored case does not parse");
  return value;
}

}  // namespace

std::uint64_t due_ms(const v1::Case& value) {
  switch (value.origin().phase()) {
    case v1::SHAREABLE:
    case v1::LIVE:
      return value.origin().valid_until_ms();
    case v1::RETRACTING:
      return value.origin().retraction_due_ms();
    default:
      return 0;
  }
}

void SignalStore::put(Batch& batch, const v1::Case* before, const v1::Case& after) {
  const Hash signal = signal_of(after);
  batch.put(Family::kSignal, signal, as_view(after.SerializeAsString()));
  const bool moved = before == nullptr || before->indicator() != after.indicator();
  if (moved && before != nullptr && !before->indicator().empty())
    batch.remove(Family::kIndicator, indicator_key(as_view(before->indicator()), signal));
  if (moved && !after.indicator().empty())
    batch.put(Family::kIndicator, indicator_key(as_view(after.indicator()), signal), {});
  const std::uint64_t due_before = before == nullptr ? 0 : due_ms(*before);
  const std::uint64_t due_after = due_ms(after);
  if (due_before == due_after) return;
  if (due_before != 0) batch.remove(Family::kDue, due_key(due_before, signal));
  if (due_after != 0) batch.put(Family::kDue, due_key(due_after, signal), {});
}

Result<std::optional<v1::Case>> SignalStore::get(const Hash& signal) const {
  TRY_ASSIGN(const auto row, store_.get(Family::kSignal, signal));
  if (!row) return std::optional<v1::Case>();
  TRY_ASSIGN(auto value, parse(as_view(*row)));
  return std::optional<v1::Case>(std::move(value));
}

Result<std::vector<v1::Case>> SignalStore::list(ByteView prefix, const Hash* after, std::size_t limit) const {
  std::vector<v1::Case> out;
  Cursor cursor = store_.scan(Family::kSignal, prefix, after == nullptr ? ByteView() : ByteView(*after));
  for (; cursor.valid() && out.size() < limit; cursor.next()) {
    if (after != nullptr && equal(cursor.key(), *after)) continue;
    TRY_ASSIGN(auto value, parse(cursor.value()));
    out.push_back(std::move(value));
  }
  TRY(cursor.status());
  return out;
}

Result<std::vector<Hash>> SignalStore::by_indicator(ByteView indicator) const {
  std::vector<Hash> out;
  if (indicator.empty() || indicator.size() > 65536) return out;
  const Bytes prefix = indicator_prefix(indicator);
  Cursor cursor = store_.scan(Family::kIndicator, prefix);
  for (; cursor.valid(); cursor.next()) {
    TRY_ASSIGN(const Hash signal, fixed<32>(cursor.key().subspan(prefix.size()), "signal id"));
    out.push_back(signal);
  }
  TRY(cursor.status());
  return out;
}

Status SignalStore::each_indicator(std::uint8_t type, const Each& each) const {
  const std::uint8_t prefix[1] = {type};
  Cursor cursor = store_.scan(Family::kIndicator, type == 0 ? ByteView() : ByteView(prefix));
  Bytes indicator;
  for (; cursor.valid(); cursor.next()) {
    const ByteView key = cursor.key();
    if (key.size() < 3 + 32) return damaged("an indicator's row is too short");
    const std::size_t length = get_be<std::uint16_t>(key.data() + 1);
    if (key.size() != 3 + length + 32) return damaged("an indicator's row has a wrong length");
    indicator.assign(1, key[0]);
    append(indicator, key.subspan(3, length));
    TRY_ASSIGN(const Hash signal, fixed<32>(key.subspan(3 + length), "signal id"));
    if (!each(indicator, signal)) return {};
  }
  return cursor.status();
}

Result<std::vector<Hash>> SignalStore::due(std::uint64_t now_ms, std::size_t limit) const {
  std::vector<Hash> out;
  Cursor cursor = store_.scan(Family::kDue);
  for (; cursor.valid() && out.size() < limit; cursor.next()) {
    if (cursor.key().size() != 40) return damaged("a due row has a wrong length");
    if (get_be<std::uint64_t>(cursor.key().data()) > now_ms) break;
    TRY_ASSIGN(const Hash signal, fixed<32>(cursor.key().subspan(8), "signal id"));
    out.push_back(signal);
  }
  TRY(cursor.status());
  return out;
}

}  // namespace tocsin::storage
