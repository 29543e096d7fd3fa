#pragma once
// A ledger on RocksDB's in-memory environment with a runtime under the test's hand.

#include "node/ledger/ledger.h"
#include "protocol/log/checkpoint.h"
#include "tests/storage/memory_store.h"
#include "tests/support/manual_runtime.h"
#include "tocsin/v1/identity.pb.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::node {

inline LedgerKeys ledger_keys(std::uint8_t seed = 1) {
  Hash bytes = storage::hash_of(seed);
  v1::NodeDescriptor body;
  body.set_name("node" + std::to_string(seed) + ".example");
  v1::SignedDescriptor descriptor;
  descriptor.set_body(body.SerializeAsString());
  descriptor.set_signature(std::string(64, 's'));
  return {crypto::SigningKey::from_seed(Secret<32>(bytes)),
          Secret<32>(storage::hash_of(static_cast<std::uint8_t>(seed + 1))),
          Secret<32>(storage::hash_of(static_cast<std::uint8_t>(seed + 2))),
          "node" + std::to_string(seed) + ".example/log",
          storage::hash_of(static_cast<std::uint8_t>(seed + 3)),
          to_bytes(as_view(descriptor.SerializeAsString()))};
}

struct LedgerFixture {
  storage::MemoryStore memory;
  tests::ManualRuntime runtime;
  std::unique_ptr<Ledger> ledger;

  LedgerFixture() { open(); }
  Status try_open() {
    ledger.reset();
    runtime.tasks.clear();
    memory.reopen();
    TRY_ASSIGN(ledger, Ledger::open(*memory, runtime, ledger_keys()));
    return {};
  }
  void open() {
    const Status opened = try_open();
    if (!opened) FAIL(opened.error().message);
  }
  Result<Appended> append(Append append) {
    Result<Appended> out = fail(Code::kInternal, "not answered");
    ledger->append(std::move(append), [&](Result<Appended> appended) { out = std::move(appended); });
    runtime.run();
    return out;
  }
  Result<Appended> append(std::vector<Draft> drafts) { return append(Append{std::move(drafts)}); }
  protocol::TreeHead signed_head() const {
    const LedgerKeys keys = ledger_keys();
    const auto key =
        protocol::make_verifier_key(keys.origin, protocol::KeyType::kEd25519, keys.operational.public_key());
    const auto opened = protocol::open_checkpoint(*ledger->checkpoint(), std::span(&*key, 1));
    if (!opened) FAIL(opened.error().message);
    return opened->checkpoint.tree;
  }
};

// A record of ours that any ledger takes: a peer resumed, about the node itself.
inline Draft resumed(std::string_view reason) {
  Draft draft;
  draft.event = protocol::Event::kPeerResumed;
  draft.slots.push_back(protocol::slot_bytes(0, protocol::SlotType::kHash, storage::hash_of(9)));
  draft.slots.push_back(protocol::slot_text(1, reason));
  return draft;
}

}  // namespace tocsin::node
