#include "protocol/wire/json_text.h"

#include "tests/support/catch.h"

namespace {
std::string json(std::string_view text) {
  return tocsin::protocol::json_string(text);
}
}  // namespace

TEST_CASE("JSON strings escape what JSON forbids and keep well-formed UTF-8") {
  CHECK(json("plain") == "\"plain\"");
  CHECK(json(std::string_view("\0\b\x7f", 3)) == "\"\\u0000\\u0008\\u007f\"");
  CHECK(json("ж € 😀") == "\"ж € 😀\"");
}

TEST_CASE("bytes that are not UTF-8 become replacement characters") {
  const std::string r = "\xef\xbf\xbd";
  CHECK(json("\xff") == "\"" + r + "\"");
  CHECK(json("\xc0\xaf") == "\"" + r + r + "\"");          // overlong
  CHECK(json("\xed\xa0\x80") == "\"" + r + r + r + "\"");  // a surrogate
  CHECK(json("a\xe2\x82") == "\"a" + r + r + "\"");        // cut short
  CHECK(json("\xf4\x90\x80\x80") == "\"" + r + r + r + r + "\"");
}
