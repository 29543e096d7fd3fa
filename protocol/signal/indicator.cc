#include "protocol/signal/indicator.h"

#include <algorithm>
#include <array>

#include "crypto/base/encoding.h"
#include "protocol/signal/domain.h"
#include "protocol/signal/text.h"
#include "protocol/signal/url.h"

namespace tocsin::protocol {
namespace {

struct TypeRow {
  IndicatorType type;
  std::string_view name;
  std::string_view rule;
  std::string_view noun;
  std::size_t digest_bytes;  // 0 for text types
};

constexpr std::array<TypeRow, 6> kTypes{{
    {IndicatorType::kSha256, "sha256", "sha256/hex/v1", "a SHA-256 digest", 32},
    {IndicatorType::kSha1, "sha1", "sha1/hex/v1", "a SHA-1 digest", 20},
    {IndicatorType::kMd5, "md5", "md5/hex/v1", "an MD5 digest", 16},
    {IndicatorType::kPdq, "pdq", "pdq/hex/v1", "a PDQ hash", 32},
    {IndicatorType::kUrl, "url", "url/gsb/v1", "a URL", 0},
    {IndicatorType::kDomain, "domain", "domain/uts46/v1", "a domain", 0},
}};

struct BenignFile {
  IndicatorType type;
  std::string_view digest;
  std::string_view what;
};

// Files that everybody has: a listing of one would match half the network.
constexpr BenignFile kBenign[] = {
    {IndicatorType::kSha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "the empty file"},
    {IndicatorType::kSha256, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
     "a single zero byte"},
    {IndicatorType::kSha256, "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b",
     "a single line feed"},
    {IndicatorType::kSha256, "7eb70257593da06f682a3ddda54a9d260d4fc514f645237f5ca74b08f8da61a6",
     "a single line end"},
    {IndicatorType::kSha256, "ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7",
     "4096 zero bytes"},
    {IndicatorType::kSha256, "ef1955ae757c8b966c83248350331bd3a30f658ced11f387f8ebf05ab3368629",
     "the transparent one-pixel GIF"},
    {IndicatorType::kSha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709", "the empty file"},
    {IndicatorType::kSha1, "5ba93c9db0cff93f52b521d7420e43f6eda2784f", "a single zero byte"},
    {IndicatorType::kSha1, "adc83b19e793491b1c6ea0fd8b46cd9f32e592fc", "a single line feed"},
    {IndicatorType::kSha1, "ba8ab5a0280b953aa97435ff8946cbcbb2755a27", "a single line end"},
    {IndicatorType::kSha1, "1ceaf73df40e531df3bfb26b4fb7cd95fb7bff1d", "4096 zero bytes"},
    {IndicatorType::kSha1, "d5fceb6532643d0d84ffe09c40c481ecdf59e15a", "the transparent one-pixel GIF"},
    {IndicatorType::kMd5, "d41d8cd98f00b204e9800998ecf8427e", "the empty file"},
    {IndicatorType::kMd5, "93b885adfe0da089cdf634904fd59f71", "a single zero byte"},
    {IndicatorType::kMd5, "68b329da9893e34099c7d8ad5cb9c940", "a single line feed"},
    {IndicatorType::kMd5, "81051bcc2cf1bedf378224b0a93e2877", "a single line end"},
    {IndicatorType::kMd5, "620f0b67a91f7f74151bc5be745b7110", "4096 zero bytes"},
    {IndicatorType::kMd5, "d89746888da2d9510b64a9f031eaecd5", "the transparent one-pixel GIF"},
};

const TypeRow* row_of(IndicatorType type) {
  const auto it =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& row) { return row.type == type; });
  return it == kTypes.end() ? nullptr : &*it;
}

tl::unexpected<Error> unknown_type(const std::string& what) {
  std::string names;
  for (const TypeRow& row : kTypes) names += (names.empty() ? "" : ", ") + std::string(row.name);
  Error error{Code::kInvalidArgument, what + " is not an indicator type", "signal/type"};
  error.fix = "use one of " + names;
  return fail(std::move(error));
}

Error refuse(std::string_view text, const TypeRow& row, const std::string& reason, std::string_view rule) {
  return Error{Code::kInvalidArgument, quoted(text) + " is not " + std::string(row.noun) + ": " + reason,
               std::string(rule)};
}

Status check_digest(const TypeRow& row, ByteView value, std::string_view text) {
  if (row.type == IndicatorType::kPdq) {
    PdqHash hash;
    std::copy(value.begin(), value.end(), hash.bytes.begin());
    const unsigned set = pdq_bits_set(hash);
    if (set >= kPdqBitsSetMin && set <= kPdqBitsSetMax) return {};
    return fail(Error{Code::kInvalidArgument,
                      quoted(text) + " is a degenerate PDQ hash: " + std::to_string(set) +
                          " of 256 bits are set, a photograph has 32 to 224",
                      "signal/degenerate"});
  }
  if (std::all_of(value.begin(), value.end(), [&](std::uint8_t byte) { return byte == value.front(); }))
    return fail(refuse(text, row, "it is one byte repeated, a placeholder", "signal/benign"));
  const std::string hex = hex_encode(value);
  for (const BenignFile& file : kBenign)
    if (file.type == row.type && file.digest == hex)
      return fail(Error{Code::kInvalidArgument, quoted(text) + " is the digest of " + std::string(file.what),
                        "signal/benign"});
  return {};
}

Result<Bytes> parse_digest(const TypeRow& row, std::string_view text) {
  const std::string_view digits = trim(text);
  const std::size_t need = 2 * row.digest_bytes;
  const std::string wanted = "need " + std::to_string(need) + " hex digits, got ";
  if (digits.size() != need)
    return fail(refuse(digits, row, wanted + std::to_string(digits.size()), "signal/format"));
  const auto bad = std::find_if(digits.begin(), digits.end(), [](char c) { return hex_digit(c) < 0; });
  if (bad != digits.end())
    return fail(refuse(digits, row,
                       wanted + quoted(std::string_view(&*bad, 1)) + " at position " +
                           std::to_string(bad - digits.begin() + 1),
                       "signal/format"));
  TRY_ASSIGN(Bytes value, hex_decode(digits));
  TRY(check_digest(row, value, digits));
  return value;
}

Result<Bytes> parse_url(std::string_view text) {
  TRY_ASSIGN(const CanonicalUrl url, canonical_url(text));
  if (!url.host_is_address) {
    const bool whole_host = url.path == "/" && url.query.empty();
    if (url.host.find('.') == std::string::npos)
      return fail(Code::kInvalidArgument,
                  quoted(text) + " is not a URL: " + quoted(url.host) + " is no public host",
                  "signal/format");
    if (whole_host && is_public_suffix(url.host))
      return fail(Code::kInvalidArgument,
                  quoted(text) + " covers a whole public suffix, under which anybody registers",
                  "signal/too-broad");
  }
  return to_bytes(as_view(url.text()));
}

Result<Bytes> parse_value(const TypeRow& row, std::string_view text) {
  if (row.digest_bytes != 0) return parse_digest(row, text);
  if (row.type == IndicatorType::kUrl) return parse_url(text);
  TRY_ASSIGN(const std::string domain, canonical_domain(text));
  return to_bytes(as_view(domain));
}

}  // namespace

