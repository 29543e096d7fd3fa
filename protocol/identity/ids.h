#pragma once
// Ids: of signals, of chains, and the digests that name a set of labels or recipients (SPEC §3, §4).
//
// A signal's id is the same for everybody who knows its issuer and indicator; a chain's id is blinded with
// the node's chain key, so that two nodes' ledgers do not link. Errors: kInvalidArgument, rule "signal/id".
// Concurrency: pure functions.

#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"

namespace tocsin::protocol {

// `indicator` is u8 type ‖ value; `issuer` the fingerprint of the issuer's root key.
Hash signal_id(const Hash& issuer, ByteView indicator);

Hash signal_chain_id(const Secret<32>& chain_key, const Hash& signal);
Hash batch_chain_id(const Secret<32>& chain_key, const FixedBytes<16>& batch);
Hash node_chain_id(const Secret<32>& chain_key);

// "sig_" and 52 characters of lower-case base32.
std::string print_signal_id(const Hash& signal);
Result<Hash> parse_signal_id(std::string_view text);

// All ids that begin as a person typed: low ≤ id ≤ high.
struct SignalRange {
  Hash low{};
  Hash high{};
  bool contains(const Hash& signal) const { return low <= signal && signal <= high; }
};
inline constexpr std::size_t kSignalPrefixMin = 4;  // characters after "sig_"; fewer name too many signals
// "sig_" and 4 to 52 characters.
Result<SignalRange> parse_signal_prefix(std::string_view text);

// H("tocsin1/labels" ‖ 0x00 ‖ LABELS value). The value form takes the bytes of a LABELS slot.
Hash label_set_hash(std::vector<std::string> labels);
Hash label_set_hash(ByteView labels_value);
// H("tocsin1/recipients" ‖ 0x00 ‖ fingerprints ascending, doubles dropped).
Hash recipient_set_digest(std::vector<Hash> fingerprints);

}  // namespace tocsin::protocol
