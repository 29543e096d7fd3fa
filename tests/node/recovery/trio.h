#pragma once
// Three members of one network; alpha loses its store and is asked to rise again from an earlier copy of it.

#include <set>

#include "node/peer/kept_ledgers.h"
#include "node/recovery/repair.h"
#include "storage/witness_store.h"
#include "tests/support/catch.h"
#include "tests/support/company.h"

namespace tocsin::node {

struct Trio {
  tests::Company alpha{"alpha.example"}, beta{"beta.example"}, gamma{"gamma.example"};
  std::set<std::string> silent;                                  // members that no link leads to
  std::function<void(const std::string&, v1::HeldReply&)> bend;  // what somebody does to an answer
  std::unique_ptr<storage::Store> store;                         // the earlier copy
  std::unique_ptr<RecordSealer> sealer;
  std::unique_ptr<Repair> repair;
  bool done = false;

  Trio() {
    REQUIRE(alpha.commit(alpha.members->create_network("trio", "be fair")));
    tests::join(alpha, beta);
    tests::join(alpha, gamma);
    // Of each other they know from alpha.
    REQUIRE(beta.pull(alpha));
    REQUIRE(gamma.pull(alpha));
    sync();
  }
  // Everybody holds everything of everybody.
  void sync() {
    for (int round = 0; round < 2; ++round)
      for (auto* to : {&alpha, &beta, &gamma})
        for (auto* from : {&alpha, &beta, &gamma})
          if (to != from) REQUIRE(to->pull(*from));
  }
  std::string publish(char digit) {
    const std::string id = alpha.submit(digit);
    REQUIRE(alpha.commit(alpha.reviewed(id)));
    REQUIRE(alpha.commit(alpha.published(id)));
    return id;
  }
  Hash id_of(const tests::Company& who) const { return who.descriptor->fingerprint(); }

  void back_up() { REQUIRE(alpha.memory->copy_to("/earlier")); }
  storage::StoreOptions options() const { return {alpha.memory.env.get(), 1 << 20, 4 << 20, 256 << 10}; }
  void open_store() {
    store.reset();
    auto opened = storage::Store::open("/earlier", options());
    REQUIRE(opened);
    store = std::move(*opened);
  }
  void begin_repair() {
    const auto secret = [&](const char* what) {
      return Secret<32>(crypto::sha256(as_view(alpha.name + "/" + what)));
    };
    sealer = std::make_unique<RecordSealer>(secret("kek"), secret("chain"));
    repair = std::make_unique<Repair>(
        Repair::Parts{*store, alpha.runtime, *sealer, alpha.operational,
                      alpha.descriptor->message().log_origin(), id_of(alpha),
                      [this](const protocol::ValidDescriptor& peer, Sync::Connected connected) {
                        connect(peer, connected);
                      },
                      [this](Repair::Stage stage) { done = stage == Repair::Stage::kDone; }});
    repair->start();
    alpha.runtime.run();
    // The first answers may have been too early.
    alpha.runtime.now += kRepairQuietMs;
    REQUIRE(repair->decide({}));
    alpha.runtime.run();
  }
  // A ledger over the store, as the node opens it.
  std::unique_ptr<Ledger> open_ledger() {
    repair.reset();
    open_store();
    REQUIRE_FALSE(store->quarantine());
    const auto secret = [&](const char* what) {
      return Secret<32>(crypto::sha256(as_view(alpha.name + "/" + what)));
    };
    auto ledger = Ledger::open(
        *store, alpha.runtime,
        {alpha.operational.copy(), secret("chain"), secret("kek"), alpha.descriptor->message().log_origin(),
         id_of(alpha), to_bytes(as_view(alpha.descriptor->signed_form().SerializeAsString()))});
    if (!ledger) FAIL(ledger.error().message);
    return std::move(*ledger);
  }

  class Link : public PeerLink {
   public:
    Link(Trio& trio, tests::Company& holder) : trio_(trio), holder_(holder) {}
    void hello(const v1::HelloRequest&, Done<v1::HelloReply>) override {}
    void records(const v1::RecordsRequest&, Done<v1::RecordsReply>) override {}
    void cosign(const v1::CosignRequest&, Done<v1::CosignReply>) override {}
    void held(const v1::HeldRequest& request, Done<v1::HeldReply> answered) override {
      auto reply = KeptLedgers(*holder_.memory, holder_.runtime, trio_.id_of(holder_))
                       .held(trio_.id_of(trio_.alpha), request);
      if (reply && trio_.bend) trio_.bend(holder_.name, *reply);
      trio_.alpha.runtime.post(Lane::kIo, [answered, reply] { answered(reply); });
    }
    void watch(OnHead, OnEnd) override {}
    void close() override {}

   private:
    Trio& trio_;
    tests::Company& holder_;
  };
  void connect(const protocol::ValidDescriptor& peer, const Sync::Connected& connected) {
    for (auto* one : {&beta, &gamma})
      if (id_of(*one) == peer.fingerprint() && !silent.contains(one->name))
        return connected(std::shared_ptr<PeerLink>(std::make_shared<Link>(*this, *one)));
    connected(fail(Code::kUnavailable, "no route"));
  }
};

}  // namespace tocsin::node
