#include "protocol/signal/domain.h"

#include <algorithm>
#include <cstdint>
#include <memory>

#include <arpa/inet.h>
#include <idn2.h>
#include <libpsl.h>

#include "protocol/signal/text.h"

namespace tocsin::protocol {
namespace {

constexpr std::size_t kLabelBytesMax = 63;

bool is_label_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

// The hyphen and length rules hold for labels that were ASCII all along, which UTS-46 mapping does not check
// alike in every version of the library.
bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLabelBytesMax &&
         std::all_of(label.begin(), label.end(), is_label_byte) && label.front() != '-' &&
         label.back() != '-';
}

std::optional<std::string> to_ascii(const std::string& name) {
  std::uint8_t* out = nullptr;
  // Not the library's STD3 flag: it drops the characters it should refuse, so that two names become one.
  const int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;
  const int rc = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(name.c_str()), &out, flags);
  const std::unique_ptr<std::uint8_t, void (*)(void*)> owner(out, idn2_free);
  if (rc != IDN2_OK || out == nullptr) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(out));
}

// One part of an address as a C library reads it: 0x hex, 0 octal, else decimal.
std::optional<std::uint64_t> ipv4_part(std::string_view part) {
  unsigned base = 10;
  if (part.size() > 2 && part[0] == '0' && (part[1] == 'x' || part[1] == 'X')) {
    base = 16;
    part.remove_prefix(2);
  } else if (part.size() > 1 && part[0] == '0') {
    base = 8;
    part.remove_prefix(1);
  }
  if (part.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : part) {
    const int digit = hex_digit(c);
    if (digit < 0 || static_cast<unsigned>(digit) >= base) return std::nullopt;
    value = value * base + static_cast<unsigned>(digit);
    if (value > 0xffffffffU) return std::nullopt;
  }
  return value;
}

std::string dotted_quad(std::uint32_t address) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    text += std::to_string(address >> shift & 0xffU);
    if (shift != 0) text += '.';
  }
  return text;
}

tl::unexpected<Error> bad_domain(std::string_view text, std::string_view reason,
                                 std::string_view rule = "signal/format") {
  return fail(Code::kInvalidArgument, quoted(text) + " is not a domain: " + std::string(reason),
              std::string(rule));
}

}  // namespace

std::optional<std::string> ipv4_literal(std::string_view host) {
  // Resolvers ignore what follows a space, provided the whole is no longer than a dotted quad can be.
  if (host.size() <= 15) host = host.substr(0, host.find(' '));
  std::uint64_t address = 0;
  for (int parts = 1; parts <= 4; ++parts) {
    const std::size_t dot = host.find('.');
    const auto part = ipv4_part(host.substr(0, dot));
    if (!part) return std::nullopt;
    if (dot == std::string_view::npos) {
      const int bits_left = 8 * (5 - parts);  // the last part fills what the others left
      if (*part >> bits_left != 0) return std::nullopt;
      return dotted_quad(static_cast<std::uint32_t>(address << bits_left | *part));
    }
    if (*part > 0xff) return std::nullopt;
    address = address << 8 | *part;
    host.remove_prefix(dot + 1);
  }
  return std::nullopt;
}

std::optional<std::string> ipv6_literal(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  in6_addr address;
  if (inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1) return std::nullopt;
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    const std::uint8_t* v4 = address.s6_addr + 12;
    return dotted_quad(std::uint32_t{v4[0]} << 24 | std::uint32_t{v4[1]} << 16 | std::uint32_t{v4[2]} << 8 |
                       v4[3]);
  }
  char out[INET6_ADDRSTRLEN];
  if (inet_ntop(AF_INET6, &address, out, sizeof out) == nullptr) return std::nullopt;
  return std::string(out);
}

std::optional<std::string> label_to_ascii(std::string_view label) {
  // The library reads C strings, and no label holds a control character.
  if (std::any_of(label.begin(), label.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20; }))
    return std::nullopt;
  auto ascii = to_ascii(std::string(label));
  if (!ascii || !is_label(*ascii)) return std::nullopt;
  return ascii;
}

std::string fold_dots(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view three = text.substr(i, 3);
    if (three == "\u3002" || three == "\uff0e" || three == "\uff61") {
      out += '.';
      i += 3;
    } else {
      out += text[i++];
    }
  }
  return out;
}

bool is_public_suffix(std::string_view host) {
  const psl_ctx_t* table = psl_builtin();
  CHECK_INVARIANT(table != nullptr);
  return psl_is_public_suffix(table, std::string(host).c_str()) != 0;
}

Result<std::string> canonical_domain(std::string_view text) {
  if (text.size() > kDomainInputBytesMax) return bad_domain(text, "it is longer than 1024 bytes");
  std::string name = lower_ascii(fold_dots(refang_dots(trim(text))));
  if (name.ends_with('.')) name.pop_back();
  if (name.empty()) return bad_domain(text, "it is empty");
  std::string_view address = name;
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  if (ipv4_literal(name) || ipv6_literal(address)) return bad_domain(text, "it is an IP address");
  std::string out;
  for (std::string_view rest = name;;) {
    const std::size_t dot = rest.find('.');
    const auto label = label_to_ascii(rest.substr(0, dot));
    if (!label)
      return bad_domain(text, "label " + quoted(rest.substr(0, dot)) + " is not allowed in a host name");
    out += *label;
    if (dot == std::string_view::npos) break;
    out += '.';
    rest.remove_prefix(dot + 1);
  }
  if (out.size() > kDomainBytesMax)
    return bad_domain(text, "it has " + std::to_string(out.size()) + " bytes, the most is 253");
  // Mapping may have produced digits: ask again what a resolver would make of it, and refuse all-numeric top
  // labels.
  const std::string_view top = std::string_view(out).substr(out.rfind('.') + 1);
  if (ipv4_literal(out) || std::all_of(top.begin(), top.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return bad_domain(text, "it ends in a number, as an IP address does");
  if (is_public_suffix(out))
    return bad_domain(text, "it is a public suffix, under which anybody registers", "signal/too-broad");
  return out;
}

std::string domain_tables() {
  return "idn2 " + std::string(idn2_check_version(nullptr)) + ", psl " + psl_get_version() + " list " +
         std::string(psl_builtin_sha1sum()).substr(0, 12);
}

}  // namespace tocsin::protocol
