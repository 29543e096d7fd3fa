#pragma once
// KeptLedgers: what this node holds of other nodes' ledgers, as their owners may ask for it back.
//
// A node that lost its newest records asks its peers what they hold of its ledger: the newest checkpoints it
// signed, the leaves, and the openings it had given them. Guarantee: a caller is given of its own ledger
// only, and nothing that it did not send itself; a page holds at least one record that is asked for and held.
// Errors: kInvalidArgument "peer/held" for an envelope key of another length, the store's. Concurrency: any
// thread. Source: SPEC §14.

#include "node/runtime/runtime.h"
#include "storage/peer_store.h"
#include "tocsin/v1/peer.pb.h"

namespace tocsin::node {

class KeptLedgers {
 public:
  KeptLedgers(const storage::Store& store, Runtime& runtime, const Hash& self)
      : store_(store), peers_(store), runtime_(runtime), self_(self) {}

  Result<v1::HeldReply> held(const Hash& owner, const v1::HeldRequest& request) const;

 private:
  Status add_checkpoints(const Hash& owner, v1::HeldReply& reply) const;
  Status add_heads(const Hash& owner, v1::HeldReply& reply) const;
  Status add_page(const Hash& owner, const v1::HeldRequest& request, v1::HeldReply& reply) const;

  const storage::Store& store_;
  const storage::PeerStore peers_;
  Runtime& runtime_;
  const Hash self_;
};

}  // namespace tocsin::node
