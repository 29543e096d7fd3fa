// Opening a ledger: everything stored must be exactly what the newest checkpoint signs, or nothing is signed
// again.
#include "node/ledger/sequencer.h"
#include "protocol/log/checkpoint.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
namespace {

tl::unexpected<Error> bad_start(std::string what) {
  Error error{Code::kDataLoss, "the stored ledger cannot be trusted: " + what, "ledger/start", {}, {}};
  error.why = "Its records, its tree and its newest signed checkpoint do not agree.";
  error.fix = "Nothing was signed or changed. Restore the data directory from a backup that is whole.";
  return fail(std::move(error));
}

}  // namespace

Status Ledger::Sequencer::start() {
  if (store_.quarantine()) return fail(*store_.quarantine());
  const auto stored = store_.head();
  TRY_ASSIGN(const std::uint64_t leaves, log.leaf_count());
  if (!stored) return leaves == 0 ? write_genesis() : bad_start("there are records but no head");
  if (!sealer.is_ours(*stored)) return bad_start("its head was not made by this node");
  if (stored->size == 0 || leaves != stored->size)
    return bad_start("there are more or fewer records than its head says");
  TRY(check_start(*stored));
  return check_checkpoints(*stored);
}

Status Ledger::Sequencer::write_genesis() {
  Status genesis = fail(Code::kInternal, "GENESIS was not written");
  Draft draft;
  draft.event = protocol::Event::kGenesis;
  draft.slots.push_back(protocol::slot_bytes(0, protocol::SlotType::kSigned, descriptor_));
  TRY_ASSIGN(auto sealed, sealer.seal(std::move(draft), random()));
  Pending pending;
  pending.records.push_back(std::move(sealed));
  pending.done = [&](Result<Appended> appended) {
    if (appended) {
      genesis = {};
    } else {
      genesis = fail(std::move(appended.error()));
    }
  };
  {
    const std::lock_guard lock(mu_);
    queue_.push_back(std::move(pending));
  }
  sequence_once();
  return genesis;
}

Status Ledger::Sequencer::check_start(const storage::LogHead& stored) {
  auto restored = protocol::TileWriter::restore(stored.size, log.tiles());
  if (!restored) return bad_start(restored.error().message);
  tree_ = std::move(*restored);
  if (tree_.range().root() != stored.root) return bad_start("the tree's root is not the one of its head");
  TRY(check_right_edge(stored.size));
  TRY_ASSIGN(const auto last_bytes, log.leaf(stored.size - 1));
  const auto last = protocol::parse_leaf(last_bytes);
  if (!last) return bad_start("its last record does not parse");
  last_time_ms_ = last->time_ms;
  TRY_ASSIGN(registry_, replay_registry());
  const std::lock_guard lock(mu_);
  head_ = {{stored.size, stored.root}, nullptr, last_time_ms_, registry_};
  return {};
}

// A checkpoint lies beside its commit, not in it: a power cut may have taken the rows of the last few. The
// same key signs the same head with the same bytes again. Of the last heads before a change of the key, whose
// key is gone, only what was published is missed, and that is never lost: it was shown after a later commit.
Status Ledger::Sequencer::check_checkpoints(const storage::LogHead& stored) {
  const protocol::Registry& registry = *head().registry;
  storage::Batch again;
  std::vector<storage::LogHead> heads = store_.anchored_heads();
  heads.push_back(stored);
  for (const storage::LogHead& head : heads) {
    TRY_ASSIGN(const auto held, log.checkpoint(head.size));
    if (held || head.size == 0 || head.size > stored.size || !sealer.is_ours(head)) continue;
    auto note = signers.sign(origin, {head.size, head.root}, registry);
    if (!note && head.size < stored.size) continue;
    if (!note) return bad_start(note.error().message);
    storage::LogStore::put_checkpoint(again, head.size, *note);
  }
  if (again.rows() > 0) TRY(store_.commit(again));
  TRY_ASSIGN(const auto newest, log.newest_checkpoint());
  if (!newest || newest->size != stored.size) return bad_start("more was signed than its head says");
  const protocol::RegisteredKey* in_force = registry.operational_at(stored.size);
  if (in_force == nullptr) return bad_start("it has no operational key");
  TRY_ASSIGN(const auto key, protocol::make_verifier_key(origin, protocol::KeyType::kEd25519, in_force->key));
  const auto opened = protocol::open_checkpoint(newest->note, std::span(&key, 1));
  if (!opened) return bad_start("its checkpoint is not ours: " + opened.error().message);
  if (opened->checkpoint != protocol::Checkpoint{origin, {stored.size, stored.root}})
    return bad_start("its checkpoint is not over its head");
  const std::lock_guard lock(mu_);
  head_.checkpoint = std::make_shared<const std::string>(newest->note);
  return {};
}

// The newest records are the ones a crash could have touched: their leaves must hash to the tree's bottom
// tile.
Status Ledger::Sequencer::check_right_edge(std::uint64_t size) {
  const std::uint64_t tile_index = (size - 1) / protocol::kTileWidth;
  const std::uint64_t first = tile_index * protocol::kTileWidth;
  const auto width = static_cast<unsigned>(size - first);
  const auto tile = log.tile({0, tile_index, width});
  const auto leaves = log.leaves(first, width);
  if (!tile || !leaves) return bad_start("its newest records are not readable");
  std::vector<Hash> hashes(width);
  crypto::leaf_hashes(*leaves, protocol::kLeafBytes, hashes);
  for (unsigned i = 0; i < width; ++i)
    if (!equal(hashes[i], ByteView(*tile).subspan(i * sizeof(Hash), sizeof(Hash))))
      return bad_start("record " + std::to_string(first + i) + " is not the one in the tree");
  return {};
}

// Walks the node's own chain back to GENESIS, then folds it forward.
Result<std::shared_ptr<const protocol::Registry>> Ledger::Sequencer::replay_registry() const {
  TRY_ASSIGN(const auto head, storage::ChainStore(store_).get(self, sealer.chain_of(Subject::of_node())));
  if (!head) return bad_start("it has no chain of its own node");
  std::vector<protocol::RecordView> views;
  for (std::uint64_t index = head->index; index != protocol::kNoPrevious;) {
    TRY_ASSIGN(const auto bytes, log.leaf(index));
    protocol::RecordView view;
    TRY_ASSIGN(view.leaf, protocol::parse_leaf(bytes));
    if (view.leaf.previous_index != protocol::kNoPrevious && view.leaf.previous_index >= index)
      return bad_start("the node's own chain does not lead back");
    view.index = index;
    view.leaf_hash = protocol::leaf_hash(bytes);
    index = view.leaf.previous_index;
    views.push_back(view);
  }
  auto registry = std::make_shared<protocol::Registry>();
  storage::LogReader reader = log.reader();
  for (auto view = views.rbegin(); view != views.rend(); ++view) {
    TRY_ASSIGN(const v1::Opening opening, sealer.open(reader, view->index, true));
    TRY_ASSIGN(auto slots, protocol::unpack_slots(as_view(opening.slots_a())));
    const auto code = protocol::event_from_code(view->leaf.event);
    if (!code) return bad_start("a record of the node's own is of an unknown kind");
    TRY_ASSIGN(const auto event, protocol::ValidEvent::parse(*code, std::move(slots)));
    view->event = &event;
    TRY(registry->judge(*view, self));
    registry->apply(*view);
  }
  return std::shared_ptr<const protocol::Registry>(std::move(registry));
}

}  // namespace tocsin::node
