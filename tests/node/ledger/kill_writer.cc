// The process that is killed: it opens the ledger of DIR and appends without end, reporting each acknowledged
// record on descriptor 3 as one Ack (kill_round.h). Records carry serials from FIRST on, which are also their
// idempotency keys.
//   kill_writer DIR FIRST OUTSTANDING

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <unistd.h>

#include "crypto/base/encoding.h"
#include "crypto/random.h"
#include "node/runtime/asio_runtime.h"
#include "tests/node/ledger/kill_round.h"

namespace {

using namespace tocsin;

[[noreturn]] void give_up(const char* what, const Error& error) {
  std::fprintf(stderr, "kill_writer: %s: %s\n", what, error.message.c_str());
  std::exit(1);
}

struct Window {
  std::mutex mu;
  std::condition_variable room;
  std::uint64_t outstanding = 0;
};

void report(std::uint64_t serial, const node::Appended& appended) {
  const auto tree =
      protocol::parse_checkpoint(protocol::parse_note(*appended.checkpoint).value().text).value().tree;
  tests::Ack ack{serial, appended.first_index, tree.size, tree.root};
  if (write(3, &ack, sizeof ack) != sizeof ack) std::exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  if (auto ready = crypto::init(); !ready) give_up("crypto", ready.error());
  const std::uint64_t limit = std::strtoull(argv[3], nullptr, 10);
  auto store = storage::Store::open(argv[1]);
  if (!store) give_up("store", store.error());
  node::AsioRuntime runtime(1);
  auto ledger = node::Ledger::open(**store, runtime, tests::kill_keys());
  if (!ledger) give_up("ledger", ledger.error());
  Window window;
  for (std::uint64_t serial = std::strtoull(argv[2], nullptr, 10);; ++serial) {
    {
      std::unique_lock lock(window.mu);
      window.room.wait(lock, [&] { return window.outstanding < limit; });
      ++window.outstanding;
    }
    node::IdempotencyKey key{};
    put_be(key.data(), serial);
    (*ledger)->append({{tests::kill_draft(serial)}, nullptr, key},
                      [&, serial](Result<node::Appended> appended) {
                        if (!appended) give_up("append", appended.error());
                        report(serial, *appended);
                        const std::lock_guard lock(window.mu);
                        --window.outstanding;
                        window.room.notify_one();
                      });
  }
}
