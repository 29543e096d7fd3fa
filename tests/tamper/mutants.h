#pragma once
// The verifier with one of its checks dropped: what mutate.py writes into its copies of the sources.
//
// The shipped verifier has none of this. Guarantee: with active() 0 the copies judge as the verifier does,
// and fired() then says which checks refused something. Concurrency: one thread.

#include <string_view>
#include <utility>
#include <vector>

namespace tocsin::mutants {

struct Mutant {
  std::string_view source;
  int line = 0;
  std::string_view text;
};
// Numbered from 1; the first is none.
const std::vector<Mutant>& all();

// The check that is dropped; 0: none.
inline unsigned& active() {
  static unsigned number = 0;
  return number;
}
// By number: the check has refused something since this was cleared.
inline std::vector<bool>& fired() {
  static std::vector<bool> numbers(all().size());
  return numbers;
}

// Whether a check that would refuse does so.
inline bool keep(unsigned number, bool refuses) {
  if (!refuses) return false;
  fired()[number] = true;
  return number != active();
}
// The same for a check that says what passes.
inline bool pass(unsigned number, bool passes) {
  return !keep(number, !passes);
}
template <typename Status>
Status keep_status(unsigned number, Status status) {
  return keep(number, !status) ? status : Status();
}

}  // namespace tocsin::mutants