// The one place that makes indicators.
class IndicatorRules {
 public:
  static Result<Indicator> make(const TypeRow& row, std::string_view text) {
    TRY_ASSIGN(Bytes value, parse_value(row, text));
    return Indicator(row.type, std::move(value));
  }
};

std::string Indicator::text() const {
  return row_of(type_)->digest_bytes != 0 ? hex_encode(value_) : to_string(value_);
}

Bytes Indicator::encode() const {
  Bytes out;
  out.reserve(1 + value_.size());
  out.push_back(static_cast<std::uint8_t>(type_));
  append(out, value_);
  return out;
}

PdqHash Indicator::pdq() const {
  CHECK_INVARIANT(type_ == IndicatorType::kPdq);
  PdqHash hash;
  std::copy(value_.begin(), value_.end(), hash.bytes.begin());
  return hash;
}

Result<Indicator> parse_indicator(IndicatorType type, std::string_view text) {
  const TypeRow* row = row_of(type);
  if (row == nullptr) return unknown_type("number " + std::to_string(static_cast<unsigned>(type)));
  return IndicatorRules::make(*row, text);
}

Result<Indicator> decode_indicator(ByteView encoded) {
  if (encoded.empty()) return fail(Code::kInvalidArgument, "an indicator is not empty", "signal/format");
  const TypeRow* row = row_of(static_cast<IndicatorType>(encoded[0]));
  if (row == nullptr) return unknown_type("number " + std::to_string(encoded[0]));
  const ByteView value = encoded.subspan(1);
  TRY_ASSIGN(Indicator indicator,
             IndicatorRules::make(*row, row->digest_bytes != 0 ? hex_encode(value) : to_string(value)));
  if (!equal(indicator.value(), value))
    return fail(refuse(as_text(value), *row, "it is not in canonical form", "signal/format"));
  return indicator;
}

std::string_view indicator_type_name(IndicatorType type) {
  const TypeRow* row = row_of(type);
  return row == nullptr ? "unknown" : row->name;
}

Result<IndicatorType> indicator_type_from_name(std::string_view name) {
  for (const TypeRow& row : kTypes)
    if (row.name == name) return row.type;
  return unknown_type(quoted(name));
}

std::string_view rule_id(IndicatorType type) {
  const TypeRow* row = row_of(type);
  return row == nullptr ? "unknown" : row->rule;
}

}  // namespace tocsin::protocol
