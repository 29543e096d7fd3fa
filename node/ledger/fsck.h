#pragma once
// Fsck: reads everything that is stored of our own ledger and of our peers', and says what does not fit.
//
// Of our own: every leaf parses, stands where it should, links to its chain's previous record and is not
// older than the one before; every stored tile holds the hashes of those leaves; every checkpoint ever
// published is signed by the log's key and is the root at its size; every record has its sealed body, and
// where a body can be opened it is the one the leaf commits to. Of a peer's: the leaves held give the tree
// that its newest verified checkpoint was checked against. Reading also makes RocksDB check its own block
// checksums. Nothing is changed. It goes on in steps, so that the same code is a command and a background
// scrub: commits between steps are not looked at. Errors of step(): none for what it finds; those of the
// store when it cannot be read at all. Concurrency: one thread an object, beside any others on the store.
// Source: reliability.md, "bit flips at rest" and I5, I11 of the design.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/log/leaf.h"
#include "protocol/log/merkle.h"
#include "protocol/log/note.h"
#include "storage/log_store.h"
#include "storage/peer_store.h"

namespace tocsin::node {

inline constexpr std::size_t kFsckFindingsMax = 100;

struct FsckReport {
  std::uint64_t records = 0;
  std::uint64_t tiles = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t bodies = 0;  // opened and found to be what the leaf commits to
  std::uint64_t lost = 0;    // brought back without a body, which nobody had: missing, no damage
  std::uint64_t peer_records = 0;
  std::uint64_t problems = 0;         // all of them
  std::vector<std::string> findings;  // the first kFsckFindingsMax
};

class Fsck {
 public:
  struct Input {
    const storage::Store& store;
    std::string origin;
    std::vector<protocol::VerifierKey> log_keys;  // that may have signed our checkpoints
    std::uint64_t size = 0;                       // of our ledger, durable
    // Opens record `index` and holds it against its leaf; null: bodies are only counted as there.
    std::function<Status(std::uint64_t index)> open_body = nullptr;
  };
  explicit Fsck(Input input);

  // Looks at about `records` more records.
  Status step(std::uint64_t records);
  bool done() const { return done_; }
  const FsckReport& report() const { return report_; }

 private:
  struct PeerWalk {
    Hash peer{};
    std::string name;
    protocol::CompactRange range;  // of the leaves read so far
    protocol::CompactRange held;   // what the cursor says
  };

  void finding(std::string text);
  Status own(std::uint64_t from, std::uint64_t to);
  void check_leaf(std::uint64_t index, ByteView bytes);
  void check_chain(std::uint64_t index, const protocol::Leaf& leaf);
  void check_bottom_tile(std::uint64_t index, std::span<const Hash> hashes);
  void check_upper_hash(unsigned level, std::uint64_t index, const Hash& hash);
  void check_checkpoint(std::uint64_t size, std::string_view note, const Hash& root);
  Status check_bodies(std::uint64_t from, std::uint64_t to);
  Status begin_peers();
  Status peers(std::uint64_t records);

  const Input in_;
  const storage::LogStore log_;
  const storage::PeerStore peer_store_;
  FsckReport report_;
  protocol::CompactRange range_;
  std::uint64_t last_time_ms_ = 0;
  bool peers_begun_ = false;
  std::vector<PeerWalk> walks_;  // the last one is being read
  bool done_ = false;
};

}  // namespace tocsin::node
