// Steps V3 and V4: the checkpoint, its signatures and quorum, and older checkpoints.

#include <algorithm>

#include "crypto/base/encoding.h"
#include "protocol/log/checkpoint.h"
#include "protocol/log/merkle.h"
#include "protocol/log/note.h"
#include "tests/tamper/ledgers.h"

namespace tocsin::tamper {
namespace {

using namespace protocol;
using namespace test;

// The correct bundle with another checkpoint, and a manifest that lists it.
std::function<Sample(Dice&)> with_checkpoint(
    std::function<std::string(MadeLedger&, std::string, Dice&)> edit) {
  return [edit](Dice& dice) {
    MadeLedger ledger(dice);
    BundleFiles files = ledger.builder.files();
    files["checkpoint"] = edit(ledger, files["checkpoint"], dice);
    return sample_of(ledger.builder.pack(files));
  };
}

// The same by what is done to the note's signatures: 0 is the log's, 1 and 2 are the witnesses'.
std::function<Sample(Dice&)> with_note(std::function<void(Note&, MadeLedger&, Dice&)> edit) {
  return with_checkpoint([edit](MadeLedger& ledger, const std::string& checkpoint, Dice& dice) {
    Note note = *parse_note(checkpoint);
    edit(note, ledger, dice);
    return format_note(note);
  });
}

// A text that everybody signs as it is.
std::string signed_by_all(const std::string& text, std::uint64_t time_s) {
  const std::string note = format_note({text, {sign_note(issuer().operational, issuer().origin, text)}});
  return cosign(cosign(note, 201, time_s), 202, time_s);
}
std::function<Sample(Dice&)> with_text(std::function<std::string(std::string, Dice&)> edit) {
  return with_checkpoint([edit](MadeLedger& ledger, const std::string& checkpoint, Dice& dice) {
    return signed_by_all(edit(parse_note(checkpoint)->text, dice),
                         ledger.records().back().leaf.time_ms / 1000 + 1);
  });
}

std::vector<TamperClass> signature_classes() {
  return {
      {"a stolen log key without its quorum",
       7,
       "V3.quorum",
       {},
       with_note([](Note& note, auto&, Dice& dice) {
         if (dice.coin())
           note.signatures.resize(1);
         else
           note.signatures.erase(note.signatures.begin() + 1 + static_cast<int>(dice.below(2)));
       })},
      {"a quorum faked with two keys of one organisation",
       7,
       "V3.quorum",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         Sample out = sample_of(ledger);
         const auto vkey = [](std::uint8_t seed) {
           return format_vkey(*make_verifier_key("witness" + std::to_string(seed), KeyType::kCosignatureV1,
                                                 seeded_key(seed).public_key()));
         };
         out.policy = "log " + vkey_text(issuer()) + "\nwitness a1 " + vkey(201) + "\nwitness a2 " +
                      vkey(202) + "\nwitness b " + vkey(static_cast<std::uint8_t>(dice.between(203, 209))) +
                      "\ngroup a any a1 a2\ngroup two 2 a b\nquorum two\n";
         return out;
       }},
      {"a stranger signs as the log",
       8,
       "V3.signature",
       {},
       with_checkpoint([](MadeLedger& ledger, const auto&, Dice& dice) {
         const std::string note = sign_checkpoint(seeded_key(static_cast<std::uint8_t>(dice.between(90, 99))),
                                                  {issuer().origin, ledger.builder.head()});
         return cosign(cosign(note, 201, kLedgerStartMs), 202, kLedgerStartMs);
       })},
      {"a cosignature copied from another size",
       8,
       "V3.signature",
       {},
       with_note([](Note& note, MadeLedger& ledger, Dice& dice) {
         const std::size_t which = dice.between(1, 2);
         note.signatures[which] =
             parse_note(ledger.builder.checkpoint(dice.between(1, ledger.size() - 1)))->signatures[which];
       })},
      {"a cosignature copied from another origin",
       8,
       "V3.signature",
       {},
       with_note([](Note& note, MadeLedger& ledger, auto&) {
         const std::string other =
             cosign(sign_checkpoint(chat().operational, {chat().origin, ledger.builder.head()}), 201, 1);
         note.signatures[1] = parse_note(other)->signatures[1];
       })},
      {"a cosignature's time altered", 8, "V3.signature", {}, with_note([](Note& note, auto&, Dice& dice) {
         note.signatures[dice.between(1, 2)].signature[dice.below(8)] ^=
             static_cast<std::uint8_t>(1U << dice.below(8));
       })},
      {"a plain signature presented as a cosignature",
       8,
       "V3.signature",
       {},
       with_note([](Note& note, auto&, Dice& dice) {
         const bool second = dice.coin();
         const auto plain = seeded_key(second ? 202 : 201).sign_raw(as_view(note.text));
         auto& there = note.signatures[second ? 2 : 1].signature;
         if (dice.coin())
           there.assign(plain.begin(), plain.end());
         else
           std::copy(plain.begin(), plain.end(), there.begin() + 8);
       })},
      {"a known key's bad signature beside a good one",
       8,
       "V3.signature",
       {},
       with_note([](Note& note, auto&, Dice& dice) {
         note.signatures.push_back(note.signatures[dice.below(3)]);
         note.signatures.back().signature[dice.below(64)] ^= 1;
       })},
      {"a signature's byte flipped", 8, "V3.signature", {}, with_note([](Note& note, auto&, Dice& dice) {
         auto& signature = note.signatures[dice.below(3)].signature;
         signature[dice.below(signature.size())] ^= static_cast<std::uint8_t>(1U << dice.below(8));
       })},
      {"the log's own signature taken off", 8, "V3.signature", {}, with_note([](Note& note, auto&, auto&) {
         note.signatures.erase(note.signatures.begin());
       })},
      {"more than sixteen signatures",
       8,
       "V3.checkpoint",
       {},
       with_checkpoint([](auto&, std::string note, Dice& dice) {
         const std::string line = note.substr(note.rfind("\n\xE2\x80\x94") + 1);
         constexpr std::size_t kMore[] = {14, 15, 500, 1'000'000};
         // A million of the shortest lines that there can be.
         const std::string one = dice.turn(4) < 3 ? line : "\xE2\x80\x94 a AAAAAAA=\n";
         for (std::size_t i = 0; i < kMore[dice.turn(4)]; ++i) note += one;
         return note;
       }),
       {},
       4},
      {"a signature line in another form",
       8,
       "V3.checkpoint",
       {},
       with_checkpoint([](auto&, std::string note, Dice& dice) {
         constexpr std::string_view kLines[] = {"- name AAAAAAA=\n",
                                                "\xE2\x80\x94 nameAAAAAAA=\n",
                                                "\xE2\x80\x94 na+me AAAAAAA=\n",
                                                "\xE2\x80\x94 name AAAA\n",
                                                "\xE2\x80\x94 name ****\n",
                                                "\xE2\x80\x94 name AAAAAAA=",
                                                "\xE2\x80\x94 n\x7F\xC2 AAAAAAA=\n",
                                                ""};
         const std::size_t way = dice.turn(8);
         if (way == 7) return note.substr(0, note.find("\n\n") + 2);
         return note + std::string(kLines[way]);
       }),
       {},
       8},
      {"a cosignature of another length or beyond all time",
       8,
       "V3.signature",
       {},
       with_note([](Note& note, auto&, Dice& dice) {
         auto& there = note.signatures[1].signature;
         if (dice.turn(2) == 0) {
           there.push_back(0);
           return;
         }
         const std::string message = "cosignature/v1\ntime 9223372036854775808\n" + note.text;
         there.assign(8, 0);
         there[0] = 0x80;
         append(there, seeded_key(201).sign_raw(as_view(message)));
       }),
       {},
       2},
      {"the checkpoint of another ledger",
       8,
       "V3.origin",
       {},
       with_checkpoint([](MadeLedger& ledger, const auto&, auto&) {
         return sign_checkpoint(chat().operational, {chat().origin, ledger.builder.head()});
       })},
  };
}

std::vector<TamperClass> text_classes() {
  return {
      {"a leading zero", 8, "V3.checkpoint", {}, with_text([](const std::string& text, auto&) {
         return text.substr(0, text.find('\n') + 1) + "0" + text.substr(text.find('\n') + 1);
       })},
      {"a line missing, or a name that is none",
       8,
       "V3.checkpoint",
       {},
       with_checkpoint([](auto&, const std::string& note, Dice& dice) {
         std::string text = parse_note(note)->text;
         if (dice.turn(3) == 0) text.resize(text.rfind('\n', text.size() - 2) + 1);
         if (dice.turn(3) == 1) text.erase(text.find('\n') + 1);
         std::string name = issuer().origin;
         if (dice.turn(3) == 2) text.insert(5, " ");
         const std::string out = format_note({text, {sign_note(issuer().operational, name, text)}});
         return cosign(cosign(out, 201, kLedgerStartMs), 202, kLedgerStartMs);
       }),
       {},
       3},
      {"a carriage return",
       8,
       "V3.checkpoint",
       {},
       with_checkpoint([](auto&, const std::string& note, Dice& dice) {
         std::string out = note;
         std::size_t at = 0;
         for (std::size_t line = dice.below(3); line-- > 0;) at = out.find('\n', at) + 1;
         return out.insert(out.find('\n', at), "\r");
       })},
      {"an extension line", 8, "V3.checkpoint", {}, with_text([](const std::string& text, auto&) {
         return text + "more\n";
       })},
      {"base64 that is not canonical", 8, "V3.checkpoint", {}, with_text([](std::string text, Dice& dice) {
         if (dice.coin())
           ++text[text.size() - 3];  // the last character before the padding has two bits that must be zero
         else
           text.erase(text.size() - 2, 1);
         return text;
       })},
      {"a size of 0 with a root", 8, "V3.checkpoint", {}, with_text([](const std::string& text, auto&) {
         const std::size_t from = text.find('\n') + 1;
         return text.substr(0, from) + "0" + text.substr(text.find('\n', from));
       })},
      {"a size that no tree here has",
       8,
       "V5.missing",
       {},
       with_text([](const std::string& text, Dice& dice) {
         const std::size_t from = text.find('\n') + 1;
         return text.substr(0, from) + (dice.coin() ? "9223372036854775808" : "18446744073709551615") +
                text.substr(text.find('\n', from));
       })},
  };
}

// The auditor kept a checkpoint of the ledger as it was, and then it was changed, hashed and signed again.
std::function<Sample(Dice&)> rewritten(std::function<void(MadeLedger&, Dice&)> change,
                                       bool same_size = false) {
  return [change, same_size](Dice& dice) {
    MadeLedger ledger(dice);
    const std::string kept = ledger.builder.checkpoint(same_size ? ledger.size() : ledger.size() - 1);
    change(ledger, dice);
    Sample out = sample_of(ledger);
    out.trusted.push_back(kept);
    return out;
  };
}

std::function<Sample(Dice&)> with_old(
    std::function<void(BundleFiles&, MadeLedger&, std::size_t, Dice&)> edit) {
  return [edit](Dice& dice) {
    MadeLedger ledger(dice);
    std::size_t old = dice.between(3, ledger.size() - 1);
    if ((old & (old - 1)) == 0 && old * 2 > ledger.size()) --old;  // a proof of several hashes
    BundleFiles files = ledger.builder.files(old);
    edit(files, ledger, old, dice);
    return sample_of(ledger.builder.pack(files));
  };
}

std::vector<TamperClass> older_classes() {
  return {
      {"the tail cut off and signed again",
       8,
       "V4.rollback",
       {},
       rewritten([](MadeLedger& ledger,
                    Dice& dice) { ledger.records().resize(ledger.size() - dice.between(1, 5)); },
                 true)},
      {"a rollback from a backup that went on",
       8,
       "V4.inconsistent",
       {},
       rewritten([](MadeLedger& ledger, Dice& dice) {
         const std::size_t gone = dice.between(2, 4);
         ledger.records().resize(ledger.size() - gone);
         LedgerBuilder& b = ledger.builder;
         b.rebuild();
         for (std::size_t i = 0; i < gone + dice.below(3); ++i)
           b.append(Event::kKeyAdded, node_chain(issuer()),
                    key_slots(seeded_key(static_cast<std::uint8_t>(120 + i)), 2, b.next_ms()));
       })},
      {"a split view at one size",
       8,
       "V4.equivocation",
       {},
       rewritten([](MadeLedger& ledger,
                    Dice& dice) { ledger.records().back().leaf.time_ms += dice.between(1, 500); },
                 true)},
      {"a split view at two sizes", 8, "V4.inconsistent", {}, rewritten([](MadeLedger& ledger, Dice& dice) {
         ledger.records()[dice.below(ledger.size() - 1)].slots.back().value.back() ^= 1;
         ledger.builder.rebuild();
       })},
      {"a middle leaf removed and the tree built again",
       8,
       "V4.inconsistent",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         const std::string kept = ledger.builder.checkpoint(ledger.size() - 2);
         ledger.records().erase(ledger.records().begin() +
                                static_cast<std::ptrdiff_t>(dice.below(ledger.size() - 3)));
         ledger.builder.rebuild();
         Sample out = sample_of(ledger);
         out.trusted.push_back(kept);
         return out;
       }},
      {"a leaf inserted or back-dated",
       8,
       "V4.inconsistent",
       {},
       rewritten([](MadeLedger& ledger, Dice& dice) {
         const std::size_t at = dice.between(7, ledger.size() - 2);
         BuiltRecord more = ledger.records()[at];
         more.leaf.chain[3] ^= 0x5A;
         ledger.records().insert(ledger.records().begin() + static_cast<std::ptrdiff_t>(at), more);
         ledger.builder.rebuild();
       })},
      {"a consistency proof too long or too short",
       8,
       "V4.proof",
       {},
       with_old([](auto& f, auto&, auto, Dice& dice) {
         std::string& proof = f["consistency"];
         switch (dice.turn(4)) {
           case 0:
             proof += proof.substr(0, 45);
             break;
           case 1:
             proof.resize(proof.size() - 45);
             break;
           case 2:
             for (int i = 0; i < 140; ++i) proof += proof.substr(0, 45);
             break;
           default:
             proof.pop_back();
             break;
         }
       }),
       {},
       4},
      {"an empty tree that something is proved from",
       8,
       "V4.proof",
       {},
       with_old([](auto& f, auto&, auto, auto&) {
         f["checkpoint.old"] = sign_checkpoint(issuer().operational, {issuer().origin, {0, empty_root()}});
       })},
      {"an older checkpoint of the same size and another root",
       8,
       "V4.proof",
       {},
       with_old([](auto& f, MadeLedger& ledger, std::size_t, Dice& dice) {
         TreeHead head = ledger.builder.head();
         head.root[dice.below(32)] ^= 1;
         f["checkpoint.old"] = sign_checkpoint(issuer().operational, {issuer().origin, head});
         f["consistency"].clear();
       })},
      {"an older checkpoint of another ledger",
       8,
       "V3.origin",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         BundleFiles files = ledger.builder.files(dice.between(3, ledger.size() - 1));
         files["checkpoint.old"] =
             sign_checkpoint(chat().operational, {chat().origin, ledger.builder.head(dice.between(1, 3))});
         Sample out = sample_of(ledger.builder.pack(files));
         out.policy = "log " + vkey_text(issuer()) + "\nlog " + vkey_text(chat()) + "\nquorum none\n";
         return out;
       }},
      {"a consistency proof changed", 8, "V4.proof", {}, with_old([](auto& f, auto&, auto, Dice& dice) {
         std::string& proof = f["consistency"];
         char& at = proof[45 * dice.below(proof.size() / 45) + dice.below(40)];
         at = dice.below(4) == 0 ? '*' : at == 'A' ? 'B' : 'A';
       })},
      {"an older checkpoint without its proof",
       7,
       "V4.proof",
       {},
       with_old([](auto& f, auto&, auto, Dice& dice) {
         f.erase(dice.coin() ? "consistency" : "checkpoint.old");
       })},
      {"an older checkpoint that a stranger signed",
       8,
       "V4.old",
       {},
       with_old([](auto& f, MadeLedger& ledger, std::size_t old, auto&) {
         f["checkpoint.old"] = sign_checkpoint(seeded_key(99), {issuer().origin, ledger.builder.head(old)});
       })},
      {"an older checkpoint of another history",
       8,
       "V4.inconsistent",
       {},
       with_old([](auto& f, MadeLedger& ledger, std::size_t old, Dice& dice) {
         TreeHead head = ledger.builder.head(old);
         head.root[dice.below(32)] ^= 1;
         f["checkpoint.old"] = sign_checkpoint(issuer().operational, {issuer().origin, head});
       })},
  };
}

}  // namespace

std::vector<TamperClass> checkpoint_classes() {
  std::vector<TamperClass> out = signature_classes();
  for (auto* more : {text_classes, older_classes})
    for (TamperClass& one : more()) out.push_back(std::move(one));
  return out;
}

}  // namespace tocsin::tamper
