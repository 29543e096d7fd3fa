#include "protocol/identity/ids.h"

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/process/event.h"

namespace tocsin::protocol {
namespace {

constexpr std::string_view kSignalPrefix = "sig_";
constexpr std::size_t kIdDigits = 52;
constexpr std::string_view kDigits = "abcdefghijklmnopqrstuvwxyz234567";

ByteView context(std::string_view text_with_zero) {
  return as_view(text_with_zero);
}

tl::unexpected<Error> not_an_id() {
  return fail(
      {Code::kInvalidArgument,
       "not a signal's id",
       "signal/id",
       "an id is sig_ and 52 letters a-z or digits 2-7; the first four are enough where they are unique",
       {}});
}

// Puts the five bits of base32 digit `at` into place.
void put_digit(Hash& hash, std::size_t at, unsigned bits) {
  for (unsigned i = 0; i < 5; ++i) {
    const std::size_t bit = at * 5 + i;
    if (bit >= 256 || (bits >> (4 - i) & 1) == 0) continue;
    hash[bit / 8] = static_cast<std::uint8_t>(hash[bit / 8] | 0x80u >> bit % 8);
  }
}

}  // namespace

Hash signal_id(const Hash& issuer, ByteView indicator) {
  return crypto::Blake2b256()
      .update(context({"tocsin1/signal\0", 15}))
      .update(issuer)
      .update(indicator)
      .finish();
}

Hash signal_chain_id(const Secret<32>& chain_key, const Hash& signal) {
  return crypto::blake2b_256(signal, chain_key.expose());
}

Hash batch_chain_id(const Secret<32>& chain_key, const FixedBytes<16>& batch) {
  return crypto::Blake2b256(chain_key.expose()).update(as_view("batch")).update(batch).finish();
}

Hash node_chain_id(const Secret<32>& chain_key) {
  return crypto::blake2b_256(as_view("node"), chain_key.expose());
}

std::string print_signal_id(const Hash& signal) {
  return std::string(kSignalPrefix) + base32_encode(signal);
}

Result<Hash> parse_signal_id(std::string_view text) {
  if (!text.starts_with(kSignalPrefix) || text.size() != kSignalPrefix.size() + kIdDigits) return not_an_id();
  const auto bytes = base32_decode(text.substr(kSignalPrefix.size()));
  if (!bytes || bytes->size() != sizeof(Hash)) return not_an_id();
  return fixed<32>(*bytes, "signal id");
}

Result<SignalRange> parse_signal_prefix(std::string_view text) {
  if (!text.starts_with(kSignalPrefix)) return not_an_id();
  const std::string_view digits = text.substr(kSignalPrefix.size());
  if (digits.size() < kSignalPrefixMin || digits.size() > kIdDigits) return not_an_id();
  if (digits.size() == kIdDigits) {
    TRY_ASSIGN(const Hash exact, parse_signal_id(text));
    return SignalRange{exact, exact};
  }
  SignalRange range;
  for (std::size_t i = 0; i < kIdDigits; ++i) {
    std::size_t value = kDigits.size();
    if (i < digits.size() && (value = kDigits.find(digits[i])) == std::string_view::npos) return not_an_id();
    const bool open = value == kDigits.size();
    put_digit(range.low, i, open ? 0u : static_cast<unsigned>(value));
    put_digit(range.high, i, open ? 31u : static_cast<unsigned>(value));
  }
  return range;
}

Hash label_set_hash(std::vector<std::string> labels) {
  return label_set_hash(slot_labels(0, std::move(labels)).value);
}

Hash label_set_hash(ByteView labels_value) {
  return crypto::sha256_parts({context({"tocsin1/labels\0", 15}), labels_value});
}

Hash recipient_set_digest(std::vector<Hash> fingerprints) {
  const SlotValue sorted = slot_hashes(0, std::move(fingerprints));
  return crypto::sha256_parts({context({"tocsin1/recipients\0", 19}), sorted.value});
}

}  // namespace tocsin::protocol
