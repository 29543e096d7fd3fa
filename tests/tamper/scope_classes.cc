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

std::uint64_t append_epoch(LedgerBuilder& builder, const Hash* root = nullptr, std::uint64_t more = 0) {
  const std::uint64_t size = builder.records().size();
  const auto entries = entries_of(builder, size);
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
  explicit ProofsBundle(Dice& dice) : ledger(dice) {
    const std::size_t which = dice.below(ledger.shared.size());
    place = ledger.shared[which];
    chain = chain_of(issuer(), ledger.shared_numbers[which]);
    scope.evidence = Evidence::kProofs;
    scope.chains = {chain, node_chain(issuer())};
    std::sort(scope.chains.begin(), scope.chains.end());
    append_disclosed(ledger.builder, format_scope(scope));
    epoch = append_epoch(ledger.builder);
    files = scoped_files(ledger.builder, scope);
    const auto entries = entries_of(ledger.builder, epoch);
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
  Scope scope;
  std::uint64_t epoch = 0;
  BundleFiles files;
};

std::function<Sample(Dice&)> with_proofs(std::function<void(ProofsBundle&, Dice&)> edit) {
  return [edit](Dice& dice) {
    ProofsBundle bundle(dice);
    edit(bundle, dice);
    return bundle.sample();
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

std::vector<TamperClass> part_classes() {
  return {
      {"a scope that is none",
       8,
       "V1.scope",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         BundleFiles files = ledger.builder.files();
         constexpr const char* kTexts[] = {"",
                                           "tocsin-scope/1\n",
                                           "tocsin-scope/1\nevidence tiles\n",
                                           "tocsin-scope/2\nevidence tiles\n",
                                           "tocsin-scope/1\nevidence range\nfrom 4\nto 4\n",
                                           "tocsin-scope/1\nevidence range\nfrom 04\nto 5\n"};
         files["scope"] = kTexts[dice.below(6)];
         return sample_of(ledger.builder.pack(files));
       }},
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
  switch (dice.below(3)) {
    case 0:
      return with_proofs([](ProofsBundle&, Dice&) {})(dice);
    case 1:
      return with_range([](BundleFiles&, Dice&) {})(dice);
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
