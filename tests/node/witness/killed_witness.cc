// The process that is killed: a witness with a store in DIR that is asked, without end, to cosign two
// histories of each of a few logs. Every cosignature given is told on descriptor 3 as one Cosigned
// (cosigner_kill.h).
//   killed_witness DIR FIRST_LOG SEED

#include <array>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <random>

#include <unistd.h>

#include "crypto/random.h"
#include "node/runtime/asio_runtime.h"
#include "node/witness/cosigner.h"
#include "tests/node/ledger/drafts.h"
#include "tests/node/witness/cosigner_kill.h"

namespace {

using namespace tocsin;

[[noreturn]] void give_up(const char* what, const Error& error) {
  std::fprintf(stderr, "killed_witness: %s: %s\n", what, error.message.c_str());
  std::exit(1);
}

// One log that asks: what it believes the witness holds, as the witness told it.
struct Asker {
  std::uint64_t log = 0;
  std::uint64_t held = 0;
  std::uint64_t flavour = 0;
  std::uint64_t size = 0;
};

class Load {
 public:
  Load(node::Cosigner& cosigner, std::uint64_t first, std::uint64_t seed) : cosigner_(cosigner), dice_(seed) {
    for (std::uint64_t i = 0; i < tests::kLogs; ++i) askers_.push_back({first + i, 0, 0, 0});
  }
  void run() {
    for (;;) {
      std::unique_lock lock(mu_);
      room_.wait(lock, [&] { return outstanding_ < tests::kLogs; });
      for (std::size_t i = 0; i < askers_.size(); ++i) {
        if (busy_[i]) continue;
        busy_[i] = true;
        ++outstanding_;
        const std::string body = next(askers_[i]);
        lock.unlock();
        cosigner_.add_checkpoint(body, [this, i](const node::CosignAnswer& answer) { answered(i, answer); });
        lock.lock();
      }
    }
  }

 private:
  std::string next(Asker& asker) {
    if (asker.held >= tests::kKilledSizeMax) asker = {asker.log + tests::kLogs, 0, 0, 0};
    asker.flavour = dice_() % 2;
    asker.size = asker.held + dice_() % 3;
    if (asker.size == 0) asker.size = 1;
    return tests::killed_log(asker.log, asker.flavour).request(asker.held, asker.size);
  }
  void answered(std::size_t i, const node::CosignAnswer& answer) {
    const std::lock_guard lock(mu_);
    Asker& asker = askers_[i];
    if (answer.status == 200) {
      asker.held = asker.size;
      const tests::Cosigned cosigned{asker.log, asker.flavour, asker.size};
      if (write(3, &cosigned, sizeof cosigned) != sizeof cosigned) std::exit(0);
    } else if (answer.status == 409) {
      asker.held = std::stoull(answer.body);
    } else if (answer.status != 422) {
      give_up("an answer", {Code::kInternal, std::to_string(answer.status) + " " + answer.body, ""});
    }
    busy_[i] = false;
    --outstanding_;
    room_.notify_one();
  }

  node::Cosigner& cosigner_;
  std::mt19937_64 dice_;
  std::mutex mu_;
  std::condition_variable room_;
  std::vector<Asker> askers_;
  std::array<bool, tests::kLogs> busy_{};
  std::uint64_t outstanding_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  if (auto ready = crypto::init(); !ready) give_up("crypto", ready.error());
  auto store = storage::Store::open(argv[1]);
  if (!store) give_up("store", store.error());
  node::AsioRuntime runtime(1);
  auto ledger = node::Ledger::open(**store, runtime, node::ledger_keys());
  if (!ledger) give_up("ledger", ledger.error());
  node::Cosigner cosigner({**store, **ledger, runtime, node::cosigner_key(), "node1.example/witness",
                           [](std::string_view origin) {
                             const std::uint64_t log = std::stoull(std::string(origin.substr(13)));
                             return std::vector{tests::killed_log(log, 0).vkey()};
                           }});
  Load(cosigner, std::stoull(argv[2]), std::stoull(argv[3])).run();
}
