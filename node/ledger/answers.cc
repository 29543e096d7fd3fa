#include "node/ledger/answers.h"

#include "crypto/base/encoding.h"
#include "node/ledger/changes.h"

namespace tocsin::node {

Bytes encode_answer(const StoredAnswer& answer) {
  Bytes out;
  append_be(out, answer.first);
  append_be(out, answer.count);
  append_be(out, answer.time_ms);
  return out;
}

Result<StoredAnswer> parse_answer(ByteView row) {
  if (row.size() != 24) return fail(Code::kDataLoss, "a stored answer has a wrong length", "ledger/answer");
  return StoredAnswer{get_be<std::uint64_t>(row.data()), get_be<std::uint64_t>(row.data() + 8),
                      get_be<std::uint64_t>(row.data() + 16)};
}

Result<std::optional<Append>> forget_answers(const storage::Store& store, std::uint64_t now_ms) {
  std::vector<Bytes> old;
  auto cursor = store.scan(storage::Family::kIdempotency);
  for (; cursor.valid() && old.size() < kAnswersForgottenMax; cursor.next()) {
    TRY_ASSIGN(const StoredAnswer answer, parse_answer(cursor.value()));
    if (answer.time_ms + kAnswersKeptMs <= now_ms) old.push_back(to_bytes(cursor.key()));
  }
  TRY(cursor.status());
  if (old.empty()) return std::optional<Append>();
  Append append;
  append.correction = true;  // it makes room
  append.effects = [old = std::move(old)](Changes& changes) -> Status {
    for (const Bytes& key : old) changes.batch().remove(storage::Family::kIdempotency, key);
    return {};
  };
  return std::optional<Append>(std::move(append));
}

}  // namespace tocsin::node
