#include "protocol/process/registry.h"

#include "tests/protocol/process/sample_ledger.h"
#include "tests/support/catch.h"
#include "tests/support/two_histories.h"

namespace tocsin::protocol {
namespace {

using test::filled;
using test::put;
using test::SampleLedger;

// The rule that judging a node record breaks; empty when none.
std::string verdict(SampleLedger& ledger, const RecordView& record) {
  const auto judged = ledger.registry().judge(record, ledger.self());
  return judged ? "" : judged.error().rule;
}

TEST_CASE("a ledger's keys are what its 05xx records say, each with its time") {
  SampleLedger ledger("video.example", 1);
  const KeyId reviewer = key_id(ledger.reviewer().public_key());
  const std::uint64_t now = ledger.now();
  REQUIRE(ledger.registry().self() != nullptr);
  CHECK(ledger.registry().self()->name() == "video.example");
  CHECK(ledger.registry().keys().size() == 3);
  const RegisteredKey* key = ledger.registry().key(reviewer);
  REQUIRE(key != nullptr);
  CHECK(key->pseudonym == "rita");
  CHECK(key->role == KeyRole::kReviewer);
  CHECK(key->valid_at(now, 5));
  CHECK_FALSE(key->valid_at(now, key->added_index));
  CHECK_FALSE(key->valid_at(key->valid_until_ms, 5));
  const RecordView gone =
      ledger.node(Event::kKeyRetired, [&](auto& s) { put(s, slot_bytes(0, SlotType::kKeyId, reviewer)); });
  CHECK(ledger.registry().key_valid_at(reviewer, now, gone.index - 1) != nullptr);
  CHECK(ledger.registry().key_valid_at(reviewer, now, gone.index + 1) == nullptr);
  ledger.node(Event::kKeyCompromised, [&](auto& s) { put(s, slot_bytes(0, SlotType::kKeyId, reviewer)); });
  CHECK(ledger.registry().key(reviewer)->compromised);
  CHECK(ledger.registry().key(reviewer)->gone_index == gone.index);
}

TEST_CASE("R16: 05xx records stand in the node's chain, after one GENESIS of that node") {
  SampleLedger ledger("video.example", 1);
  const auto genesis = [&](const Bytes& descriptor) {
    std::vector<SlotValue> slots = {slot_bytes(0, SlotType::kSigned, descriptor)};
    return ledger.record(Event::kGenesis, filled(1), slots);
  };
  CHECK(verdict(ledger, genesis(ledger.descriptor())) == "due-process/R16");
  const Registry empty;
  CHECK(empty.judge(genesis(ledger.descriptor()), ledger.self()));
  CHECK_FALSE(empty.judge(genesis(ledger.descriptor()), filled(9)));
  CHECK_FALSE(empty.judge(genesis(Bytes(100, 1)), ledger.self()));
  const RecordView group = ledger.set_group(filled(3), 1, {filled(7)});
  CHECK_FALSE(empty.judge(group, ledger.self()));
  RecordView elsewhere = group;
  elsewhere.leaf.chain = filled(2);
  CHECK(verdict(ledger, elsewhere) == "due-process/R16");
  CHECK_FALSE(ledger.registry().judge(ledger.about(Event::kWithdrawn, filled(1)), ledger.self()));
}

TEST_CASE("R16: a key is added once, with a descriptor when it is operational, and gone once") {
  SampleLedger ledger("video.example", 1);
  CHECK(verdict(ledger, ledger.add_key(ledger.reviewer(), KeyRole::kReviewer, "again")) == "due-process/R16");
  CHECK(verdict(ledger, ledger.add_key(test::key_from(77), KeyRole::kOperational, "op")) ==
        "due-process/R16");
  const auto rotate = [&](std::uint64_t sequence, std::uint8_t key) {
    auto message = test::sample_descriptor("video.example", 1);
    message.set_sequence(sequence);
    message.set_operational_key(to_string(test::key_from(50).public_key()));
    const auto descriptor = sign_descriptor(message, test::key_from(1));
    std::vector<SlotValue> slots = test::sample_slots(Event::kKeyAdded);
    put(slots, slot_bytes(0, SlotType::kKey, test::key_from(key).public_key()));
    put(slots, slot_number(3, SlotType::kTime, 0));
    put(slots, slot_bytes(5, SlotType::kSigned, as_view(descriptor->SerializeAsString())));
    return ledger.record(Event::kKeyAdded, *ledger.registry().node_chain(), slots);
  };
  CHECK(verdict(ledger, rotate(2, 50)).empty());
  CHECK(verdict(ledger, rotate(2, 51)) == "due-process/R16");
  CHECK(verdict(ledger, rotate(1, 50)) == "due-process/R16");
  const RecordView unknown =
      ledger.node(Event::kKeyRetired, [](auto& s) { put(s, slot_bytes(0, SlotType::kKeyId, Bytes(8, 9))); });
  CHECK(verdict(ledger, unknown) == "due-process/R16");
}

TEST_CASE("groups keep every epoch, and a question about the past names a record") {
  SampleLedger ledger("video.example", 1);
  const Hash group = filled(3);
  const RecordView one = ledger.set_group(group, 1, {filled(7), filled(8)});
  const RecordView two = ledger.set_group(group, 2, {filled(8), filled(9)});
  const Registry& registry = ledger.registry();
  CHECK(registry.group(group, 1)->has_member(filled(7)));
  CHECK_FALSE(registry.group(group, 2)->has_member(filled(7)));
  CHECK(registry.group(group, 3) == nullptr);
  CHECK(registry.current_group(group)->epoch == 2);
  CHECK(registry.group_at(group, one.index) == nullptr);
  CHECK(registry.group_at(group, two.index)->epoch == 1);
  CHECK(registry.group_at(group, two.index + 1)->epoch == 2);
  CHECK(registry.members_between(group, two.index - 1, two.index + 5).size() == 3);
  CHECK(registry.members_between(group, two.index + 1, two.index + 5).size() == 2);
  CHECK(verdict(ledger, ledger.set_group(group, 2, {filled(7)})) == "due-process/R16");
  const RecordView stranger = ledger.node(Event::kGroupSet, [&](auto& s) {
    put(s, slot_bytes(0, SlotType::kHash, group));
    put(s, slot_number(1, SlotType::kUint, 9));
  });
  CHECK(verdict(ledger, stranger) == "due-process/R16");
}

TEST_CASE("members are found by fingerprint and name until they are removed") {
  SampleLedger ledger("video.example", 1);
  const auto social = test::sample_signed("social.example", 20);
  ledger.node(Event::kMemberAdded, [&](auto& s) {
    put(s, slot_bytes(0, SlotType::kSigned, as_view(social.SerializeAsString())));
  });
  const Hash who = parse_descriptor(social)->fingerprint();
  REQUIRE(ledger.registry().member(who) != nullptr);
  CHECK(ledger.registry().member_named("social.example") == ledger.registry().member(who));
  CHECK(ledger.registry().members().size() == 1);
  const auto remove = [&] {
    return ledger.node(Event::kMemberRemoved, [&](auto& s) { put(s, slot_bytes(0, SlotType::kHash, who)); });
  };
  remove();
  CHECK(ledger.registry().member(who) == nullptr);
  CHECK(verdict(ledger, remove()) == "due-process/R16");
  CHECK(verdict(ledger, ledger.node(Event::kMemberAdded)) == "due-process/R16");
}

TEST_CASE("charters have ascending versions, and peers are suspended and resumed in turn") {
  SampleLedger ledger("video.example", 1);
  const auto charter = [&](std::uint64_t version) {
    return ledger.node(Event::kCharterVersion,
                       [&](auto& s) { put(s, slot_number(2, SlotType::kUint, version)); });
  };
  charter(1);
  charter(2);
  CHECK(ledger.registry().charter(filled(5))->version == 2);
  CHECK(ledger.registry().charter(filled(5), 1) != nullptr);
  CHECK(ledger.registry().charters().size() == 1);
  CHECK(verdict(ledger, charter(2)) == "due-process/R16");
  CHECK_FALSE(ledger.registry().suspended(filled(5)));
  ledger.node(Event::kPeerSuspended);
  CHECK(ledger.registry().suspended(filled(5)));
  CHECK(verdict(ledger, ledger.record(Event::kPeerSuspended, *ledger.registry().node_chain(),
                                      test::sample_slots(Event::kPeerSuspended))) == "due-process/R16");
  ledger.node(Event::kPeerResumed);
  CHECK_FALSE(ledger.registry().suspended(filled(5)));
}

TEST_CASE(
    "R16: evidence of an equivocation must prove it, quarantines once, and is lifted by PEER_RESUMED alone") {
  SampleLedger ledger("video.example", 1);
  const tocsin::test::TwoHistories two("social.example", 20);
  const Hash issuer = two.descriptor.fingerprint();
  const auto evidence = [&](const EquivocationProof& proof, const Hash& against) {
    return ledger.record(Event::kEquivocationEvidence, *ledger.registry().node_chain(),
                         equivocation_slots(proof, against));
  };
  const EquivocationProof proof = two.proof(5, 9);
  EquivocationProof forged = proof;
  forged.second[forged.second.size() - 20] ^= 1;
  CHECK(verdict(ledger, evidence(forged, issuer)) == "due-process/R16");
  CHECK(verdict(ledger, evidence(proof, filled(7))) == "due-process/R16");
  CHECK(verdict(ledger, evidence(proof, issuer)).empty());
  CHECK_FALSE(ledger.registry().quarantined(issuer));
  const RecordView record =
      ledger.node(Event::kEquivocationEvidence, [&](auto& s) { s = equivocation_slots(proof, issuer); });
  CHECK(ledger.registry().quarantined(issuer));
  REQUIRE(ledger.registry().equivocations().size() == 1);
  const ProvenEquivocation& proven = ledger.registry().equivocations().front();
  CHECK(proven.index == record.index);
  CHECK(proven.what.first.size == 5);
  CHECK(ledger.registry().equivocation(equivocation_digest(proof)) == &proven);

  // Neither the same proof nor another one adds to it while it lasts.
  const EquivocationProof other = two.proof(4, 9);
  CHECK(verdict(ledger, evidence(proof, issuer)) == "due-process/R16");
  CHECK(verdict(ledger, evidence(other, issuer)) == "due-process/R16");
  ledger.node(Event::kPeerResumed, [&](auto& s) { put(s, slot_bytes(0, SlotType::kHash, issuer)); });
  CHECK_FALSE(ledger.registry().quarantined(issuer));
  CHECK(verdict(ledger, evidence(proof, issuer)) == "due-process/R16");
  CHECK(verdict(ledger, evidence(other, issuer)).empty());
}

}  // namespace
}  // namespace tocsin::protocol
