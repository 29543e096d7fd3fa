// Step V12: what one node's ledger says of another's.

#include "protocol/identity/ids.h"
#include "tests/tamper/ledgers.h"

namespace tocsin::tamper {
namespace {

using namespace protocol;
using namespace test;

// An issuer's correct ledger and a receiver's, which is audited first.
struct Network {
  explicit Network(Dice& roll) : dice(roll), issuing(roll), receiver(roll.coin() ? photos() : chat()) {
    append_foundation(receiver, issuer(), everybody());
    receiver.advance_ms(issuing.records().back().leaf.time_ms - kLedgerStartMs + dice.below(600'000));
    which = dice.below(issuing.retractions.size());
    retraction = issuing.retractions[which];
    due_ms = issuing.records()[retraction].leaf.time_ms + 3'600'000;
  }

  void answer(std::size_t nth, const Hash& leaf, std::uint64_t place) {
    const std::uint8_t number = issuing.retracted_numbers[nth];
    receiver.append(Event::kRetractionApplied,
                    signal_chain_id(receiver.node().chain_key, signal_of(issuer(), number)),
                    applied_slots(issuer(), number, place, leaf, receiver.next_ms()));
  }
  void answer(std::size_t nth) {
    answer(nth, issuing.builder.hash_of(issuing.retractions[nth]), issuing.retractions[nth]);
  }
  void receipt(std::uint64_t size, const Hash& root) {
    receiver.append(Event::kReceipt, node_chain(receiver.node()),
                    {slot_number(0, SlotType::kUint, 0), slot_number(1, SlotType::kUint, size),
                     slot_bytes(2, SlotType::kHash, root), slot_number(3, SlotType::kUint, size),
                     slot_bytes(14, SlotType::kHash, issuer().fingerprint)});
  }
  Sample sample(std::optional<std::uint64_t> now_ms = std::nullopt) {
    Sample out;
    out.policy = "log " + vkey_text(issuer()) + "\nlog " + vkey_text(receiver.node()) + "\nquorum none\n";
    out.bundles = {issuing.builder.bundle(), receiver.bundle()};
    out.now_ms = now_ms;
    return out;
  }

  Dice& dice;
  MadeLedger issuing;
  LedgerBuilder receiver;
  std::size_t which = 0;
  std::uint64_t retraction = 0;
  std::uint64_t due_ms = 0;
};

}  // namespace

std::vector<TamperClass> network_classes() {
  return {
      {"a recipient that did not answer in time", 10, "V11.unanswered", "R13",
       [](Dice& dice) {
         Network net(dice);
         for (std::size_t i = 0; i < net.issuing.retractions.size(); ++i)
           if (i != net.which) net.answer(i);
         return net.sample(net.due_ms + 1 + dice.below(kDayMs) + net.receiver.records().back().leaf.time_ms -
                           net.due_ms + kDayMs);
       }},
      {"a forged or recycled acknowledgement",
       8,
       "V12.retraction",
       {},
       [](Dice& dice) {
         Network net(dice);
         Hash other = net.issuing.builder.hash_of(dice.below(net.retraction));
         if (dice.coin()) other[dice.below(32)] ^= 1;
         net.answer(net.which, other, net.retraction);
         return net.sample();
       }},
      {"an acknowledgement of a record that is no retraction",
       8,
       "V12.retraction",
       {},
       [](Dice& dice) {
         Network net(dice);
         const std::uint64_t at = dice.pick(net.issuing.shared).published;
         net.answer(net.which, net.issuing.builder.hash_of(at), at);
         return net.sample();
       }},
      {"a peer's receipt shows what the ledger denies",
       8,
       "V12.receipt",
       {},
       [](Dice& dice) {
         Network net(dice);
         const std::uint64_t size = dice.between(1, net.issuing.size());
         Hash root = net.issuing.builder.head(size).root;
         root[dice.below(32)] ^= 1;
         net.receipt(size, root);
         return net.sample();
       }},
      {"an answer that admits further matches", 10, "V10.rule", "R13",
       [](Dice& dice) {
         Network net(dice);
         const std::uint8_t number = net.issuing.retracted_numbers[net.which];
         Slots slots = applied_slots(issuer(), number, net.retraction,
                                     net.issuing.builder.hash_of(net.retraction), net.receiver.next_ms());
         set_slot(slots, slot_number(1, SlotType::kUint, dice.between(1, 99)));
         net.receiver.append(Event::kRetractionApplied,
                             signal_chain_id(net.receiver.node().chain_key, signal_of(issuer(), number)),
                             slots);
         return net.sample();
       }},
      {"an answer to what was answered before", 10, "V10.rule", "order",
       [](Dice& dice) {
         Network net(dice);
         net.answer(net.which);
         net.answer(net.which);
         return net.sample();
       }},
      {"a receipt whose range is not in its checkpoint", 10, "V10.rule", "R6",
       [](Dice& dice) {
         Network net(dice);
         const std::uint64_t size = dice.between(2, net.issuing.size());
         net.receipt(size, net.issuing.builder.head(size).root);
         set_slot(net.receiver.records().back().slots,
                  slot_number(dice.coin() ? 0 : 1, SlotType::kUint, size + dice.between(1, 9)));
         net.receiver.rebuild();
         return net.sample();
       }},
  };
}

}  // namespace tocsin::tamper
