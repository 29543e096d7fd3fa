#include "node/recovery/own_prefix.h"

#include <algorithm>
#include <deque>

#include "protocol/log/leaf.h"
#include "storage/keys.h"
#include "storage/log_store.h"
#include "storage/witness_store.h"

namespace tocsin::node {
namespace {

constexpr std::size_t kNotesAtOnce = 4096;
// A checkpoint whose root fits but whose signature does not was altered alone: one before it will do.
constexpr std::size_t kCandidates = 64;

// Our checkpoints in order of size, read as far as needed.
class Notes {
 public:
  explicit Notes(const storage::LogStore& log) : log_(log) {}

  // The one over exactly `size` records, sizes asked for ascending; null when there is none.
  Result<const storage::LogStore::StoredCheckpoint*> at(std::uint64_t size) {
    for (;;) {
      while (next_ < read_.size() && read_[next_].size < size) ++next_;
      if (next_ < read_.size()) return read_[next_].size == size ? &read_[next_] : nullptr;
      if (ended_) return nullptr;
      TRY_ASSIGN(read_, log_.checkpoints(size, kNotesAtOnce));
      next_ = 0;
      ended_ = read_.size() < kNotesAtOnce;
    }
  }

 private:
  const storage::LogStore& log_;
  std::vector<storage::LogStore::StoredCheckpoint> read_;
  std::size_t next_ = 0;
  bool ended_ = false;
};

// each(hash) for our leaves from the first on, until one is missing, does not parse, or `each` returns false.
template <typename Each>
Status walk(const storage::Store& store, Each each) {
  storage::Cursor rows = store.scan(storage::Family::kLeaf);
  for (std::uint64_t index = 0; rows.valid(); rows.next(), ++index) {
    if (!equal(rows.key(), storage::index_key(index)) || !protocol::parse_leaf(rows.value())) break;
    TRY_ASSIGN(const bool more, each(protocol::leaf_hash(rows.value())));
    if (!more) return {};
  }
  return rows.status();
}

}  // namespace

Result<OwnPrefix> proven_prefix(const storage::Store& store, const protocol::VerifierKey& log_key) {
  struct Candidate {
    OwnPrefix prefix;
    std::string note;
  };
  std::deque<Candidate> candidates;
  const storage::LogStore log(store);
  Notes notes(log);
  protocol::CompactRange range;
  TRY(walk(store, [&](const Hash& hash) -> Result<bool> {
    range.append(hash);
    TRY_ASSIGN(const auto* stored, notes.at(range.size()));
    if (stored == nullptr) return true;
    const auto note = protocol::parse_note(stored->note);
    if (!note) return true;
    const auto checkpoint = protocol::parse_checkpoint(note->text);
    if (!checkpoint || checkpoint->tree.root != range.root()) return true;
    candidates.push_back({{range}, stored->note});
    if (candidates.size() > kCandidates) candidates.pop_front();
    return true;
  }));
  for (auto it = candidates.rbegin(); it != candidates.rend(); ++it) {
    const auto opened = protocol::open_checkpoint(it->note, std::span(&log_key, 1));
    if (opened && opened->checkpoint.tree == it->prefix.head()) return std::move(it->prefix);
  }
  return fail(Error{
      Code::kDataLoss, "no checkpoint of ours fits the records stored", "recovery/nothing",
      "Neither these records nor what peers hold behind them can be told from a forgery.",
      "Restore the data directory from a backup; the node then gets the newest records from its peers."});
}

Result<std::uint64_t> greatest_signed(const storage::Store& store, const protocol::VerifierKey& log_key) {
  std::uint64_t size = store.head() ? store.head()->size : 0;
  for (const storage::LogHead& head : store.anchored_heads()) size = std::max(size, head.size);
  const auto signed_size = [&](const std::string& note) {
    const auto opened = protocol::open_checkpoint(note, std::span(&log_key, 1));
    return opened ? opened->checkpoint.tree.size : 0;
  };
  TRY_ASSIGN(const auto newest, storage::LogStore(store).newest_checkpoint());
  if (newest) size = std::max(size, signed_size(newest->note));
  TRY_ASSIGN(const auto cosigned, storage::WitnessStore(store).newest_cosigned());
  if (cosigned) size = std::max(size, signed_size(cosigned->note));
  return size;
}

Result<std::vector<Hash>> roots_at(const storage::Store& store, std::span<const std::uint64_t> sizes) {
  std::vector<Hash> out;
  protocol::CompactRange range;
  while (out.size() < sizes.size() && sizes[out.size()] == 0) out.push_back(range.root());
  TRY(walk(store, [&](const Hash& hash) -> Result<bool> {
    range.append(hash);
    while (out.size() < sizes.size() && sizes[out.size()] == range.size()) out.push_back(range.root());
    return out.size() < sizes.size();
  }));
  return out;
}

}  // namespace tocsin::node
