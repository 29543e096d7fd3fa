#pragma once
// URLs in the one form that is compared and signed: rule `url/gsb/v1`.
//
// The form is `host/path?query` of Safe Browsing v4, without scheme, user, port and fragment. In order:
//  1. bytes <= 0x20 are trimmed from both ends, tab, CR and LF dropped, and everything from the first "#";
//  2. the scheme goes ("://", or written "[:]//" or "[://]"); without one the text begins with the host, and
//  then
//     neither a user nor anything but a numeric port may follow it;
//  3. the host ends at the first "/", "\" or "?"; user and port go; percent escapes are undone until none is
//  left,
//     guarded dots ("[.]", "(dot)") too; ASCII lower case; dots merged and trimmed; labels outside ASCII
//     become A-labels where UTS-46 allows and stay bytes where not; any spelling of an IPv4 address becomes a
//     dotted quad, a v4-mapped IPv6 address too; a host that still holds a delimiter is refused;
//  4. the rest is unescaped likewise and cut at its first "?"; "//", "/./" and "/../" are resolved in the
//  path;
//     case is kept; an empty query goes;
//  5. bytes <= 0x20, >= 0x7f, "#" and "%" are written %xx with lower-case digits as the vectors show.
// Guarantee: canonicalising twice changes nothing; time is linear in the input (at most 8 KiB, as the
// output). Errors: kInvalidArgument, rule "signal/format". Concurrency: pure functions. Source: Safe Browsing
// "URLs and hashing", with the differences named above.

#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/result.h"

namespace tocsin::protocol {

// The longest URL that browsers carry is shorter; a longer one is an attack on the parser.
inline constexpr std::size_t kUrlBytesMax = 8192;
inline constexpr std::size_t kUrlHostFormsMax = 7;  // the exact host and at most six shorter ones
inline constexpr std::size_t kUrlPathFormsMax = 6;

struct CanonicalUrl {
  std::string host;   // never empty; an IPv6 address stands in brackets
  std::string path;   // begins with "/"
  std::string query;  // without "?"; empty when there is none
  bool host_is_address = false;

  // `host/path?query`: what is compared, hashed and signed.
  std::string text() const;
  bool operator==(const CanonicalUrl&) const = default;
};

Result<CanonicalUrl> canonical_url(std::string_view text);

// What a listed expression may look like to cover this URL: every host form with every path form, the URL's
// own text first. Hosts: the exact one, then its last 7..2 labels (an address has no shorter form). Paths:
// with query, without,
// "/", and the first three directories. At most 42, no duplicates.
std::vector<std::string> url_expressions(const CanonicalUrl& url);

}  // namespace tocsin::protocol
