// Receipts that a bundle brings of its peers' ledgers, and networks of several correct ledgers.

#include "crypto/base/encoding.h"
#include "protocol/identity/ids.h"
#include "protocol/log/merkle.h"
#include "protocol/log/note.h"
#include "protocol/log/tlog_proof.h"
#include "protocol/verify/openings.h"
#include "tests/tamper/ledgers.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::tamper {
namespace {

using namespace protocol;
using namespace test;

constexpr std::uint64_t kDueMs = 3'600'000;

std::string digits(std::uint64_t index) {
  const std::string plain = std::to_string(index);
  return std::string(20 - plain.size(), '0') + plain;
}

// What a receiver's ledger says of the issuer's, written behind its foundation.
struct Receiver {
  Receiver(const TestNode& node, MadeLedger& issuing_ledger) : builder(node), issuing(issuing_ledger) {
    append_foundation(builder, issuer(), everybody());
    builder.advance_ms(issuing.records().back().leaf.time_ms - kLedgerStartMs);
  }
  std::uint64_t receipt(std::uint64_t size, const Hash& root, const Hash& origin = issuer().fingerprint) {
    return builder.append(Event::kReceipt, node_chain(builder.node()),
                          {slot_number(0, SlotType::kUint, 0), slot_number(1, SlotType::kUint, size),
                           slot_bytes(2, SlotType::kHash, root), slot_number(3, SlotType::kUint, size),
                           slot_bytes(14, SlotType::kHash, origin)});
  }
  std::uint64_t answer(std::size_t nth, const Hash& leaf) {
    const std::uint8_t number = issuing.retracted_numbers[nth];
    return builder.append(Event::kRetractionApplied,
                          signal_chain_id(builder.node().chain_key, signal_of(issuer(), number)),
                          applied_slots(issuer(), number, issuing.retractions[nth], leaf, builder.next_ms()));
  }
  std::uint64_t answer(std::size_t nth) {
    return answer(nth, issuing.builder.hash_of(issuing.retractions[nth]));
  }
  void confirm(std::uint8_t number) {
    Slots slots = reviewed_slots(builder.node().reviewer, builder.next_ms());
    set_slot(slots, slot_hashes(13, {signal_of(issuer(), number)}));
    set_slot(slots, slot_bytes(14, SlotType::kHash, issuer().fingerprint));
    builder.append_attested(Event::kReceiverReviewed,
                            signal_chain_id(builder.node().chain_key, signal_of(issuer(), number)), slots,
                            builder.node().reviewer);
  }

