#pragma once
// A ledger on RocksDB's in-memory environment with a runtime under the test's hand.

#include "node/ledger/ledger.h"
#include "protocol/log/checkpoint.h"
#include "tests/node/ledger/drafts.h"
#include "tests/storage/memory_store.h"
#include "tests/support/manual_runtime.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::node {

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

}  // namespace tocsin::node
