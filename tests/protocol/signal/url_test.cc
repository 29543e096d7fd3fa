#include "protocol/signal/url.h"

#include <random>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "protocol/signal/domain.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

using namespace tocsin;
using namespace tocsin::protocol;

namespace {

std::string bytes_of(const boost::json::value& v) {
  return to_string(test::hex_bytes(v));
}

bool must_fail(const boost::json::value& v) {
  return v.at("fail").as_bool();
}

std::string canonical(std::string_view text) {
  const auto url = canonical_url(text);
  return url ? url->text() : "refused: " + url.error().message;
}

std::string random_text(std::mt19937& random, std::string_view alphabet) {
  std::string text;
  for (std::size_t n = random() % 60; n > 0; --n) {
    const auto c = random() % 40 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
    text += c;
  }
  return text;
}

}  // namespace

TEST_CASE("every canonical URL of the Safe Browsing vectors is ours without its scheme and query") {
  const auto vectors = test::shared_vectors("url/safebrowsing.json");
  if (!vectors) return;
  for (const auto& v : vectors->at("CanonicalURL").as_array()) {
    const std::string in = bytes_of(v.at("in_hex")), out = bytes_of(v.at("out_hex"));
    INFO(in);
    const auto url = canonical_url(in);
    REQUIRE(url.has_value() == !must_fail(v));
    if (url) CHECK(url->host + url->path == out.substr(out.find("://") + 3));
  }
}

TEST_CASE("every host and path of the Safe Browsing vectors is ours") {
  const auto vectors = test::shared_vectors("url/safebrowsing.json");
  if (!vectors) return;
  for (const auto& v : vectors->at("CanonicalHost").as_array()) {
    const auto url = canonical_url(bytes_of(v.at("in_hex")));
    REQUIRE(url.has_value() == !must_fail(v));
    if (url) CHECK(url->host == bytes_of(v.at("out_hex")));
  }
  for (const auto& v : vectors->at("CanonicalPath").as_array()) {
    const auto url = canonical_url(bytes_of(v.at("in_hex")));
    REQUIRE(url.has_value() == !must_fail(v));
    if (url) CHECK(url->path == bytes_of(v.at("out_hex")));
  }
}

TEST_CASE("every address of the Safe Browsing vectors is read as a resolver reads it") {
  const auto vectors = test::shared_vectors("url/safebrowsing.json");
  if (!vectors) return;
  for (const auto& v : vectors->at("ParseIPAddress").as_array()) {
    INFO(bytes_of(v.at("in_hex")));
    CHECK(ipv4_literal(bytes_of(v.at("in_hex"))).value_or("") == bytes_of(v.at("out_hex")));
  }
}

TEST_CASE("every expression list of the Safe Browsing vectors is ours, in its order") {
  const auto vectors = test::shared_vectors("url/safebrowsing.json");
  if (!vectors) return;
  for (const auto& v : vectors->at("GeneratePatterns").as_array()) {
    INFO(v.at("in").as_string().c_str());
    const auto url = canonical_url(std::string(v.at("in").as_string()));
    REQUIRE(url.has_value() == !must_fail(v));
    if (!url) continue;
    std::vector<std::string> expected;
    for (const auto& out : v.at("out").as_array()) expected.emplace_back(out.as_string());
    CHECK(url_expressions(*url) == expected);
  }
}

TEST_CASE("a guarded URL means what its author guarded") {
  CHECK(canonical("hxxps://evil[.]example[.]com/a[.]html") == "evil.example.com/a.html");
  CHECK(canonical("hxxp[://]evil(dot)example{.}com/") == "evil.example.com/");
  CHECK(canonical("hXXp[:]//EVIL[DOT]example.com") == "evil.example.com/");
  CHECK(canonical("http://[[.]]example.com/") == canonical("http://example.com"));
}

