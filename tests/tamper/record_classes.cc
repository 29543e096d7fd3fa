// Steps V6 and V7: leaves that a correct node does not write, time, and chains of records.

#include <algorithm>

#include "protocol/log/leaf.h"
#include "protocol/log/merkle.h"
#include "tests/tamper/ledgers.h"

namespace tocsin::tamper {
namespace {

using namespace protocol;
using namespace test;

constexpr std::size_t kEntry = 2 + kLeafBytes;

// The operator changes records before they are hashed, and signs the tree that comes of it.
std::function<Sample(Dice&)> with_ledger(std::function<void(MadeLedger&, Dice&)> edit) {
  return [edit](Dice& dice) {
    MadeLedger ledger(dice);
    edit(ledger, dice);
    return sample_of(ledger);
  };
}

// Bytes that no writer of ours would encode: the tree is built over them all the same.
std::function<Sample(Dice&)> with_raw_leaf(std::function<std::size_t(MadeLedger&, Dice&)> where,
                                           std::function<void(std::string&, Dice&)> edit) {
  return [where, edit](Dice& dice) {
    MadeLedger ledger(dice);
    BundleFiles files = ledger.builder.files();
    const std::size_t size = ledger.size();
    std::string& entries = files["tile/entries/000.p/" + std::to_string(size)];
    const std::size_t at = where(ledger, dice) * kEntry + 2;
    std::string changed = entries.substr(at, kLeafBytes);
    edit(changed, dice);
    entries.replace(at, kLeafBytes, changed);
    CompactRange range;
    std::string tile;
    for (std::size_t i = 0; i < size; ++i) {
      const Hash hash = leaf_hash(as_view(entries).subspan(i * kEntry + 2, kLeafBytes));
      range.append(hash);
      tile += to_string(hash);
    }
    files["tile/0/000.p/" + std::to_string(size)] = tile;
    const std::uint64_t time_s = ledger.records().back().leaf.time_ms / 1000 + 1;
    files["checkpoint"] = cosign(
        cosign(sign_checkpoint(issuer().operational, {issuer().origin, {size, range.root()}}), 201, time_s),
        202, time_s);
    return sample_of(ledger.builder.pack(files));
  };
}

std::size_t anywhere(MadeLedger& ledger, Dice& dice) {
  return dice.below(ledger.size());
}
std::size_t at_first(MadeLedger&, Dice&) {
  return 0;
}
std::size_t at_last(MadeLedger& ledger, Dice&) {
  return ledger.size() - 1;
}

void take_out(MadeLedger& ledger, std::uint64_t index) {
  ledger.records().erase(ledger.records().begin() + static_cast<std::ptrdiff_t>(index));
}

std::vector<TamperClass> leaf_classes() {
  return {
      {"a leaf of another form",
       8,
       "V6.leaf",
       {},
       with_raw_leaf(anywhere,
                     [](std::string& leaf, Dice& dice) {
                       if (dice.coin())
                         leaf[dice.below(4)] ^= 0x20;
                       else
                         leaf[6 + static_cast<long>(dice.below(2))] = '\x58';  // flags that nothing means
                     })},
      {"a first record that names one before",
       8,
       "V6.leaf",
       {},
       with_raw_leaf(at_first,
                     [](std::string& leaf, Dice& dice) {
                       if (dice.coin())
                         leaf[56 + dice.below(32)] ^= 1;
                       else
                         leaf[120 + dice.below(8)] ^= 1;
                     })},
      {"a later record that does not say what it follows",
       8,
       "V6.leaf",
       {},
       with_raw_leaf([](MadeLedger& ledger, Dice& dice) { return dice.pick(ledger.shared).reviewed; },
                     [](std::string& leaf, Dice& dice) {
                       if (dice.turn(2) == 0)
                         std::fill_n(leaf.begin() + 56, 32, '\0');
                       else
                         std::fill_n(leaf.begin() + 120, 8, '\xFF');
                     }),
       {},
       2},
      {"a record of an unknown event",
       8,
       "V6.event",
       {},
       with_raw_leaf(at_last, [](std::string& leaf,
                                 Dice& dice) { leaf[4] = static_cast<char>(dice.between(6, 200)); })},
      {"the clock stepped back", 10, "V6.time", "R17", with_ledger([](MadeLedger& ledger, Dice& dice) {
         const std::size_t at = dice.between(1, ledger.size() - 2);
         ledger.records()[at].leaf.time_ms = ledger.records()[at - 1].leaf.time_ms - dice.between(1, 900);
         ledger.builder.rebuild();
       })},
      {"a record dated after its witnesses saw it", 10, "V6.witness-time", "R17",
       [](Dice& dice) {
         MadeLedger ledger(dice);
         BundleFiles files = ledger.builder.files();
         const std::uint64_t time_s = ledger.records().back().leaf.time_ms / 1000 - 301 - dice.below(100'000);
         files["checkpoint"] =
             cosign(cosign(sign_checkpoint(issuer().operational, {issuer().origin, ledger.builder.head()}),
                           201, dice.coin() ? time_s : time_s + 400),
                    202, time_s);
         return sample_of(ledger.builder.pack(files));
       }},
      {"a record dated after the auditor's clock", 10, "V6.witness-time", "R17",
       [](Dice& dice) {
         MadeLedger ledger(dice);
         Sample out = sample_of(ledger);
         out.now_ms = ledger.records().back().leaf.time_ms - 301'000 - 1000 * dice.below(10'000);
         return out;
       }},
  };
}

std::vector<TamperClass> chain_classes() {
  return {
      {"a record left out of its chain",
       8,
       "V7.gap",
       {},
       with_ledger([](MadeLedger& ledger, Dice& dice) {
         const SignalPlaces at = dice.pick(ledger.shared);
         if (dice.turn(2) == 1) ledger.records()[at.published].leaf.previous_index = 1'000'000;
         take_out(ledger, at.reviewed);
       }),
       {},
       2},
      {"a chain cut at its first record",
       8,
       "V7.head-cut",
       {},
       with_ledger([](MadeLedger& ledger, Dice& dice) {
         const SignalPlaces at = dice.pick(ledger.shared);
         // Where it says that the record before it stood: in the ledger, or beyond it.
         if (dice.turn(2) == 1) ledger.records()[at.reviewed].leaf.previous_index = 1'000'000;
         take_out(ledger, at.submitted);
       }),
       {},
       2},
      {"two records of a chain swapped",
       8,
       "V7.head-cut",
       {},
       with_ledger([](MadeLedger& ledger, Dice& dice) {
         const SignalPlaces& at = dice.pick(ledger.shared);
         std::swap(ledger.records()[at.submitted], ledger.records()[at.reviewed]);
       })},
      {"a chain forked", 8, "V7.fork", {}, with_ledger([](MadeLedger& ledger, Dice& dice) {
         BuiltRecord again = ledger.records()[dice.pick(ledger.shared).published];
         again.leaf.time_ms = ledger.records().back().leaf.time_ms;
         ledger.records().push_back(again);
       })},
      {"a sequence that goes back", 8, "V7.fork", {}, with_ledger([](MadeLedger& ledger, Dice& dice) {
         ledger.records()[dice.pick(ledger.shared).published].leaf.chain_seq = 1;
       })},
      {"a record that follows another than its chain's last",
       8,
       "V7.previous",
       {},
       with_ledger([](MadeLedger& ledger, Dice& dice) {
         const SignalPlaces& at = dice.pick(ledger.shared);
         ledger.records()[dice.coin() ? at.published : at.reviewed].leaf.previous[dice.below(32)] ^= 1;
       })},
      {"a record that names the wrong place of its chain's last",
       8,
       "V7.index",
       {},
       with_ledger([](MadeLedger& ledger, Dice& dice) {
         const SignalPlaces& at = dice.pick(ledger.shared);
         Leaf& leaf = ledger.records()[dice.coin() ? at.published : at.reviewed].leaf;
         leaf.previous_index =
             dice.coin() ? dice.below(leaf.previous_index) : leaf.previous_index + dice.between(1, 99);
       })},
  };
}

}  // namespace

std::vector<TamperClass> record_classes() {
  std::vector<TamperClass> out = leaf_classes();
  for (TamperClass& one : chain_classes()) out.push_back(std::move(one));
  return out;
}

}  // namespace tocsin::tamper
