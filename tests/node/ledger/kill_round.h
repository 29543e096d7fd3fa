#pragma once
// What the killed writer and the test that kills it agree on.

#include "node/ledger/ledger.h"
#include "protocol/log/checkpoint.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::tests {

// One acknowledged append of one record; smaller than PIPE_BUF, so it is in the pipe whole or not at all.
struct Ack {
  std::uint64_t serial = 0;
  std::uint64_t index = 0;
  std::uint64_t tree_size = 0;  // of the checkpoint handed out with it
  Hash root{};
};

inline node::LedgerKeys kill_keys() {
  const auto key = [](std::uint8_t fill) {
    Hash bytes;
    bytes.fill(fill);
    return Secret<32>(bytes);
  };
  Hash self;
  self.fill(4);
  return {crypto::SigningKey::from_seed(key(1)), key(2), key(3), "killed.example/log", self,
          to_bytes(as_view("descriptor"))};
}

inline node::Draft kill_draft(std::uint64_t serial) {
  node::Draft draft;
  draft.event = protocol::Event::kPeerResumed;
  Hash peer;
  peer.fill(9);
  draft.slots.push_back(protocol::slot_bytes(0, protocol::SlotType::kHash, peer));
  draft.slots.push_back(protocol::slot_text(1, "serial " + std::to_string(serial)));
  return draft;
}

}  // namespace tocsin::tests
