#pragma once
// Safety words: six words that two people read to each other, so that neither joins an impostor (SPEC §2).
//
// 60 bits behind a slow hash: someone who wants a key with the same words must run Argon2id about 2^60 times.
// The list has 1,024 words of five to seven letters, no two alike in their first four letters or but for one
// letter. Errors: kResourceExhausted, rule "password/memory". Takes 64 MiB and tens of milliseconds.
// Concurrency: pure functions.

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "crypto/base/bytes.h"

namespace tocsin::protocol {

inline constexpr std::size_t kSafetyWords = 6;
using SafetyWords = std::array<std::string_view, kSafetyWords>;

Result<SafetyWords> safety_words(const Hash& fingerprint);
// With one space between.
std::string print_words(const SafetyWords& words);
// Whether a person typed these words, in either case, with any blanks, commas or hyphens between.
bool words_are(std::string_view typed, const SafetyWords& words);

// The list itself, ascending; never changed, for every node must read the same words.
std::span<const std::string_view, 1024> word_list();

}  // namespace tocsin::protocol
