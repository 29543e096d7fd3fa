#include "protocol/signal/url.h"

#include <algorithm>
#include <optional>

#include "protocol/signal/domain.h"
#include "protocol/signal/text.h"

namespace tocsin::protocol {
namespace {

constexpr std::size_t kHostLabelsMax = 7;      // labels of the longest shortened host form
constexpr std::size_t kDirectoryFormsMax = 4;  // "/" and three directories

tl::unexpected<Error> bad_url(std::string_view text, std::string_view reason) {
  return fail(Code::kInvalidArgument, quoted(text) + " is not a URL: " + std::string(reason),
              "signal/format");
}

bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Undoes %xx until nothing is left to undo. Reductions never overlap, so working from the left over a stack
// gives the same text as whole passes would, in linear time.
std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    out += c;
    while (out.size() >= 3 && out[out.size() - 3] == '%') {
      const int high = hex_digit(out[out.size() - 2]), low = hex_digit(out.back());
      if (high < 0 || low < 0) break;
      out.resize(out.size() - 3);
      out += static_cast<char>(high << 4 | low);
    }
  }
  return out;
}

std::string escape(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '#' || c == '%') {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  return out;
}

// Step 1 of the rule.
std::string strip(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, text.find('#')))
    if (c != '\t' && c != '\r' && c != '\n') out += c;
  return std::string(trim(out));
}

// Removes "scheme://" in any of its guarded spellings; false when there is none.
bool strip_scheme(std::string_view& text) {
  if (text.empty() || !is_alpha(text.front())) return false;
  const auto end = std::find_if_not(text.begin(), text.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
  const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.begin()));
  for (const std::string_view separator : {"://", "[:]//", "[://]"}) {
    if (!rest.starts_with(separator)) continue;
    text = rest.substr(separator.size());
    return true;
  }
  return false;
}

// "host:port" to its host. An IPv6 literal keeps its brackets.
std::optional<std::string_view> strip_port(std::string_view authority) {
  const std::size_t bracket = authority.starts_with('[') ? authority.find(']') : std::string_view::npos;
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return authority;
  const std::string_view port = authority.substr(colon + 1);
  if (!std::all_of(port.begin(), port.end(), is_digit)) return std::nullopt;
  return authority.substr(0, colon);
}

// Labels outside ASCII become A-labels where they can; the others keep their bytes, as a resolver would see
// them.
std::string labels_to_ascii(std::string_view host) {
  std::string out;
  for (;;) {
    const std::size_t dot = host.find('.');
    const std::string_view label = host.substr(0, dot);
    const bool ascii =
        std::all_of(label.begin(), label.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    const auto mapped = ascii ? std::nullopt : label_to_ascii(label);
    out += mapped ? std::string_view(*mapped) : label;
    if (dot == std::string_view::npos) return out;
    out += '.';
    host.remove_prefix(dot + 1);
  }
}

Status set_host(CanonicalUrl& url, std::string_view raw, std::string_view whole) {
  std::string host = unescape(raw);
  if (host.starts_with('[') && host.ends_with(']')) {
    const auto address = ipv6_literal(std::string_view(host).substr(1, host.size() - 2));
    if (!address) return bad_url(whole, "the host in brackets is no IPv6 address");
    url.host = address->find(':') == std::string::npos ? *address : "[" + *address + "]";
    url.host_is_address = true;
    return {};
  }
  host = lower_ascii(refang_dots(fold_dots(host), DotRuns::kMerge));
  if (host.ends_with('.')) host.pop_back();
  if (host.empty()) return bad_url(whole, "it has no host");
  if (host.find_first_of("/\\?@:[]") != std::string::npos)
    return bad_url(whole, "its host holds a delimiter");
  host = labels_to_ascii(host);
  if (const auto address = ipv4_literal(host)) {
    url.host = *address;
    url.host_is_address = true;
    return {};
  }
  url.host = escape(host);
  return {};
}

std::string resolve_path(std::string_view path) {
  std::vector<std::string_view> segments;
  bool directory = true;  // whether the path ends in "/", "/." or "/.."
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    directory = slash != std::string_view::npos || segment == "." || segment == "..";
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      segments.push_back(segment);
    } else if (!segments.empty()) {
      segments.pop_back();
    }
  }
  std::string out;
  for (const std::string_view segment : segments) {
    out += '/';
    out += segment;
  }
  if (directory || segments.empty()) out += '/';
  return out;
}

}  // namespace

std::string CanonicalUrl::text() const {
  return query.empty() ? host + path : host + path + "?" + query;
}

Result<CanonicalUrl> canonical_url(std::string_view text) {
  if (text.size() > kUrlBytesMax) return bad_url(text, "it is longer than 8192 bytes");
  const std::string stripped = strip(text);
  std::string_view rest = stripped;
  const bool has_scheme = strip_scheme(rest);
  const std::size_t host_end = std::min(rest.find_first_of("/\\?"), rest.size());
  std::string_view authority = rest.substr(0, host_end);
  if (has_scheme)
    authority.remove_prefix(authority.rfind('@') + 1);  // npos + 1 is 0: no user, nothing to remove
  if (authority.empty()) return bad_url(text, "it has no host");
  if (authority.find('@') != std::string_view::npos) return bad_url(text, "it has a user and no scheme");
  const auto host = strip_port(authority);
  if (!host) return bad_url(text, "its port is not a number");
  CanonicalUrl url;
  TRY(set_host(url, *host, text));
  const std::string tail = refang_dots(unescape(rest.substr(host_end)));
  const std::size_t mark = tail.find('?');
  url.path = escape(resolve_path(std::string_view(tail).substr(0, mark)));
  if (mark != std::string::npos) url.query = escape(std::string_view(tail).substr(mark + 1));
  if (url.text().size() > kUrlBytesMax) return bad_url(text, "its canonical form is longer than 8192 bytes");
  return url;
}

std::vector<std::string> url_expressions(const CanonicalUrl& url) {
  std::vector<std::string_view> hosts{url.host};
  if (!url.host_is_address) {
    std::vector<std::string_view> suffixes;  // shortest first, from two labels up
    std::size_t dot = url.host.rfind('.');
    while (dot != std::string::npos && dot > 0 && suffixes.size() < kHostLabelsMax - 1) {
      dot = url.host.rfind('.', dot - 1);
      if (dot == std::string::npos) break;
      suffixes.push_back(std::string_view(url.host).substr(dot + 1));
    }
    hosts.insert(hosts.end(), suffixes.rbegin(), suffixes.rend());
  }
  std::vector<std::string> paths;
  if (!url.query.empty()) paths.push_back(url.path + "?" + url.query);
  paths.push_back(url.path);
  std::vector<std::string> directories;
  for (std::size_t slash = url.path.find('/');
       slash != std::string::npos && directories.size() < kDirectoryFormsMax;
       slash = url.path.find('/', slash + 1))
    directories.push_back(url.path.substr(0, slash + 1));
  for (auto it = directories.rbegin(); it != directories.rend(); ++it)
    if (*it != url.path) paths.push_back(std::move(*it));
  std::vector<std::string> all;
  all.reserve(hosts.size() * paths.size());
  for (const std::string_view host : hosts)
    for (const std::string& path : paths) all.push_back(std::string(host) + path);
  return all;
}

}  // namespace tocsin::protocol
