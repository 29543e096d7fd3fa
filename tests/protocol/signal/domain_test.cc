#include "protocol/signal/domain.h"

#include <random>
#include <string>

#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::protocol;

namespace {

std::string canonical(std::string_view text) {
  const auto domain = canonical_domain(text);
  return domain ? *domain : domain.error().rule;
}

}  // namespace

TEST_CASE("a domain is written in lower-case A-labels without a final dot") {
  CHECK(canonical(" Example.COM. ") == "example.com");
  CHECK(canonical("bücher.example") == "xn--bcher-kva.example");
  CHECK(canonical("BÜCHER.example") == "xn--bcher-kva.example");
  CHECK(canonical("xn--bcher-kva.example") == "xn--bcher-kva.example");
  CHECK(canonical("faß.de") == "xn--fa-hia.de");
  CHECK(canonical("ｅxample。com") == "example.com");
  CHECK(canonical("evil[.]example[dot]com") == "evil.example.com");
}

TEST_CASE("what is no host name is no domain") {
  for (const auto* text : {"", ".", "a..com", "-a.com", "a-.com", "a_b.com", "a b.com", "http://a.com",
                           "a.com/x", "a.com:80", "x@a.com", "*.a.com", "a.123", "xn--a.com", "a\x80.com"}) {
    INFO(text);
    CHECK(canonical(text) == "signal/format");
  }
  CHECK(canonical(std::string("a\0b.com", 7)) == "signal/format");
  CHECK(canonical(std::string(64, 'a') + ".com") == "signal/format");
  CHECK(canonical(std::string(63, 'a') + ".com") == std::string(63, 'a') + ".com");
  std::string many;
  for (int i = 0; i < 130; ++i) many += "a.";
  CHECK(canonical(many + "com") == "signal/format");
  CHECK(canonical(std::string(1 << 20, 'a')) == "signal/format");
}

TEST_CASE("an IP address is refused as such before the public-suffix test sees it") {
  for (const auto* text :
       {"192.0.2.1", "0x7f.1", "3279880203", "2001:db8::1", "[2001:db8::1]", "１.２.３.４"}) {
    INFO(text);
    const auto domain = canonical_domain(text);
    REQUIRE_FALSE(domain);
    CHECK(domain.error().rule == "signal/format");
    CHECK(domain.error().message.find("IP address") != std::string::npos);
  }
}

TEST_CASE("a bare public suffix is refused, a name below one is not") {
  for (const auto* text : {"com", "co.uk", "github.io", "localhost", "xn--p1ai"}) {
    INFO(text);
    CHECK(canonical(text) == "signal/too-broad");
  }
  CHECK(canonical("a.co.uk") == "a.co.uk");
  CHECK(canonical("a.github.io") == "a.github.io");
}

TEST_CASE("the tables a domain rests on have versions") {
  CHECK(domain_tables().find("idn2 ") == 0);
  CHECK(domain_tables().find(", psl ") != std::string::npos);
}

TEST_CASE("canonicalising a domain twice changes nothing") {
  std::mt19937 random(7);
  const std::u32string alphabet = U"ab-.xn0Aüß。ｅ\u0130\u00ad\u200dأب名\u0301\U0001f600[]";
  unsigned accepted = 0;
  for (int i = 0; i < 30000; ++i) {
    std::string text;
    for (std::size_t n = 1 + random() % 12; n > 0; --n) {
      const char32_t c =
          random() % 8 == 0 ? static_cast<char32_t>(random() % 0x3000) : alphabet[random() % alphabet.size()];
      if (c < 0x80) {
        text += static_cast<char>(c);
      } else if (c < 0x800) {
        text += {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
      } else if (c < 0x10000) {
        text += {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
                 static_cast<char>(0x80 | (c & 63))};
      } else {
        text += {static_cast<char>(0xf0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
                 static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
      }
    }
    text += ".com";
    const auto once = canonical_domain(text);
    if (!once) continue;
    ++accepted;
    INFO(text << " -> " << *once);
    REQUIRE(canonical_domain(*once).value_or("refused") == *once);
  }
  CHECK(accepted > 500);
}
