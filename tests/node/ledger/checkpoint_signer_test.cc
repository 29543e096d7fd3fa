#include "node/ledger/checkpoint_signer.h"

#include "tests/node/ledger/fixture.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

crypto::SigningKey new_key(std::uint8_t seed = 200) {
  return crypto::SigningKey::from_seed(Secret<32>(filled(seed)));
}

// What puts another operational key into the ledger of node 1.
std::vector<Draft> change_to(const crypto::SigningKey& key, std::uint64_t sequence = 2) {
  using protocol::SlotType;
  const auto first = *protocol::parse_descriptor(ByteView(ledger_keys().descriptor));
  v1::NodeDescriptor body = first.message();
  body.set_operational_key(to_string(key.public_key()));
  body.set_sequence(sequence);
  const auto descriptor = *protocol::sign_descriptor(body, root_key(1));
  Draft added;
  added.event = protocol::Event::kKeyAdded;
  added.slots = {protocol::slot_bytes(0, SlotType::kKey, key.public_key()),
                 protocol::slot_number(1, SlotType::kEnum, 1),
                 protocol::slot_text(2, body.name()),
                 protocol::slot_number(3, SlotType::kTime, 0),
                 protocol::slot_number(4, SlotType::kTime, 4'000'000'000'000),
                 protocol::slot_bytes(5, SlotType::kSigned, as_view(descriptor.SerializeAsString()))};
  std::vector<Draft> out;
  out.push_back(std::move(added));
  return out;
}

protocol::VerifierKey vkey(const crypto::SigningKey& key) {
  return *protocol::make_verifier_key(ledger_keys().origin, protocol::KeyType::kEd25519, key.public_key());
}
bool signed_by(const std::string& note, const crypto::SigningKey& key) {
  const auto verifier = vkey(key);
  return protocol::open_checkpoint(note, std::span(&verifier, 1)).has_value();
}

}  // namespace

TEST_CASE("a key signs from the commit that names it on, and the one before it until it is forgotten") {
  LedgerFixture fixture;
  const auto old = std::move(ledger_keys().operational);
  const auto next = new_key();
  fixture.ledger->add_key(next.copy());
  REQUIRE(fixture.append({receipt(1)}));
  CHECK(signed_by(*fixture.ledger->checkpoint(), old));
  CHECK_FALSE(signed_by(*fixture.ledger->checkpoint(), next));

  REQUIRE(fixture.append(change_to(next)));
  CHECK(signed_by(*fixture.ledger->checkpoint(), old));
  CHECK(signed_by(*fixture.ledger->checkpoint(), next));
  const auto note = *protocol::parse_note(*fixture.ledger->checkpoint());
  REQUIRE(note.signatures.size() == 2);
  CHECK(note.signatures.front().id == vkey(next).id);  // the key in force stands first

  fixture.ledger->forget_keys_before(next.public_key());
  REQUIRE(fixture.append({receipt(2)}));
  CHECK_FALSE(signed_by(*fixture.ledger->checkpoint(), old));
  CHECK(signed_by(*fixture.ledger->checkpoint(), next));
}

TEST_CASE("a change to a key that is not held fails the ledger before anything is signed") {
  LedgerFixture fixture;
  const auto before = fixture.ledger->checkpoint();
  CHECK(fixture.append(change_to(new_key())).error().rule == "ledger/key");
  CHECK(fixture.ledger->checkpoint() == before);
}

TEST_CASE("a ledger that changed its key opens with both keys or the new one, and with the old one never") {
  LedgerFixture fixture;
  const auto next = new_key();
  fixture.ledger->add_key(next.copy());
  REQUIRE(fixture.append(change_to(next)));
  const auto open_with = [&](LedgerKeys keys) {
    fixture.ledger.reset();
    fixture.runtime.tasks.clear();
    fixture.memory.reopen();
    auto opened = Ledger::open(*fixture.memory, fixture.runtime, std::move(keys));
    if (opened) fixture.ledger = std::move(*opened);
    return fixture.ledger != nullptr;
  };
  LedgerKeys both = ledger_keys();
  both.next = next.copy();
  REQUIRE(open_with(std::move(both)));
  REQUIRE(fixture.append({receipt(1)}));
  CHECK(protocol::parse_note(*fixture.ledger->checkpoint())->signatures.size() == 2);

  LedgerKeys adopted = ledger_keys();
  adopted.operational = next.copy();
  REQUIRE(open_with(std::move(adopted)));
  REQUIRE(fixture.append({receipt(2)}));
  CHECK(protocol::parse_note(*fixture.ledger->checkpoint())->signatures.size() == 1);
  CHECK(signed_by(*fixture.ledger->checkpoint(), next));

  // Whoever has only the old key opens nothing that he could sign.
  if (open_with(ledger_keys())) CHECK(fixture.append({receipt(3)}).error().rule == "ledger/key");
}

TEST_CASE("keys may change more than once, and each checkpoint is by the key of its size") {
  LedgerFixture fixture;
  const auto second = new_key(201);
  const auto third = new_key(202);
  fixture.ledger->add_key(second.copy());
  REQUIRE(fixture.append(change_to(second, 2)));
  fixture.ledger->forget_keys_before(second.public_key());
  fixture.ledger->add_key(third.copy());
  REQUIRE(fixture.append(change_to(third, 3)));
  fixture.ledger->forget_keys_before(third.public_key());
  REQUIRE(fixture.append({receipt(1)}));
  CHECK(signed_by(*fixture.ledger->checkpoint(), third));
  CHECK_FALSE(signed_by(*fixture.ledger->checkpoint(), second));
  const auto registry = fixture.ledger->registry();
  CHECK(registry->operational_at(1)->key == ledger_keys().operational.public_key());
  CHECK(registry->operational_at(2)->key == second.public_key());
  CHECK(registry->operational_at(3)->key == third.public_key());
  CHECK(registry->operational_at(0) == nullptr);
}
