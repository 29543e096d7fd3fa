// Bundles of a part of a ledger: a range, single records with their proofs, listed chains; the index of
// chains; what was disclosed; and what peers' ledgers say in receipts and checkpoints.

#include <algorithm>
#include <map>
#include <stdexcept>

#include "crypto/base/encoding.h"
#include "protocol/identity/ids.h"
#include "protocol/log/merkle.h"
#include "protocol/log/tlog_proof.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/bundle_writer.h"
#include "protocol/verify/index_proof.h"
#include "protocol/verify/tar.h"
#include "tests/tamper/ledgers.h"

namespace tocsin::tamper {
namespace {

using namespace protocol;
using namespace test;

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

std::string digits(std::uint64_t index) {
  const std::string plain = std::to_string(index);
  return std::string(20 - plain.size(), '0') + plain;
}

// Every file of a bundle but the manifest's two, from the operator's own writer.
BundleFiles scoped_files(LedgerBuilder& builder, const Scope& scope) {
  const BundleFiles whole = builder.files();
  BundleContents contents;
  contents.origin = issuer().origin;
  contents.policy = policy_text(issuer());
  contents.checkpoint = whole.at("checkpoint");
  contents.size = builder.records().size();
  contents.scope = scope;
  contents.tiles = [&](const TileId& id) -> Result<Bytes> {
    return to_bytes(as_view(whole.at(tile_path(id))));
  };
  contents.leaves = [&](std::uint64_t begin, std::uint64_t end) -> Result<Bytes> {
    Bytes out;
    for (std::uint64_t i = begin; i < end; ++i) append(out, encode_leaf(builder.records()[i].leaf));
    return out;
  };
  contents.openings = [&](const ByteSink& sink) -> Status { return sink(as_view(whole.at("openings"))); };
  if (scope.evidence == Evidence::kProofs)
    for (std::uint64_t i = 0; i < contents.size; ++i) {
      auto [name, text] = must(proof_file(contents, i));
      contents.extras[name] = text;
    }
  Bytes archive;
  if (!write_bundle(contents, issuer().operational, [&](ByteView bytes) -> Status {
        append(archive, bytes);
        return {};
      }))
    throw std::runtime_error("write_bundle");
  BundleFiles out;
  const auto read = read_tar(archive);
  for (const TarFile& file : *read)
    if (!file.name.starts_with("manifest")) out[std::string(file.name)] = to_string(file.content);
  return out;
}

std::vector<IndexEntry> entries_of(LedgerBuilder& builder, std::uint64_t size) {
  std::map<Hash, IndexEntry> heads;
  for (std::uint64_t i = 0; i < size; ++i) {
    const Leaf& leaf = builder.records()[i].leaf;
    heads[leaf.chain] = {leaf.chain, leaf.chain_seq, i, builder.hash_of(i)};
  }
  std::vector<IndexEntry> out;
  for (const auto& [chain, entry] : heads) out.push_back(entry);
  return out;
}

// What an operator writes into its index instead of the truth.
using Lie = std::function<void(std::vector<IndexEntry>&, const Hash& chain)>;

std::uint64_t append_epoch(LedgerBuilder& builder, const Hash* root = nullptr, std::uint64_t more = 0,
                           const Lie& lie = {}, const Hash& chain = {}) {
  const std::uint64_t size = builder.records().size();
  auto entries = entries_of(builder, size);
  if (lie) lie(entries, chain);
  IndexTree tree;
  for (const IndexEntry& entry : entries) tree.add(entry);
  return builder.append(
      Event::kIndexEpoch, node_chain(issuer()),
      {slot_bytes(0, SlotType::kHash, root != nullptr ? *root : tree.root()),
       slot_number(1, SlotType::kUint, entries.size() + more), slot_number(2, SlotType::kUint, size)});
}

void append_disclosed(LedgerBuilder& builder, std::string_view scope, std::uint64_t classes = 2,
                      std::uint64_t records = 1'000'000) {
  builder.append(Event::kDisclosed, node_chain(issuer()), disclosed_slots(scope, classes, records));
}

// A correct bundle of single records: one signal's chain and the node's own, proved complete by the index.
struct ProofsBundle {
  explicit ProofsBundle(Dice& dice, const Lie& lie = {}) : ledger(dice) {
    const std::size_t which = dice.below(ledger.shared.size());
    place = ledger.shared[which];
    chain = chain_of(issuer(), ledger.shared_numbers[which]);
    scope.evidence = Evidence::kProofs;
    for (std::uint8_t& byte : absent) byte = static_cast<std::uint8_t>(dice.roll());
    if (dice.turn(2) == 0) absent[0] = absent[1] = absent[2] = 0;  // in front of all
    scope.chains = {chain, absent, node_chain(issuer())};
    std::sort(scope.chains.begin(), scope.chains.end());
    append_disclosed(ledger.builder, format_scope(scope));
    epoch = append_epoch(ledger.builder, nullptr, 0, lie, chain);
    files = scoped_files(ledger.builder, scope);
    entries = entries_of(ledger.builder, epoch);
    if (lie) lie(entries, chain);
    for (const Hash& listed : scope.chains)
      files[index_name(listed)] = format_index_proof(prove_in_index(entries, listed));
  }
  std::string index_name(const Hash& of) const { return "index/" + digits(epoch) + "/" + hex_encode(of); }
  std::string proof_name(std::uint64_t index) const { return "proofs/" + digits(index) + ".tlog-proof"; }
  void leave_out(std::uint64_t index) {
    files.erase(proof_name(index));
    ledger.records()[index].withheld = true;
    files["openings"] = ledger.builder.files()["openings"];
  }
  Sample sample() { return sample_of(ledger.builder.pack(files)); }