  LedgerBuilder builder;
  MadeLedger& issuing;
};

// A receipt as it is written to a bundle, to be changed.
struct Paper {
  TlogProof proof;
  v1::Opening opening;
  Hash folder{};
  std::uint64_t named = 0;
  std::string proof_text;    // instead, when not empty
  std::string opening_text;  // likewise
};

Paper paper_of(LedgerBuilder& ledger, std::uint64_t index) {
  Paper out;
  const std::size_t size = ledger.records().size();
  const NodeSource nodes = [&](unsigned level, std::uint64_t at) -> Result<Hash> {
    std::vector<Hash> hashes;
    for (std::uint64_t i = at << level; i < (at + 1) << level; ++i)
      hashes.push_back(ledger.hash_of(static_cast<std::size_t>(i)));
    return complete_root(hashes);
  };
  out.proof = {to_bytes(encode_leaf(ledger.records()[index].leaf)), index,
               *inclusion_proof(index, size, nodes),
               sign_checkpoint(ledger.node().operational, {ledger.node().origin, ledger.head()})};
  const std::string openings = ledger.files()["openings"];
  for (std::size_t at = 0; at < openings.size();) {
    const std::size_t length = get_be<std::uint32_t>(as_view(openings).data() + at);
    const auto opening = parse_opening(as_view(openings).subspan(at + 4, length));
    if (opening && opening->index() == index) out.opening = *opening;
    at += 4 + length;
  }
  out.folder = ledger.node().fingerprint;
  out.named = index;
  return out;
}

void put(BundleFiles& files, const Paper& paper) {
  const std::string name = "receipts/" + hex_encode(paper.folder) + "/" + digits(paper.named);
  files[name + ".prf"] = paper.proof_text.empty() ? format_tlog_proof(paper.proof) : paper.proof_text;
  files[name + ".opn"] = paper.opening_text.empty() ? paper.opening.SerializeAsString() : paper.opening_text;
}

std::string open_policy() {
  return "log " + vkey_text(issuer()) + "\nlog " + vkey_text(photos()) + "\nquorum none\n";
}

void flip(std::string& bytes, Dice& dice) {
  bytes[dice.below(bytes.size())] ^= 1;
}

// Ways to spoil a receipt that was good.
void spoil(Paper& paper, LedgerBuilder& peer, std::size_t way, Dice& dice) {
  switch (way) {
    case 0:
      paper.proof_text = "nothing\n";
      break;
    case 1:
      paper.proof.extra.reset();
      break;
    case 2:
      paper.proof.proof[dice.below(paper.proof.proof.size())][dice.below(32)] ^= 1;
      break;
    case 3:
      paper.proof.proof.pop_back();
      break;
    case 4:
      paper.proof.checkpoint = sign_checkpoint(seeded_key(99), {peer.node().origin, peer.head()});
      break;
    case 5:
      paper.opening_text = "x";
      break;
    case 6:
      paper.opening.set_index(paper.named - 1);
      break;
    case 7:
      paper.named += 1;
      break;
    case 8:
      flip(*paper.opening.mutable_slots_a(), dice);
      break;
    case 9:
      paper.opening.clear_key_a();
      paper.opening.clear_slots_a();
      paper.opening.set_root_a(std::string(32, 'x'));
      break;
    case 10:
      paper.opening.set_root_a(std::string(32, 'x'));
      break;
    case 11:
      paper.opening.clear_key_p();
      paper.opening.set_slots_p("x");
      break;
    case 12:
      paper = paper_of(peer, 2);
      break;
    case 13:
      paper.folder = chat().fingerprint;
      break;
    case 14:
      paper.opening_text = paper.opening.SerializeAsString() + std::string("\x78\x01", 2);
      break;
    case 15:
      paper.proof.checkpoint.insert(paper.proof.checkpoint.find('\n') + 1, "0");
      break;
    case 16:
      flip(*paper.opening.mutable_key_a(), dice);
      break;
    default:
      paper.proof.index += 1'000;
      paper.named += 1'000;
      paper.opening.set_index(paper.named);
      break;
  }
}

Sample with_spoilt(Dice& dice) {
  MadeLedger ledger(dice);
  Receiver peer(photos(), ledger);
  const std::uint64_t at =
      dice.coin() ? peer.answer(0) : peer.receipt(ledger.size(), ledger.builder.head().root);
  Paper paper = paper_of(peer.builder, at);
  spoil(paper, peer.builder, dice.turn(18), dice);
  BundleFiles files = ledger.builder.files();
  put(files, paper);
  Sample out = sample_of(ledger.builder.pack(files));
  out.policy = open_policy();
  return out;
}

std::function<Sample(Dice&)> with_receipts(std::function<void(BundleFiles&, Receiver&, Dice&)> edit) {
  return [edit](Dice& dice) {
    MadeLedger ledger(dice);
    Receiver peer(photos(), ledger);
    BundleFiles files = ledger.builder.files();
    edit(files, peer, dice);
    Sample out = sample_of(ledger.builder.pack(files));
    out.policy = open_policy();
    return out;
  };
}

}  // namespace

