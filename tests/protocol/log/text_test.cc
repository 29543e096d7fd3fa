#include "protocol/log/text.h"

#include <string>

#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

TEST_CASE("a decimal has one spelling and fits 64 bits") {
  CHECK(*parse_decimal("0") == 0);
  CHECK(*parse_decimal("20852163") == 20852163);
  CHECK(*parse_decimal("18446744073709551615") == UINT64_MAX);
  for (const char* bad :
       {"", "00", "01", "-1", "+1", " 1", "1 ", "1\n", "1\r", "0x1", "1e3", "18446744073709551616",
        "99999999999999999999", "100000000000000000000", "\xD9\xA1"})
    CHECK_FALSE(parse_decimal(bad));
}

TEST_CASE("only well-formed UTF-8 passes") {
  for (const char* good :
       {"", "a", "\xC2\x80", "\xE2\x80\x94", "\xF0\x9F\x94\x94", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"})
    CHECK(is_utf8(good));
  for (const char* bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC2", "\xE2\x80", "\xF0\x9F\x94", "\xC2\x41"})
    CHECK_FALSE(is_utf8(bad));
  CHECK(is_note_text("a\nb"));
  for (const char* bad : {"\r\n", "\t", "\x1F", "\x80"}) CHECK_FALSE(is_note_text(bad));
  CHECK_FALSE(is_note_text(std::string_view("a\0b", 3)));
}

TEST_CASE("a key name has no space of any script, no plus and at most 255 bytes") {
  for (const char* good : {"example.com/log", "w", "gr\xC3\xBC\xC3\x9F.example"}) CHECK(is_key_name(good));
  for (const char* bad : {"", "a b", "a+b", "a\nb", "a\tb",
                          "a\xC2\xA0"
                          "b",
                          "a\xE2\x80\x83", "\xE3\x80\x80", "\xFF"})
    CHECK_FALSE(is_key_name(bad));
  CHECK(is_key_name(std::string(255, 'a')));
  CHECK_FALSE(is_key_name(std::string(256, 'a')));
}

TEST_CASE("lines are taken one by one, and a rest without a newline is not a line") {
  std::string_view rest = "one\n\ntwo";
  CHECK(take_line(rest) == "one");
  CHECK(take_line(rest) == "");
  CHECK_FALSE(take_line(rest));
  CHECK(rest == "two");
}

}  // namespace
}  // namespace tocsin::protocol
