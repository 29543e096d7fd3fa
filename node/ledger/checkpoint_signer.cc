#include "node/ledger/checkpoint_signer.h"

#include <algorithm>

#include "protocol/log/checkpoint.h"

namespace tocsin::node {

void CheckpointSigner::add(crypto::SigningKey key) {
  const std::lock_guard lock(mu_);
  const auto same = [&](const crypto::SigningKey& held) { return held.public_key() == key.public_key(); };
  if (std::none_of(keys_.begin(), keys_.end(), same)) keys_.push_back(std::move(key));
}

void CheckpointSigner::forget_before(const crypto::PublicKey& key) {
  const std::lock_guard lock(mu_);
  const auto at = std::find_if(keys_.begin(), keys_.end(),
                               [&](const crypto::SigningKey& held) { return held.public_key() == key; });
  if (at != keys_.end()) keys_.erase(keys_.begin(), at);
}

Result<std::string> CheckpointSigner::sign(const std::string& origin, const protocol::TreeHead& tree,
                                           const protocol::Registry& registry) const {
  const protocol::RegisteredKey* in_force = registry.operational_at(tree.size);
  const std::lock_guard lock(mu_);
  const auto at = std::find_if(keys_.begin(), keys_.end(), [&](const crypto::SigningKey& held) {
    return in_force != nullptr && held.public_key() == in_force->key;
  });
  if (at == keys_.end())
    return fail(Code::kFailedPrecondition, "the operational key that the ledger names is not held",
                "ledger/key");
  protocol::Note note;
  note.text = protocol::format_checkpoint({origin, tree});
  for (auto key = std::make_reverse_iterator(at + 1); key != keys_.rend(); ++key)
    note.signatures.push_back(protocol::sign_note(*key, origin, note.text));
  return protocol::format_note(note);
}

}  // namespace tocsin::node
