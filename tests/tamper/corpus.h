#pragma once
// The tamper corpus: ways to break a ledger or its bundle, each with the finding that must come of it.
//
// A class is one kind of forgery, omission or breach; what exactly is broken, in which of many ledgers and
// where, follows from the seed alone, so a failure can be made again. Good samples are ledgers with every
// turn that due process allows. README.md beside this file says which class covers what, and what is not here
// yet. Concurrency: pure functions of their arguments.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "protocol/verify/verifier.h"

namespace tocsin::tamper {

// splitmix64: small, and the same everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed, std::size_t nth = 0) : state_(seed), nth_(nth) {}
  std::uint64_t roll();
  // 0 .. sides-1
  std::size_t below(std::size_t sides) { return static_cast<std::size_t>(roll() % sides); }
  // from .. to, both included
  std::size_t between(std::size_t from, std::size_t to) { return from + below(to - from + 1); }
  // 0 .. sides-1 in turn, over the samples of a class.
  std::size_t turn(std::size_t sides) const { return nth_ % sides; }
  bool coin() { return (roll() & 1) != 0; }
  template <typename List>
  auto& pick(List& list) {
    return list[below(list.size())];
  }

 private:
  std::uint64_t state_;
  std::size_t nth_;
};

// What an auditor is handed: the bundles audited together (the first is the one that was tampered with) and
// what the auditor brings.
struct Sample {
  std::vector<Bytes> bundles;
  std::string policy;
  std::vector<std::string> trusted;  // checkpoints kept from earlier, as notes
  std::optional<std::uint64_t> now_ms;
};

struct TamperClass {
  std::string_view name;
  int exit = 8;
  std::string_view code;
  std::string_view rule = {};
  std::function<Sample(Dice&)> make = {};
  // Which other codes name the same thing, where it depends on what was hit.
  std::vector<std::string_view> or_codes = {};
  // How many ways it has that are taken in turn.
  std::size_t ways = 1;
};

// In the order of an audit's steps.
const std::vector<TamperClass>& tamper_classes();
Sample good_sample(Dice& dice);

// The verdict over all bundles of a sample.
struct Verdict {
  int exit = 0;
  std::vector<protocol::Finding> findings;
  bool names(const TamperClass& expected) const;
};
Verdict judged(const Sample& sample);

// The classes of each source.
std::vector<TamperClass> archive_classes();
std::vector<TamperClass> checkpoint_classes();
std::vector<TamperClass> record_classes();
std::vector<TamperClass> opening_classes();
std::vector<TamperClass> process_classes();
std::vector<TamperClass> network_classes();
std::vector<TamperClass> scope_classes();
std::vector<TamperClass> form_classes();
std::vector<TamperClass> receipt_classes();
Sample good_part(Dice& dice);
Sample good_network(Dice& dice);

}  // namespace tocsin::tamper