  MadeLedger ledger;
  SignalPlaces place;
  Hash chain{};
  Hash absent{};  // a chain that the ledger does not have
  Scope scope;
  std::uint64_t epoch = 0;
  std::vector<IndexEntry> entries;
  BundleFiles files;
};

std::function<Sample(Dice&)> with_proofs(std::function<void(ProofsBundle&, Dice&)> edit) {
  return [edit](Dice& dice) {
    ProofsBundle bundle(dice);
    edit(bundle, dice);
    return bundle.sample();
  };
}

// Whose index lies, and whose proofs are what the index says.
std::function<Sample(Dice&)> with_lie(Lie lie) {
  return [lie](Dice& dice) { return ProofsBundle(dice, lie).sample(); };
}

// A range of whole tiles and a piece of one, from the middle of a ledger of several.
std::function<Sample(Dice&)> with_long_range(std::function<void(BundleFiles&, Dice&)> edit) {
  return [edit](Dice& dice) {
    MadeLedger ledger(dice);
    add_submissions(ledger, 600);
    Scope scope;
    scope.evidence = Evidence::kRange;
    scope.from = 256 + dice.below(100);
    scope.to = 400 + dice.below(100);
    append_disclosed(ledger.builder, format_scope(scope));
    BundleFiles files = scoped_files(ledger.builder, scope);
    // The record that says what is opened, which stands outside.
    const std::uint64_t last = ledger.size() - 1;
    BundleContents contents;
    contents.checkpoint = files["checkpoint"];
    contents.size = ledger.size();
    const BundleFiles whole = ledger.builder.files();
    contents.tiles = [&](const TileId& id) -> Result<Bytes> {
      return to_bytes(as_view(whole.at(tile_path(id))));
    };
    contents.leaves = [&](std::uint64_t begin, std::uint64_t) -> Result<Bytes> {
      return to_bytes(encode_leaf(ledger.records()[begin].leaf));
    };
    files.insert(must(proof_file(contents, last)));
    for (std::uint64_t i = 0; i < last; ++i) ledger.records()[i].withheld = i < 256 || i >= 512;
    files["openings"] = ledger.builder.files()["openings"];
    edit(files, dice);
    return sample_of(ledger.builder.pack(files));
  };
}

std::function<Sample(Dice&)> with_range(std::function<void(BundleFiles&, Dice&)> edit) {
  return [edit](Dice& dice) {
    MadeLedger ledger(dice);
    Scope scope;
    scope.evidence = Evidence::kRange;
    scope.from = dice.below(5);
    scope.to = ledger.size() - dice.below(3);
    append_disclosed(ledger.builder, format_scope(scope));
    BundleFiles files = scoped_files(ledger.builder, scope);
    edit(files, dice);
    return sample_of(ledger.builder.pack(files));
  };
}

std::function<Sample(Dice&)> written(std::function<void(LedgerBuilder&, Dice&)> write) {
  return [write](Dice& dice) {
    MadeLedger ledger(dice);
    write(ledger.builder, dice);
    return sample_of(ledger);
  };
}

constexpr std::size_t kIndexWays = 23;

// Of the chain that is there, of the one that is not, or of one that is elsewhere in the index.
void spoil_index_proof(ProofsBundle& b, std::size_t way) {
  std::string& there = b.files[b.index_name(b.chain)];
  std::string& absent = b.files[b.index_name(b.absent)];
  const std::size_t entry = there.find("entry ");
  const auto place = [&](std::size_t at) { return prove_in_index(b.entries, b.entries[at].chain).places[0]; };
  const std::size_t last = b.entries.size() - 1;
  const auto absent_by = [&](std::vector<std::size_t> places) {
    IndexProof proof;
    for (const std::size_t at : places) proof.places.push_back(place(at));
    absent = format_index_proof(proof);
  };
  const std::size_t behind = static_cast<std::size_t>(
      std::lower_bound(b.entries.begin(), b.entries.end(), b.absent,
                       [](const IndexEntry& e, const Hash& chain) { return e.chain < chain; }) -
      b.entries.begin());
  switch (way) {
    case 0:
      there[0] = 'T';
      break;
    case 1:
      there.replace(there.find("present"), 7, "perhaps");
      break;
    case 2:
      there[entry] = 'E';
      break;
    case 3:
      there.erase(there.find(' ', entry + 6), 1);
      break;
    case 4:
      there.replace(there.find(' ', entry + 6) + 1, 108, base64_encode(Bytes(79)));
      break;
    case 5:
      there.pop_back();
      break;
    case 6:
      there += there.substr(entry) + there.substr(entry);
      break;
    case 7:
      there += there.substr(entry);
      break;
    case 8:
      there[there.size() - 10] = there[there.size() - 10] == 'A' ? 'B' : 'A';
      break;
    case 9:
      for (int i = 0; i < 70; ++i) there += std::string(43, 'A') + "=\n";
      break;
    case 10:
      absent_by({});
      break;
    case 11:
      absent_by({0, last});
      break;
    case 12:
      absent_by({last, 0});
      break;
    case 13:
      absent_by(behind < 2 ? std::vector<std::size_t>{last - 1, last} : std::vector<std::size_t>{0, 1});
      break;
    case 14:
      absent_by({behind == 0 ? last : 0});
      break;
    case 15:
      absent_by({1});
      break;
    case 16:
      absent_by({0, 1, 2});
      break;
    case 17:
      there += "AAAA\n";
      break;
    case 18:
      there += "entry 0";
      break;
    case 19:
      absent.replace(absent.find("absent"), 6, "perhaps");
      break;
    case 20:
      absent_by(behind == 0 || behind > last ? std::vector<std::size_t>{0, 1, last}
                                             : std::vector<std::size_t>{behind - 1, behind, behind});
      break;
    case 21: {
      const std::size_t at = there.find(' ', entry + 6) + 1;
      Bytes bytes = *base64_decode(there.substr(at, 108));
      bytes.push_back(0);
      there.replace(at, 108, base64_encode(bytes));
      break;
    }
    default:
      there = "tocsin-index/1\npresent\n";
      break;
  }
}

// What is no scope, in each of the ways that the form does not allow.
std::vector<std::string> scope_texts() {
  const std::string tiles = "tocsin-scope/1\nevidence tiles\n";
  const std::string range = "tocsin-scope/1\nevidence range\n";
  const std::string proofs = "tocsin-scope/1\nevidence proofs\n";
  const std::string low = "chain " + std::string(64, '1') + "\n";
  const std::string high = "chain " + std::string(64, 'a') + "\n";
  const std::string event = "event 0401 1 2\n";
  std::string events = tiles;
  for (int i = 0; i < 65; ++i) events += "event 0401 1 " + std::to_string(1000 + i) + "\n";
  return {"",
          "tocsin-scope/1\n",
          tiles,
          "tocsin-scope/2\nevidence tiles\n" + low,
          range + "from 4\nto 4\n",
          range + "from 04\nto 5\n",
          "tocsin-scope/1\nevidence all\n" + low,
          range,
          range + "to 3\nfrom 5\n",
          range + "from 1\nto 5",
          tiles + "event 0401\n",
          tiles + "event 04 1 2\n",
          tiles + "event 040A 1 2\n",
          tiles + "event 0401 2 2\n",
          tiles + "chain " + std::string(64, 'A') + "\n",
          tiles + high + low,
          tiles + low + "more\n",
          tiles + "event 0401 2 3\n" + event,
          events,
          range + "from 1\nto 3\n" + low,
          proofs + low + event,
          proofs,
          tiles + low + high + "chain x",
          range + "From 1\nto 3\n",
          tiles + low + "Event 0401 1 2\n"};
}

std::vector<TamperClass> part_classes() {
  return {
      {"a scope that is none",
       8,
       "V1.scope",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         BundleFiles files = ledger.builder.files();
         const std::vector<std::string> texts = scope_texts();
         files["scope"] = texts[dice.turn(texts.size())];
         return sample_of(ledger.builder.pack(files));
       },
       {},
       25},
      {"a range beyond its ledger",
       8,
       "V1.scope",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         BundleFiles files = ledger.builder.files();
         files["scope"] = "tocsin-scope/1\nevidence range\nfrom 1\nto " +
                          std::to_string(ledger.size() + 1 + dice.below(999)) + "\n";
         return sample_of(ledger.builder.pack(files));
       }},
      {"a range whose join to the tree is not in its form",
       8,
       "V5.range",
       {},
       with_range([](BundleFiles& files, Dice& dice) {
         files["range"] += dice.coin() ? "x" : std::string(43, 'A') + "=\n";
       })},
      {"a leaf of a range changed", 8, "V5.range", {}, with_range([](BundleFiles& files, Dice& dice) {
         for (auto& [name, content] : files)
           if (name.starts_with("tile/entries/")) content[130 * 3 + 90 + dice.below(20)] ^= 1;
       })},
      {"a range's join to the tree not there", 7, "V5.missing", {}, with_range([](BundleFiles& files, Dice&) {
         files.erase("range");
       })},
      {"the join of a range in the ledger's middle changed",
       8,
       "V5.range",
       {},
       with_long_range([](BundleFiles& files, Dice& dice) {
         std::string& range = files["range"];
         switch (dice.turn(6)) {
           case 0:
             range.erase(range.find("\n\n"), 1);
             break;
           case 1:
             range[3] = '*';
             break;
           case 2:
             range.insert(0, range.substr(0, 45));
             break;
           case 3:
             range[3] = range[3] == 'A' ? 'B' : 'A';
             break;
           case 4:
             range[range.size() - 20] ^= 1;
             break;
           default:
             range.resize(200'000, '\n');
             break;
         }
       }),
       {},
       6},
      {"a record left out of its chain within a range",
       8,
       "V7.gap",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         Scope scope;
         scope.evidence = Evidence::kRange;
         scope.to = ledger.size();
         append_disclosed(ledger.builder, format_scope(scope));
         ++ledger.records()[dice.pick(ledger.shared).published].leaf.chain_seq;
         return sample_of(ledger.builder.pack(scoped_files(ledger.builder, scope)));
       }},
      {"a chain cut at its first record within a range",
       8,
       "V7.head-cut",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         Scope scope;
         scope.evidence = Evidence::kRange;
         scope.to = ledger.size();
         append_disclosed(ledger.builder, format_scope(scope));
         Leaf& leaf = ledger.records()[dice.pick(ledger.shared).submitted].leaf;
         leaf.chain_seq = 1;
         leaf.previous = Hash{1};
         leaf.previous_index = dice.below(5);
         return sample_of(ledger.builder.pack(scoped_files(ledger.builder, scope)));
       }},
      {"a file that no bundle of single records has",
       8,
       "V1.unexpected",
       {},
       with_proofs([](ProofsBundle& b, Dice& dice) {
         const std::string names[] = {"range",
                                      "tile/0/000",
                                      "proofs/" + digits(3) + ".tlog-prool",
                                      "proofs/abc.tlog-proof",
                                      b.proof_name(b.ledger.size() + dice.below(99)),
                                      "tile/entries/000"};
         b.files[names[dice.turn(6)]] = "x";
       }),
       {},
       6},
      {"a file that no bundle of a range has",
       8,
       "V1.unexpected",
       {},
       with_long_range([](BundleFiles& files, Dice& dice) {
         const std::string names[] = {"tile/1/000.p/2", "proofs/" + digits(300) + ".tlog-proof", "tile/0/000",
                                      "tile/entries/000"};
         files[names[dice.turn(4)]] = "x";
       }),
       {},
       4},
      {"a record's proof in another form",
       8,
       "V5.proof",
       {},
       with_proofs([](ProofsBundle& b, Dice& dice) {
         std::string& file = b.files[b.proof_name(b.place.reviewed)];
         TlogProof proof = *parse_tlog_proof(file);
         Note note = *parse_note(proof.checkpoint);
         switch (dice.turn(6)) {
           case 0:
             file = "nothing\n";
             return;
           case 1:
             note.signatures.pop_back();
             proof.checkpoint = format_note(note);
             break;
           case 2:
             proof.extra.reset();
             break;
           case 3:
             proof.extra->pop_back();
             break;
           case 4:
             file.insert(file.find("index "), "extra \n");
             return;
           default:
             file = std::string(400'000, 'x');
             return;
         }
         file = format_tlog_proof(proof);
       }),
       {},
       6},
      {"a record of a range withheld", 7, "V8.withheld", {}, with_range([](BundleFiles& files, Dice&) {
         files["openings"].clear();
       })},
      {"a proof of another record", 8, "V5.proof", {}, with_proofs([](ProofsBundle& b, Dice&) {
         b.files[b.proof_name(b.place.reviewed)] = b.files[b.proof_name(b.place.submitted)];
       })},
      {"a proof's record or path changed", 8, "V5.proof", {}, with_proofs([](ProofsBundle& b, Dice& dice) {
         TlogProof proof = *parse_tlog_proof(b.files[b.proof_name(b.place.reviewed)]);
         if (dice.coin())
           (*proof.extra)[dice.between(90, 119)] ^= 1;
         else
           proof.proof[dice.below(proof.proof.size())][dice.below(32)] ^= 1;
         b.files[b.proof_name(b.place.reviewed)] = format_tlog_proof(proof);
       })},
      {"a proof cut short or stretched", 8, "V5.proof", {}, with_proofs([](ProofsBundle& b, Dice& dice) {
         TlogProof proof = *parse_tlog_proof(b.files[b.proof_name(b.place.published)]);
         if (dice.coin())
           proof.proof.pop_back();
         else
           proof.proof.push_back(proof.proof[0]);
         b.files[b.proof_name(b.place.published)] = format_tlog_proof(proof);
       })},
      {"a chain record left out of a scoped bundle",
       7,
       "V7.cut",
       {},
       with_proofs([](ProofsBundle& b, Dice& dice) {
         b.leave_out(dice.coin() ? b.place.submitted : b.place.reviewed);
       })},
      {"a chain cut at the head", 7, "V7.cut", {}, with_proofs([](ProofsBundle& b, Dice&) {
         for (std::uint64_t i = b.place.published; i < b.ledger.size(); ++i)
           if (b.ledger.records()[i].leaf.chain == b.chain) b.leave_out(i);
       })},
      {"a chain whose end nothing proves", 7, "V7.unproved", {}, with_proofs([](ProofsBundle& b, Dice&) {
         b.files.erase(b.index_name(b.chain));
       })},
      {"all records of a chain left out", 7, "V7.cut", {}, with_proofs([](ProofsBundle& b, Dice&) {
         for (std::uint64_t i = 0; i < b.ledger.size(); ++i)
           if (b.ledger.records()[i].leaf.chain == b.chain) b.leave_out(i);
       })},
      {"an index that leaves out a chain that is there",
       8,
       "V7.cut",
       {},
       with_lie([](auto& entries, const Hash& chain) {
         std::erase_if(entries, [&](const IndexEntry& entry) { return entry.chain == chain; });
       })},
      {"an index that ends a chain in another record",
       8,
       "V7.cut",
       {},
       with_lie([](auto& entries, const Hash& chain) {
         for (IndexEntry& entry : entries)
           if (entry.chain == chain) entry.last_hash[5] ^= 1;
       })},
      {"an index proof in another form",
       8,
       "V7.index-proof",
       {},
       with_proofs([](ProofsBundle& b, Dice& dice) { spoil_index_proof(b, dice.turn(kIndexWays)); }),
       {},
       kIndexWays},
      {"an index proof of another chain", 8, "V7.index-proof", {}, with_proofs([](ProofsBundle& b, Dice&) {
         b.files[b.index_name(b.chain)] = b.files[b.index_name(node_chain(issuer()))];
       })},
      {"a chain said to be absent that is there",
       8,
       "V7.index-proof",
       {},
       with_proofs([](ProofsBundle& b, Dice&) {
         std::string& text = b.files[b.index_name(b.chain)];
         text.replace(text.find("present"), 7, "absent");
       })},
      {"a record of a listed chain withheld",
       7,
       "V8.withheld",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         Scope scope;
         const std::size_t which = dice.below(ledger.shared.size());
         scope.chains = {chain_of(issuer(), ledger.shared_numbers[which])};
         append_disclosed(ledger.builder, format_scope(scope));
         ledger.records()[dice.coin() ? ledger.shared[which].reviewed : ledger.shared[which].published]
             .withheld = true;
         return sample_of(ledger.builder.pack(scoped_files(ledger.builder, scope)));
       }},
  };
}

