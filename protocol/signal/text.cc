#include "protocol/signal/text.h"

#include <algorithm>

namespace tocsin::protocol {
namespace {

constexpr std::size_t kQuotedBytesMax = 48;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

char closing(char open) {
  return open == '[' ? ']' : open == '(' ? ')' : '}';
}

// The length of the guarded dot that `close` completes at the end of `out`, without `close`; 0 when there is
// none.
std::size_t guarded_dot(std::string_view out, char close) {
  for (const std::string_view word : {std::string_view("."), std::string_view("dot")}) {
    if (out.size() < word.size() + 1) continue;
    const char open = out[out.size() - word.size() - 1];
    if ((open != '[' && open != '(' && open != '{') || closing(open) != close) continue;
    if (lower_ascii(out.substr(out.size() - word.size())) == word) return word.size() + 1;
  }
  return 0;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return static_cast<unsigned char>(c) <= 0x20; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, kQuotedBytesMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + (text.size() > kQuotedBytesMax ? "…\"" : "\"");
}

std::string refang_dots(std::string_view text, DotRuns runs) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (c == ']' || c == ')' || c == '}') {
      if (const std::size_t length = guarded_dot(out, c); length != 0) {
        out.resize(out.size() - length);
        c = '.';
      }
    }
    if (c == '.' && runs == DotRuns::kMerge && (out.empty() || out.back() == '.')) continue;
    out += c;
  }
  return out;
}

}  // namespace tocsin::protocol
