#pragma once
// What a fuzz target is: fuzz_one() gets any bytes, as a stranger would send them, and must come back.
//
// A target checks more than that nothing breaks: what a parser accepts must print as it came, or print to a
// form that parses to the same. must() stops the run at a broken promise, and libFuzzer keeps the input.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "crypto/base/bytes.h"

namespace tocsin::fuzz {

void fuzz_one(ByteView input);

inline void must(bool promise) {
  if (!promise) __builtin_trap();
}

// Takes the first byte as a choice among `count`; 0 when there is none.
inline unsigned choose(ByteView& input, unsigned count) {
  if (input.empty()) return 0;
  const unsigned choice = input.front() % count;
  input = input.subspan(1);
  return choice;
}

}  // namespace tocsin::fuzz

extern "C" inline __attribute__((used)) int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                                                   std::size_t size) {
  tocsin::fuzz::fuzz_one({data, size});
  return 0;
}