std::vector<TamperClass> index_classes() {
  return {
      {"a false index root", 8, "V7.index-root", {}, written([](LedgerBuilder& b, Dice& dice) {
         const Hash root = b.hash_of(dice.below(b.records().size()));
         append_epoch(b, &root);
       })},
      {"an index of a ledger larger than what it follows",
       8,
       "V7.index-root",
       {},
       written([](LedgerBuilder& b, Dice& dice) {
         append_epoch(b);
         set_slot(b.records().back().slots,
                  slot_number(2, SlotType::kUint, b.records().size() + dice.below(99)));
         b.rebuild();
       })},
      {"an index that counts other chains", 8, "V7.index-root", {}, written([](LedgerBuilder& b, Dice& dice) {
         append_epoch(b, nullptr, dice.between(1, 5));
       })},
      {"an undisclosed opening", 10, "V10.disclosure", "R18",
       [](Dice& dice) {
         MadeLedger ledger(dice);
         for (BuiltRecord& record : ledger.records()) record.open_p = true;
         for (BuiltRecord& record : ledger.records()) {
           if (record.leaf.event != static_cast<std::uint16_t>(Event::kDisclosed)) continue;
           switch (dice.below(3)) {
             case 0:
               set_slot(record.slots, slot_number(1, SlotType::kEnum, 1));
               break;  // class P is open too
             case 1:
               set_slot(record.slots, slot_number(2, SlotType::kUint, dice.below(4)));
               break;
             default:
               set_slot(record.slots, slot_bytes(3, SlotType::kHash, scope_digest("another scope")));
               break;
           }
         }
         ledger.builder.rebuild();
         return sample_of(ledger);
       }},
      {"a deadline beyond the greatest", 10, "V11.due", "R20", written([](LedgerBuilder& b, Dice& dice) {
         append_signal(b, 9);
         Slots slots = retraction_slots(issuer(), {&photos(), &chat()}, b.next_ms());
         set_slot(slots, slot_number(3, SlotType::kTime, b.next_ms() + kDayMs + 1 + dice.below(kDayMs)));
         b.append(Event::kRetractionIssued, chain_of(issuer(), 9), slots);
       })},
  };
}

