#pragma once
// Keys and records for the ledger's tests, its killed writer and its bench.

#include <cstdlib>

#include "crypto/hash.h"
#include "node/ledger/ledger.h"
#include "protocol/identity/descriptor.h"

namespace tocsin::node {

inline Hash filled(std::uint8_t byte) {
  Hash out;
  out.fill(byte);
  return out;
}

// Node number `seed`: all its keys follow from that.
inline crypto::SigningKey root_key(std::uint8_t seed) {
  return crypto::SigningKey::from_seed(Secret<32>(filled(static_cast<std::uint8_t>(seed + 100))));
}

inline LedgerKeys ledger_keys(std::uint8_t seed = 1) {
  const auto secret = [&](int more) { return Secret<32>(filled(static_cast<std::uint8_t>(seed + more))); };
  auto operational = crypto::SigningKey::from_seed(secret(0));
  const auto root = root_key(seed);
  v1::NodeDescriptor body;
  body.set_name("node" + std::to_string(seed) + ".example");
  body.set_address("localhost:7000");
  body.set_root_key(to_string(root.public_key()));
  body.set_operational_key(to_string(operational.public_key()));
  body.set_envelope_key(to_string(crypto::sha256(as_view(body.name()))));
  body.set_tls_spki_sha256(std::string(32, 't'));
  body.set_log_origin(body.name() + "/log");
  body.set_sequence(1);
  body.set_valid_until_ms(4'000'000'000'000);
  const auto descriptor = protocol::sign_descriptor(body, root);
  if (!descriptor) std::abort();
  return {std::move(operational),
          secret(1),
          secret(2),
          body.log_origin(),
          protocol::fingerprint(root.public_key()),
          to_bytes(as_view(descriptor->SerializeAsString()))};
}

// A record of ours that any ledger takes: a receipt, all in one chain.
inline Draft receipt(std::uint64_t number) {
  using protocol::SlotType;
  Draft draft;
  draft.event = protocol::Event::kReceipt;
  draft.subject = Subject::of_batch({});
  draft.slots = {
      protocol::slot_number(0, SlotType::kUint, number), protocol::slot_number(1, SlotType::kUint, number),
      protocol::slot_bytes(2, SlotType::kHash, filled(9)), protocol::slot_number(3, SlotType::kUint, number),
      protocol::slot_bytes(14, SlotType::kHash, filled(8))};
  return draft;
}

}  // namespace tocsin::node
