// Steps V1, V2 and V5: the archive, its manifest, and the files of the tree.

#include <algorithm>

#include "crypto/base/encoding.h"
#include "protocol/log/leaf.h"
#include "protocol/log/note.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/sshsig.h"
#include "protocol/verify/tar.h"
#include "tests/tamper/ledgers.h"

namespace tocsin::tamper {
namespace {

using namespace protocol;
using namespace test;

constexpr std::size_t kEntry = 2 + kLeafBytes;

using FilesEdit = std::function<void(BundleFiles&, MadeLedger&, Dice&)>;

// A stranger changes the finished archive's files.
std::function<Sample(Dice&)> finished(FilesEdit edit) {
  return [edit](Dice& dice) {
    MadeLedger ledger(dice);
    BundleFiles files;
    const Bytes whole = ledger.builder.bundle();
    const auto read = read_tar(whole);
    for (const TarFile& file : *read) files[std::string(file.name)] = to_string(file.content);
    edit(files, ledger, dice);
    return sample_of(pack_raw(files));
  };
}

// The operator packs other files than those that the checkpoint was signed for.
std::function<Sample(Dice&)> packed(FilesEdit edit) {
  return [edit](Dice& dice) {
    MadeLedger ledger(dice);
    BundleFiles files = ledger.builder.files();
    edit(files, ledger, dice);
    return sample_of(ledger.builder.pack(files));
  };
}

// Somebody writes over the archive itself.
std::function<Sample(Dice&)> written_over(std::function<void(Bytes&, Dice&)> edit) {
  return [edit](Dice& dice) {
    MadeLedger ledger(dice);
    Bytes archive = ledger.builder.bundle();
    edit(archive, dice);
    return sample_of(std::move(archive));
  };
}

std::string& file_like(BundleFiles& files, std::string_view prefix) {
  return std::find_if(files.begin(), files.end(),
                      [&](const auto& file) { return file.first.starts_with(prefix); })
      ->second;
}
std::string& entries_of(BundleFiles& files) {
  return file_like(files, "tile/entries/");
}
std::string& tile_of(BundleFiles& files) {
  return file_like(files, "tile/0/");
}

char& any_byte(std::string& file, Dice& dice) {
  return file[dice.below(file.size())];
}

void flip(std::string& file, Dice& dice) {
  any_byte(file, dice) ^= static_cast<char>(1U << dice.below(7));
}

// A file that no audit can do without, and that the manifest lists.
std::string listed_name(const BundleFiles& files, Dice& dice) {
  std::vector<std::string> names;
  for (const auto& [name, content] : files)
    if (!name.starts_with("manifest") && !content.empty()) names.push_back(name);
  return dice.pick(names);
}

// Where each file's header begins, with the mending of its sum.
std::vector<std::size_t> headers(const Bytes& archive) {
  std::vector<std::size_t> out;
  const auto files = read_tar(archive);
  for (const TarFile& file : *files)
    out.push_back(static_cast<std::size_t>(file.content.data() - archive.data()) - kTarBlockBytes);
  return out;
}
void patch(Bytes& archive, std::size_t block, std::size_t at, std::string_view with) {
  std::copy(with.begin(), with.end(), archive.begin() + static_cast<std::ptrdiff_t>(block + at));
  std::fill_n(archive.begin() + static_cast<std::ptrdiff_t>(block + 148), 8, std::uint8_t{' '});
  unsigned sum = 0;
  for (std::size_t i = 0; i < kTarBlockBytes; ++i) sum += archive[block + i];
  for (std::size_t i = 6; i-- > 0; sum >>= 3)
    archive[block + 148 + i] = static_cast<std::uint8_t>('0' + (sum & 7));
  archive[block + 154] = 0;
}

std::vector<TamperClass> tar_classes() {
  return {
      {"a path that leaves the folder",
       8,
       "V1.tar",
       {},
       written_over([](Bytes& a, Dice& dice) {
         const auto at = headers(a);
         // Behind the other names, so that the order of names is not what betrays it.
         constexpr std::string_view kPaths[] = {
             "../../etc/passwd", "zz/../../x", "/etc/passwd", "zz//0", "./policy",
             "zz/./x",           "zz\\x",      "zz/..",       "zz ",   "100"};
         std::string name(kPaths[dice.turn(10)]);
         if (name == "100") name.assign(100, 'z');
         name.resize(100);
         patch(a, at.back(), 0, name);
       }),
       {},
       10},
      {"a link, a folder or a device in the archive", 8, "V1.tar", {}, written_over([](Bytes& a, Dice& dice) {
         const auto at = headers(a);
         patch(a, at[dice.below(at.size())], 156, std::string(1, "123456xgL"[dice.below(9)]));
       })},
      {"a name that comes twice or out of order", 8, "V1.tar", {}, written_over([](Bytes& a, Dice& dice) {
         const auto at = headers(a);
         std::string name = dice.coin() ? "checkpoint" : "a";
         name.resize(100);
         patch(a, at.back(), 0, name);
       })},
      {"something in the padding or in the archive's end",
       8,
       "V1.tar",
       {},
       written_over([](Bytes& a, Dice& dice) {
         if (dice.turn(3) == 0) {
           // The manifest's signature never fills its blocks.
           const auto at = headers(a);
           a[at[2] - 1] = a[at[1] - 1] = 1;
         } else {
           a[a.size() - (dice.turn(3) == 1 ? 1 : kTarBlockBytes + 1 + dice.below(500))] = 1;
         }
       }),
       {},
       3},
      {"a file that claims to be huge", 8, "V1.tar", {}, written_over([](Bytes& a, Dice& dice) {
         const auto at = headers(a);
         patch(a, at[dice.below(at.size())], 124, "77777777777");
       })},
      {"a header's byte flipped", 8, "V1.tar", {}, written_over([](Bytes& a, Dice& dice) {
         const auto at = headers(a);
         a[at[dice.below(at.size())] + dice.below(kTarBlockBytes)] ^=
             static_cast<std::uint8_t>(1U << dice.below(8));
       })},
      {"an archive cut short",
       8,
       "V1.tar",
       {},
       written_over([](Bytes& a, Dice& dice) {
         const auto at = headers(a);
         a.resize(dice.turn(3) == 2 ? at[dice.below(at.size())] : dice.below(a.size()));
         if (dice.turn(3) == 1) a.resize(a.size() / kTarBlockBytes * kTarBlockBytes);
       }),
       {},
       3},
      {"something behind the end", 8, "V1.tar", {}, written_over([](Bytes& a, Dice& dice) {
         a.resize(a.size() + kTarBlockBytes * dice.between(1, 4), static_cast<std::uint8_t>(dice.below(2)));
       })},
      {"something that is no archive",
       8,
       "V1.tar",
       {},
       [](Dice& dice) {
         Bytes bytes(dice.below(4096));
         for (auto& byte : bytes) byte = static_cast<std::uint8_t>(dice.roll());
         return sample_of(std::move(bytes));
       }},
  };
}

// What is no policy.
std::vector<std::string> policy_texts() {
  const std::string key = vkey_text(issuer());
  const std::string quorum = "quorum none\n";
  const std::size_t plus = key.find('+');
  const auto changed = [&](std::size_t at, char with) {
    std::string out = key;
    out[at] = with;
    return "log " + out + "\n" + quorum;
  };
  std::string post_quantum = key;
  const auto other_type =
      make_verifier_key(issuer().origin, static_cast<KeyType>(6), issuer().operational.public_key());
  if (other_type) post_quantum = format_vkey(*other_type);
  return {"trust me\n",
          "",
          quorum + quorum,
          "quorum nobody\n",
          "log x\n" + quorum,
          changed(plus + 9, 'x'),
          changed(plus + 1, key[plus + 1] == '0' ? '1' : '0'),
          "log " + post_quantum + "\n" + quorum,
          "log " + key.substr(0, plus) + "+\n" + quorum,
          "log " + key.substr(0, plus + 10) + "\n" + quorum,
          "log " + key + "\nlog " + key + "\n" + quorum,
          "log " + key + "\n",
          "group g 2 a\n" + quorum,
          "log " + key + " http://a b\n" + quorum,
          "witness none " + key + "\n" + quorum,
          "log\n" + quorum};
}

std::vector<TamperClass> manifest_classes() {
  return {
      {"a bundle's file swapped after the manifest",
       8,
       "V2.file",
       {},
       finished([](auto& f, auto&, Dice& dice) { flip(f[listed_name(f, dice)], dice); })},
      {"a file added after the manifest", 8, "V2.unlisted", {}, finished([](auto& f, auto&, auto&) {
         f["zz"] = "more";
       })},
      {"a file taken out after the manifest", 7, "V2.absent", {}, finished([](auto& f, auto&, Dice& dice) {
         constexpr std::string_view kNames[] = {"openings", "policy"};
         f.erase(std::string(kNames[dice.below(2)]));
       })},
      {"no policy file", 7, "V1.absent", {}, packed([](auto& f, auto&, auto&) { f.erase("policy"); })},
      {"no manifest", 7, "V1.absent", {}, finished([](auto& f, auto&, auto&) { f.erase("manifest"); })},
      {"no checkpoint", 7, "V1.absent", {}, finished([](auto& f, auto&, auto&) { f.erase("checkpoint"); })},
      {"a manifest signed by a stranger", 8, "V2.signature", {}, finished([](auto& f, auto&, Dice& dice) {
         const auto key = seeded_key(static_cast<std::uint8_t>(dice.between(90, 99)));
         f.erase("manifest");
         f["manifest"] = signed_manifest(f, issuer().origin, key);
       })},
      {"a manifest of another ledger", 8, "V2.signature", {}, finished([](auto& f, auto&, auto&) {
         f.erase("manifest");
         f["manifest"] = signed_manifest(f, chat().origin, chat().operational);
       })},
      {"a manifest's text changed", 8, "V2.signature", {}, finished([](auto& f, auto&, Dice& dice) {
         std::string& text = f["manifest"];
         char& digit = text[text.find('\n') + 1 + dice.below(64)];
         digit = digit == '0' ? '1' : '0';
       })},
      {"an SSH signature that is another's", 8, "V2.sshsig", {}, finished([](auto& f, auto&, Dice& dice) {
         std::string& armored = f["manifest.sig"];
         if (dice.coin())
           armored = sign_sshsig(seeded_key(static_cast<std::uint8_t>(dice.between(90, 99))),
                                 kManifestNamespace, f["manifest"]);
         else if (dice.coin())
           armored = sign_sshsig(issuer().operational, "file", f["manifest"]);
         else
           armored = sign_sshsig(issuer().operational, kManifestNamespace, f["manifest"] + "\n");
       })},
      {"an SSH signature in another form", 8, "V2.sshsig", {}, finished([](auto& f, auto&, Dice& dice) {
         std::string& armored = f["manifest.sig"];
         armored[dice.below(armored.size())] ^= 1;
       })},
      {"a manifest that is no note", 8, "V2.manifest", {}, finished([](auto& f, auto&, Dice& dice) {
         f["manifest"] = dice.coin() ? "nothing\n" : f["manifest"].substr(0, f["manifest"].find("\n\n") + 1);
       })},
      {"a second signature on the manifest", 8, "V2.manifest", {}, finished([](auto& f, auto&, Dice& dice) {
         Note note = *parse_note(f["manifest"], kManifestBytesMax);
         note.signatures.push_back(
             sign_note(seeded_key(static_cast<std::uint8_t>(dice.between(90, 99))), "stranger", note.text));
         f["manifest"] = format_note(note);
       })},
      {"a policy that is none",
       8,
       "V1.policy",
       {},
       packed([](auto& f, auto&, Dice& dice) {
         const auto texts = policy_texts();
         f["policy"] = texts[dice.turn(texts.size())];
       }),
       {},
       16},
      {"no SSH signature of the manifest", 7, "V1.absent", {}, finished([](auto& f, auto&, auto&) {
         f.erase("manifest.sig");
       })},
  };
}

std::vector<TamperClass> tree_classes() {
  return {
      {"a leaf's byte flipped", 8, "V5.root", {}, packed([](auto& f, MadeLedger& ledger, Dice& dice) {
         entries_of(f)[kEntry * dice.below(ledger.size()) + 2 + dice.below(kLeafBytes)] ^=
             static_cast<char>(1U << dice.below(7));
       })},
      {"a tile's hash flipped", 8, "V5.tile", {}, packed([](auto& f, auto&, Dice& dice) {
         flip(tile_of(f), dice);
       })},
      {"leaves and tiles changed together",
       8,
       "V5.root",
       {},
       packed([](auto& f, MadeLedger& ledger, Dice& dice) {
         dice.pick(ledger.records()).leaf.body_root[dice.below(32)] ^= 1;
         BundleFiles theirs = ledger.builder.files();
         entries_of(f) = entries_of(theirs);
         tile_of(f) = tile_of(theirs);
       })},
      {"two leaves swapped", 8, "V5.root", {}, packed([](auto& f, MadeLedger& ledger, Dice& dice) {
         const auto at = static_cast<std::ptrdiff_t>(kEntry * dice.below(ledger.size() - 1));
         std::string& entries = entries_of(f);
         std::swap_ranges(entries.begin() + at, entries.begin() + at + kEntry, entries.begin() + at + kEntry);
       })},
      {"a leaf put over another", 8, "V5.root", {}, packed([](auto& f, MadeLedger& ledger, Dice& dice) {
         const auto at = static_cast<std::ptrdiff_t>(kEntry * dice.below(ledger.size() - 1));
         std::string& entries = entries_of(f);
         std::copy_n(entries.begin() + at, kEntry, entries.begin() + at + kEntry);
       })},
      {"an entry of another length",
       8,
       "V5.entries",
       {},
       packed([](auto& f, MadeLedger& ledger, Dice& dice) {
         std::string& entries = entries_of(f);
         switch (dice.turn(6)) {
           case 4:
             entries[1] = static_cast<char>(kLeafBytes + 1);
             entries.insert(kEntry, "x");
             break;
           case 5:
             entries[1] = static_cast<char>(kLeafBytes - 1);
             entries.erase(kEntry - 1, 1);
             break;
           case 0:
             entries[kEntry * dice.below(ledger.size()) + dice.below(2)] ^= 1;
             break;
           case 1:
             entries += 'x';
             break;
           case 2:
             entries.pop_back();
             break;
           default:
             entries.resize(entries.size() - kLeafBytes - 1);
             break;
         }
       }),
       {},
       6},
      {"a range pruned before its time",
       7,
       "V5.missing",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         add_submissions(ledger, 600);
         BundleFiles files = ledger.builder.files();
         const std::string tile = dice.coin() ? "000" : "001";
         if (dice.turn(2) == 0) files.erase("tile/entries/" + tile);
         files.erase("tile/0/" + tile);
         return sample_of(ledger.builder.pack(files));
       },
       {},
       2},
      {"a higher tile changed, of another length or not there",
       8,
       "V5.tile",
       {},
       [](Dice& dice) {
         MadeLedger ledger(dice);
         add_submissions(ledger, 600);
         BundleFiles files = ledger.builder.files();
         std::string& tile = file_like(files, "tile/1/");
         switch (dice.turn(3)) {
           case 0:
             flip(tile, dice);
             break;
           case 1:
             tile += std::string(32, 'x');
             break;
           default:
             tile.resize(tile.size() - 32);
             break;
         }
         return sample_of(ledger.builder.pack(files));
       },
       {},
       3},
      {"a range of entries or a tile not there", 7, "V5.missing", {}, packed([](auto& f, auto&, Dice& dice) {
         const bool entries = dice.coin();
         std::erase_if(f, [&](const auto& file) {
           return file.first.starts_with(entries ? "tile/entries/" : "tile/0/");
         });
       })},
  };
}

}  // namespace

std::vector<TamperClass> archive_classes() {
  std::vector<TamperClass> out = tar_classes();
  for (auto* more : {manifest_classes, tree_classes})
    for (TamperClass& one : more()) out.push_back(std::move(one));
  return out;
}

}  // namespace tocsin::tamper