std::function<Sample(Dice&)> with_extras(
    std::function<void(BundleFiles&, MadeLedger&, LedgerBuilder&, Dice&)> edit) {
  return [edit](Dice& dice) {
    MadeLedger ledger(dice);
    LedgerBuilder peer(photos());
    append_foundation(peer, issuer(), everybody());
    BundleFiles files = ledger.builder.files();
    edit(files, ledger, peer, dice);
    Sample out = sample_of(ledger.builder.pack(files));
    out.policy = "log " + vkey_text(issuer()) + "\nlog " + vkey_text(photos()) + "\nquorum none\n";
    return out;
  };
}

std::vector<TamperClass> seen_classes() {
  return {
      {"a checkpoint seen elsewhere shows another history",
       8,
       "V4.equivocation",
       {},
       with_extras([](auto& files, MadeLedger& ledger, auto&, Dice& dice) {
         TreeHead head = ledger.builder.head();
         head.root[dice.below(32)] ^= 1;
         files["gossip/" + digits(dice.below(3))] =
             sign_checkpoint(issuer().operational, {issuer().origin, head});
       })},
      {"a checkpoint seen elsewhere is larger",
       8,
       "V4.rollback",
       {},
       with_extras([](auto& files, MadeLedger& ledger, auto&, Dice& dice) {
         files["gossip/" + digits(0)] = sign_checkpoint(
             issuer().operational,
             {issuer().origin, {ledger.size() + dice.between(1, 9), ledger.builder.head().root}});
       })},
      {"a checkpoint seen elsewhere shows another history of fewer records",
       8,
       "V4.inconsistent",
       {},
       with_extras([](auto& files, MadeLedger& ledger, auto&, Dice& dice) {
         TreeHead head = ledger.builder.head(dice.between(1, ledger.size() - 1));
         head.root[dice.below(32)] ^= 1;
         files["gossip/" + digits(dice.below(3))] =
             sign_checkpoint(issuer().operational, {issuer().origin, head});
       })},
      {"a peer was seen with two histories, and no record says so",
       8,
       "V12.split",
       {},
       with_extras([](auto& files, MadeLedger&, LedgerBuilder& peer, Dice& dice) {
         TreeHead head = peer.head(dice.between(1, peer.records().size()));
         files["gossip/" + digits(0)] = sign_checkpoint(photos().operational, {photos().origin, head});
         head.root[dice.below(32)] ^= 1;
         files[dice.coin() ? "gossip/" + digits(1) : "peers/" + hex_encode(photos().fingerprint)] =
             sign_checkpoint(photos().operational, {photos().origin, head});
       })},
      {"a receipt that proves nothing",
       8,
       "V12.proof",
       {},
       with_extras([](auto& files, MadeLedger&, LedgerBuilder& peer, Dice& dice) {
         const std::string name = "receipts/" + hex_encode(photos().fingerprint) + "/" + digits(3);
         const Leaf& leaf = peer.records()[3].leaf;
         files[name + ".prf"] =
             dice.coin() ? "nothing\n"
                         : format_tlog_proof({to_bytes(encode_leaf(leaf)), 3, {}, peer.checkpoint(5)});
         files[name + ".opn"] = "x";
       })},
      {"half a receipt",
       8,
       "V1.unexpected",
       {},
       with_extras([](auto& files, MadeLedger&, LedgerBuilder&, Dice& dice) {
         files["receipts/" + hex_encode(photos().fingerprint) + "/" + digits(dice.below(9)) +
               (dice.coin() ? ".opn" : ".prf")] = "x";
       })},
      {"a peer's checkpoint is not of its ledger",
       8,
       "V12.peer",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         LedgerBuilder peer(photos());
         append_foundation(peer, issuer(), everybody());
         TreeHead head = peer.head(dice.between(1, peer.records().size()));
         head.root[dice.below(32)] ^= 1;
         BundleFiles files = ledger.builder.files();
         files["peers/" + hex_encode(photos().fingerprint)] =
             sign_checkpoint(photos().operational, {photos().origin, head});
         Sample out = sample_of(ledger.builder.pack(files));
         out.bundles.push_back(peer.bundle());
         out.policy = "log " + vkey_text(issuer()) + "\nlog " + vkey_text(photos()) + "\nquorum none\n";
         return out;
       }},
  };
}

}  // namespace

