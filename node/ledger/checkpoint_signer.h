#pragma once
// CheckpointSigner: the ledger's operational keys, and which of them sign a checkpoint.
//
// Guarantee: a checkpoint is signed by the key that the ledger's records name at its size, first, and by
// every older key that is still held, so that who knows only the old key can follow a change (SPEC §2). A key
// that no record names yet signs nothing. Errors: kFailedPrecondition "ledger/key" when the key in force is
// not held. Concurrency: any thread.

#include <mutex>
#include <string>
#include <vector>

#include "crypto/sign.h"
#include "protocol/log/proof.h"
#include "protocol/process/registry.h"

namespace tocsin::node {

class CheckpointSigner {
 public:
  explicit CheckpointSigner(crypto::SigningKey key) { keys_.push_back(std::move(key)); }

  // Younger than all others; one that is held already is not held twice.
  void add(crypto::SigningKey key);
  void forget_before(const crypto::PublicKey& key);

  // `registry`: what the records up to the tree's size say.
  Result<std::string> sign(const std::string& origin, const protocol::TreeHead& tree,
                           const protocol::Registry& registry) const;

 private:
  mutable std::mutex mu_;
  std::vector<crypto::SigningKey> keys_;  // oldest first; guarded by mu_
};

}  // namespace tocsin::node
