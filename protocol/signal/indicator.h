#pragma once
// Indicator: what a signal is about, in the one form that is compared, signed and logged. Never content,
// never a person.
//
// Guarantee: an Indicator holds a value that its type's rule accepts; there is no other way to make one.
// Rules (the id travels in the record, and a rule is never changed in place):
//   sha256/hex/v1 sha1/hex/v1 md5/hex/v1   hex of exact length, either case; placeholders (one byte repeated)
//   and
//                                          digests of empty and well-known harmless files refused
//   pdq/hex/v1                             64 hex digits, 32..224 bits set; the quality travels apart, 0..100
//   url/gsb/v1                             url.h; a bare public suffix or a single-label host refused
//   domain/uts46/v1                        domain.h
// Values: the raw digest or hash bytes; for url and domain the canonical text.
// Errors: kInvalidArgument with rule "signal/type" (unknown type), "signal/format" (not of that type),
// "signal/benign" (a harmless file), "signal/degenerate" (a PDQ hash that matches at random) or
// "signal/too-broad". Concurrency: immutable values and pure functions. Source: protocol/SPEC.md,
// normalisation.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/base/bytes.h"
#include "crypto/base/result.h"
#include "protocol/signal/pdq.h"

namespace tocsin::protocol {

// Numbers are on the wire and in the ledger; account tokens and others follow later.
enum class IndicatorType : std::uint8_t { kSha256 = 1, kSha1 = 2, kMd5 = 3, kPdq = 4, kUrl = 5, kDomain = 6 };

inline constexpr unsigned kPdqQualityMax = 100;
// Degenerate PDQ hashes come from flat or striped images and lie near each other whatever they show.
inline constexpr unsigned kPdqBitsSetMin = 32;
inline constexpr unsigned kPdqBitsSetMax = 224;

class Indicator {
 public:
  IndicatorType type() const { return type_; }
  const Bytes& value() const { return value_; }
  // The canonical text, which parse_indicator accepts: lower-case hex, `host/path?query`, or a domain.
  std::string text() const;
  // One type byte, then the value: the form that is hashed and keyed.
  Bytes encode() const;
  // Only for type kPdq.
  PdqHash pdq() const;

  auto operator<=>(const Indicator&) const = default;

 private:
  friend class IndicatorRules;
  Indicator(IndicatorType type, Bytes value) : type_(type), value_(std::move(value)) {}
  IndicatorType type_;
  Bytes value_;
};

// Untrusted text, as a person or a list wrote it, to an indicator by the rule of its type.
Result<Indicator> parse_indicator(IndicatorType type, std::string_view text);
// The bytes of encode() and nothing else: a value not in canonical form is refused, not repaired.
Result<Indicator> decode_indicator(ByteView encoded);

// "sha256" "sha1" "md5" "pdq" "url" "domain".
std::string_view indicator_type_name(IndicatorType type);
Result<IndicatorType> indicator_type_from_name(std::string_view name);
// As in "url/gsb/v1".
std::string_view rule_id(IndicatorType type);

}  // namespace tocsin::protocol