// Correct bundles of a part of a ledger.
Sample good_part(Dice& dice) {
  switch (dice.below(5)) {
    case 0:
      return with_proofs([](ProofsBundle&, Dice&) {})(dice);
    case 1:
      return with_range([](BundleFiles&, Dice&) {})(dice);
    case 2:
      return with_long_range([](BundleFiles&, Dice&) {})(dice);
    case 3: {
      // Some signals' chains and the retractions of some time, of a whole tree.
      MadeLedger ledger(dice);
      Scope scope;
      for (const std::uint8_t number : ledger.shared_numbers)
        if (dice.coin() || scope.chains.empty()) scope.chains.push_back(chain_of(issuer(), number));
      std::sort(scope.chains.begin(), scope.chains.end());
      if (dice.coin()) scope.events = {{0x0401, kLedgerStartMs, kLedgerStartMs + kDayMs}};
      append_disclosed(ledger.builder, format_scope(scope));
      return sample_of(ledger.builder.pack(scoped_files(ledger.builder, scope)));
    }
    default:
      return written([](LedgerBuilder& b, Dice&) { append_epoch(b); })(dice);
  }
}

std::vector<TamperClass> scope_classes() {
  std::vector<TamperClass> out = part_classes();
  for (auto* more : {index_classes, seen_classes})
    for (TamperClass& one : more()) out.push_back(std::move(one));
  return out;
}

}  // namespace tocsin::tamper
