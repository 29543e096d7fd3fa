#pragma once
// What the killed writer and the test that kills it agree on.

#include "node/ledger/ledger.h"
#include "protocol/log/checkpoint.h"
#include "tests/node/ledger/drafts.h"
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
  return node::ledger_keys();
}
// Serial and receipt number are the same, so that a record can be told from every other.
inline node::Draft kill_draft(std::uint64_t serial) {
  return node::receipt(serial);
}

}  // namespace tocsin::tests
