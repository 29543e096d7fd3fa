// What a cosignature costs, as a ratio to what the disk costs in the same run: add-checkpoint is one durable
// compare-and-set, two signatures and little else.
//   bench_cosign [DIR]     DIR: where to write (default: a directory under $TMPDIR or /tmp)
// Blocks of fdatasync and of requests alternate; each block gives one ratio of medians.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>
#include <map>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "node/runtime/asio_runtime.h"
#include "node/witness/cosigner.h"
#include "protocol/log/checkpoint.h"
#include "protocol/log/tile.h"
#include "tests/node/ledger/drafts.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace tocsin;
using Clock = std::chrono::steady_clock;

constexpr int kBlocks = 9;
constexpr int kPerBlock = 200;
constexpr std::size_t kFlushedBytes = 1024;
constexpr const char* kOrigin = "log.example/bench";

double microseconds(Clock::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}
double at(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

// A log that grows by one record and asks to be cosigned.
struct Log {
  std::string next_request() {
    tree.append(std::vector<Hash>{protocol::leaf_hash(as_view(std::to_string(tree.size())))});
    for (auto& tile : tree.take_changed()) tiles[{tile.level, tile.index}] = tile.hashes;
    const std::uint64_t size = tree.size();
    protocol::AddCheckpoint request{size - 1, {}, {}};
    protocol::TileNodes nodes(size, [&](const protocol::TileId& id) -> Result<Bytes> {
      return tiles.at({id.level, id.index});
    });
    if (size > 1) request.proof = protocol::consistency_proof(size - 1, size, nodes.nodes()).value();
    request.checkpoint = protocol::sign_checkpoint(key, {kOrigin, {size, tree.range().root()}});
    return protocol::format_add_checkpoint(request);
  }
  crypto::SigningKey key = crypto::SigningKey::from_seed(Secret<32>(node::filled(60)));
  protocol::TileWriter tree;
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles;
};

}  // namespace

int main(int argc, char** argv) {
  const tests::TempDir temporary;
  const std::string dir = argc > 1 ? argv[1] : temporary.file("");
  node::AsioRuntime runtime(2);
  auto store = storage::Store::open(dir + "/store").value();
  auto ledger = node::Ledger::open(*store, runtime, node::ledger_keys()).value();
  Log log;
  const auto vkey =
      protocol::make_verifier_key(kOrigin, protocol::KeyType::kEd25519, log.key.public_key()).value();
  node::Cosigner cosigner({*store, *ledger, runtime,
                           crypto::SigningKey::from_seed(Secret<32>(node::filled(61))),
                           "node.example/witness", [&](std::string_view) { return std::vector{vkey}; }});
  const int fd = ::open((dir + "/flush").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const std::vector<char> bytes(kFlushedBytes, 'x');
  std::vector<double> ratios, cosigns, flushes;
  for (int block = 0; block < kBlocks; ++block) {
    std::vector<double> flushed, cosigned;
    for (int i = 0; i < kPerBlock; ++i) {
      const auto start = Clock::now();
      if (::write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) ||
          ::fdatasync(fd) != 0)
        std::abort();
      flushed.push_back(microseconds(Clock::now() - start));
    }
    for (int i = 0; i < kPerBlock; ++i) {
      const std::string request = log.next_request();
      std::promise<unsigned> answered;
      const auto start = Clock::now();
      cosigner.add_checkpoint(request, [&](node::CosignAnswer answer) { answered.set_value(answer.status); });
      if (answered.get_future().get() != 200) std::abort();
      cosigned.push_back(microseconds(Clock::now() - start));
    }
    ratios.push_back(at(cosigned, 0.5) / at(flushed, 0.5));
    cosigns.insert(cosigns.end(), cosigned.begin(), cosigned.end());
    flushes.insert(flushes.end(), flushed.begin(), flushed.end());
  }
  ::close(fd);
  std::printf("fdatasync       p50 %8.0f us  p99 %8.0f us\n", at(flushes, 0.5), at(flushes, 0.99));
  std::printf("add-checkpoint  p50 %8.0f us  p99 %8.0f us\n", at(cosigns, 0.5), at(cosigns, 0.99));
  std::printf("ratio of medians, a block: least %.2f, middle %.2f, most %.2f\n", at(ratios, 0),
              at(ratios, 0.5), at(ratios, 1));
  runtime.stop();
  return 0;
}
