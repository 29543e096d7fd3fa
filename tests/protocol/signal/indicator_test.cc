#include "protocol/signal/indicator.h"

#include <random>

#include "crypto/base/encoding.h"
#include "protocol/signal/url.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::protocol;

namespace {

constexpr std::string_view kPdq = "d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22";
constexpr std::string_view kSha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr IndicatorType kAll[] = {IndicatorType::kSha256, IndicatorType::kSha1, IndicatorType::kMd5,
                                  IndicatorType::kPdq,    IndicatorType::kUrl,  IndicatorType::kDomain};

std::string outcome(IndicatorType type, std::string_view text) {
  const auto indicator = parse_indicator(type, text);
  return indicator ? indicator->text() : indicator.error().rule;
}

std::string message(IndicatorType type, std::string_view text) {
  const auto indicator = parse_indicator(type, text);
  return indicator ? "accepted" : indicator.error().message;
}

}  // namespace

TEST_CASE("each type reads its text and prints it canonically") {
  CHECK(outcome(IndicatorType::kSha256,
                " BA7816BF8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n") == kSha256);
  CHECK(outcome(IndicatorType::kSha1, "A9993E364706816ABA3E25717850C26C9CD0D89D") ==
        "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(outcome(IndicatorType::kMd5, "900150983cd24fb0d6963f7d28e17f72") ==
        "900150983cd24fb0d6963f7d28e17f72");
  CHECK(outcome(IndicatorType::kPdq, kPdq) == kPdq);
  CHECK(outcome(IndicatorType::kUrl, "HTTPS://Evil.Example/A?b#c") == "evil.example/A?b");
  CHECK(outcome(IndicatorType::kDomain, "Evil.Example.") == "evil.example");
}

TEST_CASE("a refusal says what is wrong and where") {
  CHECK(message(IndicatorType::kPdq, "xyz") == "\"xyz\" is not a PDQ hash: need 64 hex digits, got 3");
  CHECK(message(IndicatorType::kMd5, "900150983cd24fb0d6963f7d28e17fzz") ==
        "\"900150983cd24fb0d6963f7d28e17fzz\" is not an MD5 digest: need 32 hex digits, got \"z\" at "
        "position 31");
  CHECK(message(IndicatorType::kDomain, "co.uk").find("public suffix") != std::string::npos);
}

