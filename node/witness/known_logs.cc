#include "node/witness/known_logs.h"

namespace tocsin::node {

void KnownLogs::refresh_locked(std::uint64_t known_for_ms) {
  const std::uint64_t now = runtime_.now_ms();
  if (!stale_.exchange(false) && read_ms_ != 0 && now < read_ms_ + known_for_ms) return;
  const auto rows = members_.list();
  if (!rows) {  // what was known stays known until the store answers again
    stale_ = true;
    return;
  }
  std::map<Hash, Known> next;
  for (const v1::PeerRow& row : *rows) {
    const auto id = fixed<32>(as_view(row.node()), "a stored fingerprint");
    if (!id || row.standing() != v1::PEER_ACTIVE) continue;
    std::string bytes = row.SerializeAsString();
    if (const auto same = known_.find(*id); same != known_.end() && same->second.row == bytes) {
      next.insert(*same);
      continue;
    }
    const auto descriptor = protocol::parse_descriptor(row.signed_descriptor());
    if (!descriptor) continue;
    auto log = protocol::make_verifier_key(descriptor->message().log_origin(), protocol::KeyType::kEd25519,
                                           descriptor->operational_key());
    if (!log) continue;
    Known known{std::move(bytes), descriptor->message().log_origin(), row.since_ms(), std::move(*log), {}};
    if (descriptor->cosigner())
      known.target = WitnessTarget{descriptor->name(), *descriptor->cosigner(), *id, {}};
    next.emplace(*id, std::move(known));
  }
  known_ = std::move(next);
  read_ms_ = now;
}

std::vector<protocol::VerifierKey> KnownLogs::keys(std::string_view origin) {
  const std::lock_guard lock(mu_);
  refresh_locked(kKnownForMs);
  const Known* owner = nullptr;
  for (const auto& [id, known] : known_)
    if (known.origin == origin && (owner == nullptr || known.since_ms < owner->since_ms)) owner = &known;
  if (owner == nullptr) return {};
  return {owner->log};
}

std::vector<WitnessTarget> KnownLogs::members_that_cosign() {
  const std::lock_guard lock(mu_);
  // Rounds are rare, and one that follows a member's coming must not miss it.
  refresh_locked(0);
  std::vector<WitnessTarget> out;
  for (const auto& [id, known] : known_)
    if (known.target) out.push_back(*known.target);
  return out;
}

}  // namespace tocsin::node