std::vector<TamperClass> receipt_classes() {
  return {
      {"a receipt that does not prove what it says", 8, "V12.proof", {}, with_spoilt, {}, 18},
      {"a receipt about another ledger",
       8,
       "V12.proof",
       {},
       with_receipts([](BundleFiles& files, Receiver& peer, Dice&) {
         put(files, paper_of(peer.builder, peer.receipt(1, Hash{1}, chat().fingerprint)));
       })},
      {"a receipt of a record of no known kind",
       8,
       "V12.proof",
       {},
       with_receipts([](BundleFiles& files, Receiver& peer, Dice& dice) {
         const std::uint64_t at = peer.answer(0);
         peer.builder.records()[at].leaf.event = static_cast<std::uint16_t>(0x0600 + dice.below(99));
         put(files, paper_of(peer.builder, at));
       })},
      {"one receipt counted twice",
       8,
       "V12.proof",
       {},
       with_receipts([](BundleFiles& files, Receiver& peer, Dice& dice) {
         Paper paper = paper_of(peer.builder, peer.answer(0));
         put(files, paper);
         paper.folder[dice.below(32)] ^= 1;
         put(files, paper);
       })},
      {"a receipt in the bundle saw another history",
       8,
       "V12.receipt",
       {},
       with_receipts([](BundleFiles& files, Receiver& peer, Dice& dice) {
         const std::uint64_t size = dice.between(1, peer.issuing.size());
         Hash root = peer.issuing.builder.head(size).root;
         root[dice.below(32)] ^= 1;
         put(files, paper_of(peer.builder, peer.receipt(size, root)));
       })},
      {"a receipt in the bundle answers what was never issued",
       8,
       "V12.retraction",
       {},
       with_receipts([](BundleFiles& files, Receiver& peer, Dice& dice) {
         Hash leaf = peer.issuing.builder.hash_of(peer.issuing.retractions[0]);
         if (dice.turn(2) == 0) {
           leaf[dice.below(32)] ^= 1;
         } else {
           const std::uint64_t other = peer.issuing.shared[0].published;
           peer.issuing.retractions[0] = other;
           leaf = peer.issuing.builder.hash_of(other);
         }
         put(files, paper_of(peer.builder, peer.answer(0, leaf)));
       }),
       {},
       2},
      {"a proof of receipt without its opening",
       8,
       "V1.unexpected",
       {},
       with_receipts([](BundleFiles& files, Receiver& peer, Dice&) {
         const Paper paper = paper_of(peer.builder, peer.answer(0));
         put(files, paper);
         files.erase("receipts/" + hex_encode(paper.folder) + "/" + digits(paper.named) + ".opn");
       })},
      {"a recipient that answered late",
       10,
       "V11.late",
       "R13",
       [](Dice& dice) {
         MadeLedger ledger(dice);
         Receiver peer(photos(), ledger);
         peer.builder.advance_ms(kDueMs + 2000 + dice.below(kDayMs));
         for (std::size_t i = 0; i < ledger.retractions.size(); ++i) peer.answer(i);
         BundleFiles files = ledger.builder.files();
         const bool brought = dice.turn(2) == 0;
         if (brought) put(files, paper_of(peer.builder, peer.builder.records().size() - 1));
         Sample out = sample_of(ledger.builder.pack(files));
         if (!brought) out.bundles.push_back(peer.builder.bundle());
         out.policy = open_policy();
         return out;
       },
       {},
       2},
  };
}

// An issuer and two receivers that answered in time, with what they have of one another.
Sample good_network(Dice& dice) {
  MadeLedger ledger(dice);
  Receiver first(photos(), ledger), second(chat(), ledger);
  for (Receiver* one : {&first, &second}) {
    const std::uint64_t size = dice.between(1, ledger.size());
    const std::uint64_t receipt = one->receipt(size, ledger.builder.head(size).root);
    if (dice.coin()) one->confirm(ledger.shared_numbers[0]);
    if (dice.coin()) one->receipt(ledger.size() + 5, Hash{7});  // of a newer state
    for (std::size_t i = 0; i < ledger.retractions.size(); ++i) one->answer(i);
    if (receipt == 0) return good_part(dice);
  }
  BundleFiles files = ledger.builder.files();
  files["gossip/" + digits(0)] = ledger.builder.checkpoint(dice.between(1, ledger.size()));
  files["peers/" + hex_encode(photos().fingerprint)] =
      sign_checkpoint(photos().operational, {photos().origin, first.builder.head(dice.between(1, 6))});
  put(files, paper_of(first.builder, first.builder.records().size() - 1));
  // Of a ledger that the auditor's policy does not name: it says nothing.
  put(files, paper_of(second.builder, second.builder.records().size() - 1));
  Sample out = sample_of(ledger.builder.pack(files));
  out.bundles.push_back(first.builder.bundle());
  out.policy = open_policy();
  if (dice.coin()) out.now_ms = first.builder.records().back().leaf.time_ms + dice.below(kDayMs);
  return out;
}

}  // namespace tocsin::tamper
