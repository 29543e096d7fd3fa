#include "protocol/identity/descriptor.h"

#include <algorithm>

#include <arpa/inet.h>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/log/text.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "identity/descriptor";
constexpr const char* kNameRule = "identity/name";
constexpr const char* kFingerprintRule = "identity/fingerprint";
constexpr std::string_view kFingerprintPrefix = "SHA256:";
constexpr std::size_t kBodyMax = 4096;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_dns_label(std::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-'; });
}

bool is_dns_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  while (true) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (!is_dns_label(label)) return false;
    if (dot == std::string_view::npos) return !std::all_of(label.begin(), label.end(), is_digit);
    name.remove_prefix(dot + 1);
  }
}

bool is_ip(int family, std::string_view text) {
  unsigned char buffer[sizeof(in6_addr)];
  return text.size() < INET6_ADDRSTRLEN && inet_pton(family, std::string(text).c_str(), buffer) == 1;
}

bool is_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    return is_ip(AF_INET6, host.substr(1, host.size() - 2));
  return is_dns_name(host) || is_ip(AF_INET, host);
}

Status check_fields(const v1::NodeDescriptor& message) {
  TRY(check_node_name(message.name()));
  TRY(check_address(message.address()));
  if (!is_key_name(message.log_origin()))
    return fail(Code::kInvalidArgument, "the descriptor's log origin is not a checkpoint origin", kRule);
  if (message.valid_from_ms() >= message.valid_until_ms())
    return fail(Code::kInvalidArgument, "the descriptor's validity ends before it begins", kRule);
  return {};
}

}  // namespace

KeyId key_id(const crypto::PublicKey& key) {
  const Hash digest = crypto::sha256_parts({as_view({"tocsin1/key-id\0", 15}), key});
  return *fixed<8>(ByteView(digest).first(8), "key id");
}

Hash fingerprint(const crypto::PublicKey& root_key) {
  return crypto::sha256(root_key);
}

std::string print_fingerprint(const Hash& fingerprint) {
  std::string text = base64_encode(fingerprint);
  text.pop_back();  // 32 bytes always leave one sign of padding
  return std::string(kFingerprintPrefix) + text;
}

Result<Hash> parse_fingerprint(std::string_view text) {
  const auto wrong = [] {
    return fail({Code::kInvalidArgument,
                 "not a fingerprint",
                 kFingerprintRule,
                 "a fingerprint is SHA256: and 43 characters of base64",
                 {}});
  };
  if (!text.starts_with(kFingerprintPrefix)) return wrong();
  text.remove_prefix(kFingerprintPrefix.size());
  if (text.size() != 43) return wrong();
  const auto bytes = base64_decode(std::string(text) + "=");
  if (!bytes || bytes->size() != sizeof(Hash)) return wrong();
  return fixed<32>(*bytes, "fingerprint");
}

Status check_node_name(std::string_view name) {
  if (is_dns_name(name)) return {};
  return fail({Code::kInvalidArgument,
               "a node's name is a lower-case DNS name",
               kNameRule,
               {},
               "use a name such as video.example"});
}

Status check_address(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon != std::string_view::npos && is_host(address.substr(0, colon))) {
    const auto port = parse_decimal(address.substr(colon + 1));
    if (port && *port >= 1 && *port <= UINT16_MAX) return {};
  }
  return fail({Code::kInvalidArgument,
               "an address is host:port",
               kNameRule,
               {},
               "use an address such as video.example:7946 or [2001:db8::1]:7946"});
}

std::string cosigner_name(std::string_view node_name) {
  return std::string(node_name) + "/witness";
}

Result<ValidDescriptor> parse_descriptor(const v1::SignedDescriptor& in) {
  if (in.body().size() > kBodyMax) return fail(Code::kInvalidArgument, "the descriptor is over 4 KiB", kRule);
  ValidDescriptor out;
  out.signed_ = in;
  if (!out.message_.ParseFromString(in.body()))
    return fail(Code::kInvalidArgument, "the descriptor does not parse", kRule);
  TRY_ASSIGN(out.root_key_, fixed<32>(as_view(out.message_.root_key()), "root key"));
  TRY_ASSIGN(out.operational_key_, fixed<32>(as_view(out.message_.operational_key()), "operational key"));
  TRY_ASSIGN(out.envelope_key_, fixed<32>(as_view(out.message_.envelope_key()), "envelope key"));
  TRY_ASSIGN(out.tls_spki_, fixed<32>(as_view(out.message_.tls_spki_sha256()), "TLS key hash"));
  TRY_ASSIGN(const auto signature, fixed<64>(as_view(in.signature()), "descriptor signature"));
  TRY(check_fields(out.message_));
  TRY(crypto::check_public_key(out.root_key_));
  TRY(crypto::check_public_key(out.operational_key_));
  if (!crypto::verify("descriptor", as_view(in.body()), signature, out.root_key_))
    return fail(Code::kUnauthenticated, "the descriptor is not signed by its root key", "identity/signature");
  if (!out.message_.cosigner_key().empty()) {
    TRY_ASSIGN(const auto key, fixed<32>(as_view(out.message_.cosigner_key()), "cosigner key"));
    TRY_ASSIGN(out.cosigner_,
               make_verifier_key(cosigner_name(out.message_.name()), KeyType::kCosignatureV1, key));
  }
  out.fingerprint_ = protocol::fingerprint(out.root_key_);
  return out;
}

Result<ValidDescriptor> parse_descriptor(ByteView serialised) {
  v1::SignedDescriptor in;
  if (serialised.size() > 2 * kBodyMax ||
      !in.ParseFromArray(serialised.data(), static_cast<int>(serialised.size())))
    return fail(Code::kInvalidArgument, "the signed descriptor does not parse", kRule);
  return parse_descriptor(in);
}

Result<v1::SignedDescriptor> sign_descriptor(const v1::NodeDescriptor& descriptor,
                                             const crypto::SigningKey& root_key) {
  if (!equal(as_view(descriptor.root_key()), root_key.public_key()))
    return fail(Code::kInvalidArgument, "the descriptor names another root key", kRule);
  v1::SignedDescriptor out;
  out.set_body(descriptor.SerializeAsString());
  out.set_signature(to_string(root_key.sign("descriptor", as_view(out.body()))));
  TRY(parse_descriptor(out));
  return out;
}

}  // namespace tocsin::protocol