TEST_CASE("scheme, user, port and fragment do not distinguish URLs, path case and query do") {
  CHECK(canonical("http://u:p@x@Example.COM:8080/A?b=C#d") == "example.com/A?b=C");
  CHECK(canonical("example.com:443/A?b=C") == "example.com/A?b=C");
  CHECK(canonical("http://example.com/A") != canonical("http://example.com/a"));
  CHECK(canonical("http://example.com/?") == "example.com/");
  CHECK(canonical("http://example.com?q=/../x") == "example.com/?q=/../x");
}

TEST_CASE("a URL that a browser opens elsewhere is not read as pointing here") {
  CHECK(canonical("http://good.example%2f@evil.example/") == "evil.example/");
  CHECK(canonical("http://evil.example\\@good.example/") == "evil.example/\\@good.example/");
  CHECK(canonical("http://evil.example%2fx.good.example/").starts_with("refused"));
  CHECK(canonical("http://evil%40good.example/").starts_with("refused"));
}

TEST_CASE("every spelling of an address is one host") {
  for (const auto* text : {"http://127.0.0.1/", "http://0x7f.1/", "http://017700000001/", "http://2130706433",
                           "http://[::ffff:127.0.0.1]/", "http://１２７.0.0.1/", "http://127。0。0。1/"})
    CHECK(canonical(text) == "127.0.0.1/");
  CHECK(canonical("http://[2001:DB8:0:0::1]:80/") == "[2001:db8::1]/");
  CHECK(canonical("http://[2001:db8::1/").starts_with("refused"));
  CHECK(canonical("http://[fe80::1%25eth0]/").starts_with("refused"));
}

TEST_CASE("a URL embedded in a path or query survives") {
  CHECK(canonical("http://web.example/save/http://Other.example/X") ==
        "web.example/save/http:/Other.example/X");
  CHECK(canonical("http://web.example/?u=http://Other.example//X") ==
        "web.example/?u=http://Other.example//X");
}

TEST_CASE("URLs that differ in one code point stay apart") {
  CHECK(canonical("http://example.com/\U0001f600") != canonical("http://example.com/\U0001f601"));
  CHECK(canonical("http://example.com/\U0001f600") != canonical("http://example.com/?"));
}

TEST_CASE("a URL longer than the limit is refused, before and after escaping") {
  CHECK(canonical("http://a.example/" + std::string(kUrlBytesMax, 'a')).starts_with("refused"));
  CHECK(canonical("http://a.example/" + std::string(kUrlBytesMax / 2, '\x80')).starts_with("refused"));
  CHECK(canonical("http://a.example/" + std::string(kUrlBytesMax / 4, '\x80')).starts_with("a.example/%80"));
}

TEST_CASE("a percent escape nested to the length limit is undone in one go") {
  std::string nested = "http://a.example/%";
  while (nested.size() < kUrlBytesMax - 4) nested += "25";
  nested += "41";
  CHECK(canonical(nested) == "a.example/A");
}

TEST_CASE("canonicalising a URL twice changes nothing") {
  std::mt19937 random(20260101);
  constexpr std::string_view kAlphabets[] = {"ab./%25?#[]()dot:@\\ 3Ff0x", "%2523efEF05b ./",
                                             "\xc3\xbc\xe3\x80\x82\xef\xbc\x8e.a/%8", "[.]{dot}%5b5d/..?"};
  unsigned accepted = 0;
  for (int i = 0; i < 40000; ++i) {
    const std::string text = (i % 2 == 0 ? "http://" : "") + random_text(random, kAlphabets[random() % 4]);
    const auto once = canonical_url(text);
    if (!once) continue;
    ++accepted;
    const auto twice = canonical_url(once->text());
    INFO(text << " -> " << once->text());
    REQUIRE(twice);
    REQUIRE(twice->text() == once->text());
    REQUIRE(*twice == *once);
    REQUIRE(url_expressions(*once).size() <= kUrlHostFormsMax * kUrlPathFormsMax);
  }
  CHECK(accepted > 5000);
}
