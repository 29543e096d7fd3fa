// Forms: everything in a bundle has one way to be written, and these are the others.

#include <algorithm>

#include "crypto/base/encoding.h"
#include "protocol/log/note.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/bundle_writer.h"
#include "protocol/verify/sshsig.h"
#include "protocol/verify/tar.h"
#include "tests/tamper/ledgers.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::tamper {
namespace {

using namespace protocol;
using namespace test;

// The ledger's own operator signs a manifest of another text.
Sample with_manifest(Dice& dice, const std::function<void(std::string&)>& edit) {
  MadeLedger ledger(dice);
  BundleFiles files = ledger.builder.files();
  std::string text =
      parse_note(signed_manifest(files, issuer().origin, issuer().operational), kManifestBytesMax)->text;
  edit(text);
  files["manifest"] = format_note({text, {sign_note(issuer().operational, issuer().origin, text)}});
  files["manifest.sig"] = sign_sshsig(issuer().operational, kManifestNamespace, files["manifest"]);
  return sample_of(pack_raw(files));
}

void spoil_manifest(std::string& text, std::size_t way) {
  const std::size_t lines = text.find('\n') + 1;
  const std::size_t second = text.find('\n', lines) + 1;
  const std::string hash(64, 'a');
  switch (way) {
    case 0:
      text.erase(0, lines - 1);
      break;
    case 1:
      text.insert(3, " ");
      break;
    case 2:
      text[lines + 65] = '*';
      break;
    case 3:
      text.insert(lines, std::string(63, '1') + "A  a\n");
      break;
    case 4:
      text.insert(lines, hash + "\n");
      break;
    case 5:
      text.insert(lines, hash + "  ../a\n");
      break;
    case 6:
      text.insert(second, hash + "  manifest\n");
      break;
    case 7:
      text.insert(second, hash + "  manifest.sig\n");
      break;
    case 8:
      text += text.substr(lines, second - lines);
      break;
    case 9:
      text.insert(lines, text.substr(lines, second - lines));
      break;
    default:
      text.insert(lines, std::string(63, '1') + "g  a\n");
      break;
  }
}

std::string armored(ByteView blob, std::size_t width = 70) {
  const std::string text = base64_encode(blob);
  std::string out = "-----BEGIN SSH SIGNATURE-----\n";
  for (std::size_t at = 0; at < text.size(); at += width) out += text.substr(at, width) + "\n";
  return out + "-----END SSH SIGNATURE-----\n";
}

void spoil_sshsig(std::string& text, std::size_t way) {
  const std::size_t begin = text.find('\n') + 1;
  const std::size_t end = text.find("-----END");
  std::string base64 = text.substr(begin, end - begin);
  std::erase(base64, '\n');
  Bytes blob = *base64_decode(base64);
  switch (way) {
    case 0:
      text.pop_back();
      break;
    case 1:
      text.erase(0, begin);
      break;
    case 2:
      text = armored(blob, 64);
      break;
    case 3:
      blob.push_back(0);
      text = armored(blob);
      break;
    case 4:
      blob.pop_back();
      text = armored(blob);
      break;
    case 5:
      text = "-----BEGIN SSH SIGNATURE-----\n";
      break;
    case 6:
      text[text.size() - 3] = '=';
      break;
    case 7:
      text.insert(begin, std::string(100'000, '\n'));
      break;
    default:
      blob.back() ^= 1;
      text = armored(blob);
      break;
  }
}

std::function<Sample(Dice&)> with_sshsig() {
  return [](Dice& dice) {
    MadeLedger ledger(dice);
    BundleFiles files = ledger.builder.files();
    files["manifest"] = signed_manifest(files, issuer().origin, issuer().operational);
    files["manifest.sig"] = sign_sshsig(issuer().operational, kManifestNamespace, files["manifest"]);
    spoil_sshsig(files["manifest.sig"], dice.turn(9));
    return sample_of(pack_raw(files));
  };
}

// Names that a whole ledger's bundle does not have, some of them close to one that it has.
std::vector<std::string> strange_names(std::size_t size) {
  const std::string partial = ".p/" + std::to_string(size);
  const std::string hex(64, 'a'), number(20, '0');
  return {"a",
          "notes.txt",
          "tile/1/000.p/1",
          "tile/0/999",
          "tile/entries/001.p/3",
          "tile/0/x000/000" + partial,
          "tile/0/y000/000" + partial,
          "tile/0/0000" + partial,
          "tile/0/0-N" + partial,
          "tile/5/000.p/0",
          "tile/0/000.p/256",
          "tile/64/000",
          "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
          "abcd/0/000" + partial,
          "tile/0",
          "peers/abc",
          "peers/" + std::string(64, 'g'),
          "gossip/0",
          "gossip/99999999999999999999",
          "range",
          "proofs/" + number + ".tlog-proof",
          "index/" + number,
          "index/" + number + "x" + hex,
          "index/" + number + "/" + std::string(64, 'G'),
          "index/99999999999999999999/" + hex,
          "receipts/short",
          "receipts/" + std::string(64, 'x') + "/" + number + ".prf",
          "receipts/" + hex + "x" + number + ".prf",
          "receipts/" + hex + "/" + std::string(19, '0') + "x.prf",
          "receipts/" + hex + "/" + number + ".txt"};
}

Sample with_strange_name(Dice& dice) {
  MadeLedger ledger(dice);
  BundleFiles files = ledger.builder.files();
  const auto names = strange_names(ledger.size());
  const std::string& name = names[dice.turn(names.size())];
  files[name] = std::string(32, 'x');
  // Half a receipt would be strange for another reason.
  if (name.ends_with(".prf")) files[name.substr(0, name.size() - 3) + "opn"] = "x";
  if (name.ends_with(".txt")) {
    files[name.substr(0, name.size() - 3) + "opn"] = "x";
    files[name.substr(0, name.size() - 3) + "prf"] = "x";
  }
  return sample_of(ledger.builder.pack(files));
}

using Edit = std::function<void(Slots&)>;

Edit raw(std::uint8_t slot, SlotType type, Bytes value) {
  return [=](Slots& slots) { set_slot(slots, slot_bytes(slot, type, value)); };
}
Edit text(std::uint8_t slot, const std::string& value) {
  return raw(slot, SlotType::kText, to_bytes(as_view(value)));
}

// Values that a submission's slots may not have.
std::vector<Edit> submission_values() {
  Bytes many;
  for (int i = 0; i < 33; ++i) {
    many.push_back(2);
    many.push_back(static_cast<std::uint8_t>('a' + i / 10));
    many.push_back(static_cast<std::uint8_t>('a' + i % 10));
  }
  Bytes long_indicator(4098, 1);
  return {[](Slots& slots) { set_slot(slots, slot_number(1, SlotType::kEnum, 7)); },
          [](Slots& slots) { set_slot(slots, slot_number(2, SlotType::kEnum, 0)); },
          raw(1, SlotType::kEnum, {1}),
          raw(1, SlotType::kEnum, {0, 1, 0}),
          text(3, "a\tb"),
          text(3, "a\x7F"),
          text(3, "a\xC2\x80"),
          text(3, "\xFF"),
          text(3, ""),
          text(3, std::string(4097, 'a')),
          raw(12, SlotType::kHash, Bytes(31)),
          raw(12, SlotType::kHash, Bytes(33)),
          raw(11, SlotType::kUint, Bytes(7)),
          raw(11, SlotType::kUint, Bytes(9)),
          raw(7, SlotType::kTime, Bytes(7)),
          raw(7, SlotType::kTime, Bytes(9)),
          [](Slots& slots) { set_slot(slots, slot_number(7, SlotType::kTime, 253'402'300'800'000)); },
          raw(0, SlotType::kIndicator, {1}),
          raw(0, SlotType::kIndicator, {0, 1}),
          raw(0, SlotType::kIndicator, long_indicator),
          raw(4, SlotType::kLabels, {}),
          raw(4, SlotType::kLabels, {0}),
          raw(4, SlotType::kLabels, {2, 'a'}),
          raw(4, SlotType::kLabels, {1, 'b', 1, 'a'}),
          raw(4, SlotType::kLabels, {1, 'b', 1, 'b'}),
          raw(4, SlotType::kLabels, {1, '\n'}),
          raw(4, SlotType::kLabels, many),
          raw(6, SlotType::kKeyId, Bytes(7)),
          raw(3, SlotType::kBytes, {97, 98, 99}),
          raw(15, SlotType::kBytes, Bytes(7)),
          [](Slots& slots) { drop_slot(slots, 9); }};
}

Slots opinion_slots(std::uint64_t basis, std::uint64_t now_ms) {
  return {slot_number(0, SlotType::kEnum, 1),
          slot_number(1, SlotType::kEnum, 1),
          slot_bytes(2, SlotType::kHash, Hash{1}),
          slot_number(3, SlotType::kEnum, basis),
          slot_number(4, SlotType::kEnum, 1),
          slot_number(11, SlotType::kTime, now_ms),
          slot_hashes(13, {Hash{2}}),
          slot_bytes(14, SlotType::kHash, chat().fingerprint)};
}

Bytes hashes(std::initializer_list<std::uint8_t> firsts) {
  Bytes out;
  for (const std::uint8_t first : firsts) append(out, Hash{first});
  return out;
}

// The same of other records, each written at the ledger's end.
std::vector<std::function<void(LedgerBuilder&)>> other_values() {
  const auto retraction = [](Edit edit) {
    return [edit](LedgerBuilder& b) {
      append_signal(b, 9);
      Slots slots = retraction_slots(issuer(), {&photos(), &chat()}, b.next_ms());
      edit(slots);
      b.append(Event::kRetractionIssued, chain_of(issuer(), 9), slots);
    };
  };
  const auto member = [](Bytes value) {
    return [value](LedgerBuilder& b) {
      Slots slots = member_slots(chat());
      set_slot(slots, slot_bytes(0, SlotType::kSigned, value));
      b.append(Event::kMemberAdded, node_chain(issuer()), slots);
    };
  };
  const auto opinion = [](std::uint64_t basis, bool attested, bool author) {
    return [=](LedgerBuilder& b) {
      Slots slots = opinion_slots(basis, b.next_ms());
      if (author) set_slot(slots, slot_bytes(8, SlotType::kKeyId, key_id(issuer().reviewer.public_key())));
      if (attested) set_slot(slots, slot_bytes(15, SlotType::kAttestation, Bytes(72)));
      b.append(Event::kOpinion, chain_of(issuer(), 9), slots);
    };
  };
  std::vector<std::function<void(LedgerBuilder&)>> out = {
      retraction(raw(13, SlotType::kHashes, Bytes(33))),
      retraction(raw(13, SlotType::kHashes, {})),
      retraction(raw(13, SlotType::kHashes, hashes({2, 1}))),
      retraction(raw(13, SlotType::kHashes, hashes({1, 1}))),
      member({}),
      member(Bytes(8193)),
      opinion(1, false, true),
      opinion(1, false, false),
      opinion(2, true, false)};
  out.push_back([](LedgerBuilder& b) {
    b.append(Event::kSubmitted, chain_of(issuer(), 9), submitted_slots(issuer(), 9, b.next_ms()));
    Slots slots = reviewed_slots(issuer().reviewer, b.next_ms());
    set_slot(slots, slot_bytes(15, SlotType::kAttestation, Bytes(71)));
    b.append(Event::kReviewed, chain_of(issuer(), 9), slots);
  });
  out.push_back(retraction([](Slots& slots) {
    Bytes value;
    for (std::uint32_t i = 0; i < 2049; ++i) {
      Hash hash{};
      put_be(hash.data(), i);
      append(value, hash);
    }
    set_slot(slots, slot_bytes(13, SlotType::kHashes, value));
  }));
  return out;
}

constexpr std::size_t kValueWays = 42;

Sample with_value(Dice& dice) {
  MadeLedger ledger(dice);
  const auto first = submission_values();
  const auto more = other_values();
  const std::size_t way = dice.turn(first.size() + more.size());
  if (way < first.size()) {
    first[way](ledger.records()[dice.pick(ledger.shared).submitted].slots);
    ledger.builder.rebuild();
  } else {
    more[way - first.size()](ledger.builder);
  }
  return sample_of(ledger);
}

// A packed list of slots that is not in its one encoding.
Sample with_packed(Dice& dice) {
  MadeLedger ledger(dice);
  const SignalPlaces at = dice.pick(ledger.shared);
  BundleFiles files = ledger.builder.files();
  const std::string& file = files["openings"];
  Bytes packed;
  for (std::size_t from = 0; from < file.size();) {
    const std::size_t length = get_be<std::uint32_t>(as_view(file).data() + from);
    v1::Opening opening;
    opening.ParseFromString(file.substr(from + 4, length));
    if (opening.index() == at.published) {
      std::string& slots = *opening.mutable_slots_a();
      const std::string more("\x0F\x00\x01\x00\x00\x00\x01x", 8);
      switch (dice.turn(6)) {
        case 0:
          slots += "abc";
          break;
        case 1:
          slots.pop_back();
          break;
        case 2:
          slots += more;
          slots[slots.size() - 8] = 40;
          break;
        case 3:
          slots += more;
          slots[slots.size() - 8] = 1;
          break;
        case 4:
          slots += more;
          slots[slots.size() - 7] = slots[slots.size() - 6] = '\xFF';
          break;
        default:
          slots += more;
          slots[slots.size() - 5] = '\x7F';
          break;
      }
    }
    append_opening(packed, opening);
    from += 4 + length;
  }
  files["openings"] = to_string(packed);
  return sample_of(ledger.builder.pack(files));
}

// Behind the last record's opening.
Sample with_last_opening(Dice& dice) {
  MadeLedger ledger(dice);
  BundleFiles files = ledger.builder.files();
  constexpr std::string_view kLast[] = {{"\x00\x00\x00\x04\x08\x7F\x78\x01", 8},
                                        {"\x00\x00\x00\x03\x08\x7F\xFF", 7}};
  files["openings"] += kLast[dice.turn(2)];
  return sample_of(ledger.builder.pack(files));
}

}  // namespace

std::vector<TamperClass> form_classes() {
  return {
      {"a manifest in another form",
       8,
       "V2.manifest",
       {},
       [](Dice& dice) {
         return with_manifest(dice, [&](std::string& text_of) { spoil_manifest(text_of, dice.turn(11)); });
       },
       {},
       11},
      {"an SSH signature's armor or blob in another form", 8, "V2.sshsig", {}, with_sshsig(), {}, 9},
      {"a file that no bundle has", 8, "V1.unexpected", {}, with_strange_name, {}, 30},
      {"a value that its slot may not have", 10, "V8.schema", {}, with_value, {}, kValueWays},
      {"slots packed in another form", 8, "V8.syntax", {}, with_packed, {}, 6},
      {"something behind the last opening", 8, "V8.syntax", {}, with_last_opening, {}, 2},
  };
}

}  // namespace tocsin::tamper