TEST_CASE("digests of empty, harmless and placeholder files are refused") {
  CHECK(outcome(IndicatorType::kMd5, "d41d8cd98f00b204e9800998ecf8427e") == "signal/benign");
  CHECK(outcome(IndicatorType::kSha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709") == "signal/benign");
  CHECK(outcome(IndicatorType::kSha256, "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855") ==
        "signal/benign");
  CHECK(outcome(IndicatorType::kMd5, "68b329da9893e34099c7d8ad5cb9c940") == "signal/benign");
  CHECK(outcome(IndicatorType::kSha256, std::string(64, '0')) == "signal/benign");
  CHECK(outcome(IndicatorType::kMd5, std::string(32, 'f')) == "signal/benign");
}

TEST_CASE("a PDQ hash with fewer than 32 or more than 224 bits set is degenerate") {
  CHECK(outcome(IndicatorType::kPdq, std::string(64, '0')) == "signal/degenerate");
  CHECK(outcome(IndicatorType::kPdq, std::string(32, '0')) == "signal/format");
  const auto with_bits = [](unsigned bits) {
    PdqHash hash;
    for (unsigned i = 0; i < bits; ++i)
      hash.bytes[i / 8] = static_cast<std::uint8_t>(hash.bytes[i / 8] | 1U << i % 8);
    return pdq_to_hex(hash);
  };
  CHECK(outcome(IndicatorType::kPdq, with_bits(31)) == "signal/degenerate");
  CHECK(outcome(IndicatorType::kPdq, with_bits(32)) == with_bits(32));
  CHECK(outcome(IndicatorType::kPdq, with_bits(224)) == with_bits(224));
  CHECK(outcome(IndicatorType::kPdq, with_bits(225)) == "signal/degenerate");
}

TEST_CASE("a URL that names nobody's or everybody's host is refused") {
  for (const auto* text : {"/", "", "http://", "http:///x", "//", "http://localhost/x", "mailto:a@b.example"})
    CHECK(outcome(IndicatorType::kUrl, text) == "signal/format");
  CHECK(outcome(IndicatorType::kUrl, "http://co.uk/") == "signal/too-broad");
  CHECK(outcome(IndicatorType::kUrl, "http://github.io/post") == "github.io/post");
  CHECK(outcome(IndicatorType::kUrl, "http://192.0.2.7/") == "192.0.2.7/");
}

TEST_CASE("an indicator survives its binary form and its text form") {
  const std::pair<IndicatorType, std::string_view> cases[] = {{IndicatorType::kSha256, kSha256},
                                                              {IndicatorType::kPdq, kPdq},
                                                              {IndicatorType::kUrl, "evil.example/a?b"},
                                                              {IndicatorType::kDomain, "evil.example"}};
  for (const auto& [type, text] : cases) {
    const auto indicator = parse_indicator(type, text);
    REQUIRE(indicator);
    const Bytes encoded = indicator->encode();
    CHECK(encoded[0] == static_cast<std::uint8_t>(type));
    CHECK(decode_indicator(encoded).value() == *indicator);
    CHECK(parse_indicator(type, indicator->text()).value() == *indicator);
  }
  CHECK(pdq_to_hex(parse_indicator(IndicatorType::kPdq, kPdq)->pdq()) == kPdq);
}

TEST_CASE("a binary form that is not canonical is refused, not repaired") {
  CHECK_FALSE(decode_indicator({}));
  CHECK_FALSE(decode_indicator(Bytes{0, 1}));
  CHECK_FALSE(decode_indicator(Bytes{7, 1}));
  CHECK_FALSE(decode_indicator(Bytes(32, 1)));
  CHECK_FALSE(decode_indicator(Bytes(34, 1)));
  CHECK_FALSE(decode_indicator(Bytes{1}));
  const auto coded = [](char type, std::string_view value) {
    return to_bytes(as_view(type + std::string(value)));
  };
  CHECK(decode_indicator(coded(6, "evil.example")));
  CHECK_FALSE(decode_indicator(coded(6, "Evil.example")));
  CHECK_FALSE(decode_indicator(coded(6, " evil.example")));
  CHECK_FALSE(decode_indicator(coded(5, "evil.example")));
  CHECK_FALSE(decode_indicator(coded(5, "http://evil.example/")));
  CHECK_FALSE(decode_indicator(coded(5, "evil.example/%41")));
}

TEST_CASE("every type has a name, a rule with a version, and finds its way back from the name") {
  for (const IndicatorType type : kAll) {
    CHECK(indicator_type_from_name(indicator_type_name(type)).value() == type);
    CHECK(rule_id(type).ends_with("/v1"));
  }
  CHECK(rule_id(IndicatorType::kUrl) == "url/gsb/v1");
  const auto unknown = indicator_type_from_name("tlsh");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().rule == "signal/type");
  CHECK(unknown.error().fix == "use one of sha256, sha1, md5, pdq, url, domain");
  CHECK_FALSE(parse_indicator(static_cast<IndicatorType>(0), "x"));
}

TEST_CASE("random bytes never make an indicator that does not read back") {
  std::mt19937 random(11);
  for (int i = 0; i < 20000; ++i) {
    Bytes bytes(random() % 48);
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    if (!bytes.empty()) bytes[0] = static_cast<std::uint8_t>(random() % 8);
    const auto indicator = decode_indicator(bytes);
    if (indicator) REQUIRE(indicator->encode() == bytes);
  }
}
