#include "protocol/identity/words.h"

#include <algorithm>
#include <set>

#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

bool but_for_one_letter(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > 1) return false;
  const auto [at, bt] = std::mismatch(a.begin(), a.end(), b.begin());
  if (a.size() == b.size()) return at == a.end() || std::equal(at + 1, a.end(), bt + 1);
  return std::equal(at, a.end(), bt + 1);
}

TEST_CASE("there are 1,024 words, distinct by their first four letters and by more than one letter") {
  const auto words = word_list();
  std::set<std::string_view> beginnings;
  for (const std::string_view word : words) {
    CHECK((word.size() >= 5 && word.size() <= 7));
    CHECK(std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; }));
    beginnings.insert(word.substr(0, 4));
  }
  CHECK(beginnings.size() == 1024);
  CHECK(std::is_sorted(words.begin(), words.end()));
  unsigned alike = 0;
  for (std::size_t i = 0; i < words.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) alike += but_for_one_letter(words[i], words[j]);
  CHECK(alike == 0);
}

TEST_CASE("safety words are a function of the fingerprint") {
  Hash one{};
  Hash two{};
  two[31] = 1;
  const auto words = safety_words(one);
  REQUIRE(words);
  CHECK(print_words(*words) == print_words(*safety_words(one)));
  CHECK(print_words(*words) != print_words(*safety_words(two)));
  CHECK(print_words(*words) == "equator notice canary smudge karate mango");
}

TEST_CASE("typed words are compared without case and punctuation, and nothing else is forgiven") {
  const SafetyWords words = {"abacus", "badger", "cabin", "dancer", "eagle", "fable"};
  CHECK(words_are("abacus badger cabin dancer eagle fable", words));
  CHECK(words_are("  Abacus-badger, CABIN dancer\teagle  fable\n", words));
  CHECK_FALSE(words_are("abacus badger cabin dancer eagle", words));
  CHECK_FALSE(words_are("badger abacus cabin dancer eagle fable", words));
  CHECK_FALSE(words_are("abacus badger cabin dancer eagle fables", words));
  CHECK_FALSE(words_are("abacus1 badger cabin dancer eagle fable", words));
  CHECK_FALSE(words_are("", words));
}

}  // namespace
}  // namespace tocsin::protocol
