#include "protocol/evidence/equivocation.h"

#include "crypto/base/encoding.h"
#include "tests/support/catch.h"
#include "tests/support/two_histories.h"

namespace tocsin::protocol {
namespace {

using tocsin::test::TwoHistories;

std::string why_not(const EquivocationProof& proof) {
  const auto proven = verify_equivocation(proof);
  if (proven) return "";
  CHECK(proven.error().rule == "evidence/equivocation");
  return proven.error().message;
}

TEST_CASE("two roots of one size under one key prove an equivocation, whichever was seen first") {
  const TwoHistories two("video.example", 1);
  const EquivocationProof proof = prove_one_size(two.head(false, 5), two.head(true, 5));
  CHECK(proof == prove_one_size(two.head(true, 5), two.head(false, 5)));
  const auto proven = verify_equivocation(proof);
  REQUIRE(proven);
  CHECK(proven->issuer == two.descriptor.fingerprint());
  CHECK(proven->name == "video.example");
  CHECK(proven->origin == "video.example/ledger");
  CHECK(proven->one_size());
  CHECK(proven->first.root < proven->second.root);
}

TEST_CASE("of two sizes, a consistency proof shows that the later tree has another beginning") {
  const TwoHistories two("video.example", 1);
  for (const auto& [earlier, later] :
       std::vector<std::pair<std::size_t, std::size_t>>{{4, 9}, {5, 9}, {3, 4}}) {
    const EquivocationProof proof = two.proof(earlier, later);
    const auto proven = verify_equivocation(proof);
    REQUIRE(proven);
    CHECK_FALSE(proven->one_size());
    CHECK(proven->first.size == earlier);
    CHECK(proven->second.size == later);
  }
}

TEST_CASE("honest growth, one note twice and what others signed prove nothing") {
  const TwoHistories two("video.example", 1);
  const SignedHead five = two.head(false, 5);
  CHECK(why_not(prove_one_size(five, five)) == "this proves no equivocation: both notes say the same");
  // The two histories have the first two records in common.
  CHECK(two.head(false, 2).tree == two.head(true, 2).tree);
  CHECK(why_not(prove_two_sizes(two.head(false, 3), two.head(false, 9), two.head(false, 3).tree.root,
                                two.consistency(false, 3, 9))) ==
        "this proves no equivocation: the second note goes on from the first");
  // A root of the finder's own making is not what the later tree has.
  CHECK_FALSE(why_not(prove_two_sizes(two.head(false, 3), two.head(false, 9), two.head(true, 3).tree.root,
                                      two.consistency(false, 3, 9)))
                  .empty());
  EquivocationProof cut = two.proof(5, 9);
  cut.consistency.pop_back();
  CHECK_FALSE(why_not(cut).empty());
  EquivocationProof bare = two.proof(5, 9);
  bare.root.reset();
  bare.consistency.clear();
  CHECK(why_not(bare).find("malformed") != std::string::npos);
  const TwoHistories other("video.example", 40);  // the same name and origin, another root key
  CHECK(why_not(prove_one_size(five, other.head(true, 5))) ==
        "this proves no equivocation: the two notes are of two nodes");
  EquivocationProof lent = prove_one_size(five, two.head(true, 5));
  lent.descriptor = other.head(false, 5).descriptor;
  CHECK_FALSE(why_not(lent).empty());
  const TwoHistories elsewhere("photos.example", 1);  // the same keys, another log
  CHECK(why_not(prove_one_size(five, elsewhere.head(true, 5))) ==
        "this proves no equivocation: the two notes are of two logs");
}

TEST_CASE("a proof has one order, one signature a note and no size but those signed") {
  const TwoHistories two("video.example", 1);
  EquivocationProof proof = prove_one_size(two.head(false, 5), two.head(true, 5));
  std::swap(proof.first, proof.second);
  CHECK(why_not(proof).find("not in order") != std::string::npos);
  proof = prove_one_size(two.head(false, 5), two.head(true, 5));
  proof.first += proof.first.substr(proof.first.rfind("\xE2\x80\x94"));
  CHECK_FALSE(why_not(proof).empty());
  for (std::size_t at = 0; at < proof.second.size(); at += 3) {
    EquivocationProof broken = prove_one_size(two.head(false, 5), two.head(true, 5));
    broken.second[at] = static_cast<char>(broken.second[at] ^ 1);
    CHECK_FALSE(why_not(broken).empty());
  }
}

TEST_CASE("after a change of the operational key both descriptors stand in the proof") {
  const TwoHistories before("video.example", 1);
  const TwoHistories after("video.example", 1, 77);
  const EquivocationProof proof = prove_one_size(before.head(false, 5), after.head(true, 5));
  CHECK_FALSE(proof.later_descriptor.empty());
  REQUIRE(verify_equivocation(proof));
  const auto again = parse_equivocation(format_equivocation(proof));
  REQUIRE(again);
  CHECK(*again == proof);
  EquivocationProof twice = prove_one_size(before.head(false, 5), before.head(true, 5));
  twice.later_descriptor = twice.descriptor;
  CHECK(why_not(twice).find("stands twice") != std::string::npos);
}

TEST_CASE("a note is kept with its log's signature alone, and not at all without it") {
  const TwoHistories two("video.example", 1);
  const std::string note = two.head(false, 5).note;
  auto parsed = parse_note(note);
  REQUIRE(parsed);
  parsed->signatures.push_back(cosign_note(TwoHistories::key_of(99), "w.example/witness", 5, parsed->text));
  const auto kept = read_signed_head(format_note(*parsed), two.descriptor);
  REQUIRE(kept);
  CHECK(kept->note == note);
  CHECK(kept->tree.size == 5);
  const TwoHistories other("video.example", 40);
  const auto stranger = read_signed_head(note, other.descriptor);
  REQUIRE_FALSE(stranger);
  CHECK(stranger.error().code == Code::kUnauthenticated);
}

TEST_CASE("the file is the proof: one spelling, and every other is refused") {
  const TwoHistories two("video.example", 1);
  for (const EquivocationProof& proof :
       {prove_one_size(two.head(false, 5), two.head(true, 5)), two.proof(5, 9)}) {
    const std::string file = format_equivocation(proof);
    CHECK(file.starts_with("tocsin-equivocation/1\ndescriptor "));
    const auto parsed = parse_equivocation(file);
    REQUIRE(parsed);
    CHECK(*parsed == proof);
    CHECK(equivocation_digest(*parsed) == equivocation_digest(proof));
    for (std::size_t length = 0; length < file.size(); length += 7)
      CHECK_FALSE(parse_equivocation(file.substr(0, length)));
    CHECK_FALSE(parse_equivocation(file + "\n"));
    CHECK_FALSE(parse_equivocation(file + "x\n"));
    CHECK_FALSE(parse_equivocation("\n" + file));
    CHECK_FALSE(parse_equivocation("tocsin-equivocation/2" + file.substr(21)));
    std::string windows = file;
    for (std::size_t at = 0; (at = windows.find('\n', at)) != std::string::npos; at += 2)
      windows.replace(at, 1, "\r\n");
    const auto carriage = parse_equivocation(windows);
    CHECK_FALSE((carriage && verify_equivocation(*carriage)));
  }
  CHECK_FALSE(parse_equivocation(std::string(kEquivocationBytesMax + 1, 'x')));
}

TEST_CASE("the record's slots carry the same proof as the file") {
  const TwoHistories two("video.example", 1);
  const TwoHistories after("video.example", 1, 77);
  for (const EquivocationProof& proof :
       {prove_one_size(two.head(false, 5), two.head(true, 5)), two.proof(5, 9),
        prove_one_size(two.head(false, 5), after.head(true, 5))}) {
    const auto event = ValidEvent::parse(Event::kEquivocationEvidence,
                                         equivocation_slots(proof, two.descriptor.fingerprint()));
    REQUIRE(event);
    const auto back = equivocation_of(*event);
    REQUIRE(back);
    CHECK(*back == proof);
  }
  std::vector<SlotValue> slots = equivocation_slots(two.proof(5, 9), two.descriptor.fingerprint());
  std::erase_if(slots, [](const SlotValue& slot) { return slot.slot == 4; });
  CHECK_FALSE(equivocation_of(*ValidEvent::parse(Event::kEquivocationEvidence, slots)));
}

}  // namespace
}  // namespace tocsin::protocol
