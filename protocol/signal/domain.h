#pragma once
// Domain names in the one form that is compared and signed: rule `domain/uts46/v1`, and the two tables it
// rests on.
//
// The form: lower-case A-labels by UTS-46 (non-transitional, STD3), 1..63 bytes a label, at most 253 in all,
// no final dot. Guarantee: canonical_domain(canonical_domain(x)) = canonical_domain(x); an IP address is
// refused before the public-suffix test, since that test misreads addresses; a bare public suffix is refused,
// as it would name everybody below it. Errors: kInvalidArgument, rule "signal/format" or "signal/too-broad".
// Tables: libidn2's and libpsl's built-in ones; domain_tables() names their versions for the record. No file
// is read. Concurrency: pure functions. Source: UTS #46, RFC 5891, publicsuffix.org.

#include <optional>
#include <string>
#include <string_view>

#include "crypto/base/result.h"

namespace tocsin::protocol {

inline constexpr std::size_t kDomainBytesMax = 253;
// What is read before it is given up: an internationalised name is longer as UTF-8 than as A-labels.
inline constexpr std::size_t kDomainInputBytesMax = 1024;

Result<std::string> canonical_domain(std::string_view text);

// Whether `host` (lower-case A-labels) is a public suffix; a single unlisted label counts as one.
bool is_public_suffix(std::string_view host);

// The dotted quad that resolvers read from 1..4 decimal, octal or hex parts; nothing when it is no address.
std::optional<std::string> ipv4_literal(std::string_view host);
// The canonical text (RFC 5952, without brackets) of an IPv6 address; a v4-mapped one becomes a dotted quad.
std::optional<std::string> ipv6_literal(std::string_view text);

// One label, UTF-8 to its A-label; nothing when UTS-46 with STD3 refuses it.
std::optional<std::string> label_to_ascii(std::string_view label);

// Ideographic and full-width full stops become ".".
std::string fold_dots(std::string_view text);

// As in "idn2 2.3.3, psl 0.21.2 list 54b0fd8f1a2c": library versions and the digest of the public-suffix
// list.
std::string domain_tables();

}  // namespace tocsin::protocol
