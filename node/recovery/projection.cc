#include "node/recovery/projection.h"

#include <algorithm>
#include <set>

#include "node/members/members.h"
#include "protocol/identity/ids.h"
#include "protocol/process/case_state.h"
#include "protocol/process/fold.h"
#include "storage/keys.h"
#include "storage/receipt_store.h"
#include "storage/signal_store.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using storage::Family;

constexpr std::uint64_t kRecordsAtOnce = 2048;
constexpr std::size_t kCasesAtOnce = 1024;

protocol::RecordView view_of(const protocol::OpenedRecord& record) {
  return {record.index, record.leaf, record.leaf_hash, &record.event, record.key_a};
}

Hash hash_of(const std::string& bytes) {
  Hash out{};
  if (bytes.size() == out.size()) std::copy_n(as_view(bytes).begin(), out.size(), out.begin());
  return out;
}

Status remove_rows(storage::Store& store, Family family, ByteView prefix = {}, ByteView from = {}) {
  storage::Batch batch;
  storage::Cursor rows = store.scan(family, prefix, from);
  for (; rows.valid(); rows.next()) {
    batch.remove(family, rows.key());
    if (batch.rows() < kRecordsAtOnce) continue;
    TRY(store.mend(batch));
    batch = {};
  }
  TRY(rows.status());
  return batch.rows() == 0 ? Status() : store.mend(batch);
}

}  // namespace

struct Projection::Folding {
  Folding(const storage::Store& of, const Hash& whose, bool ours) : store(of), node(whose), own(ours) {
    renew();
  }
  // What was read of the store is not true of it any more once something was written.
  void renew() { changes = std::make_unique<Changes>(store, std::make_shared<const protocol::Registry>()); }
  const storage::Store& store;
  const Hash node;
  const bool own;
  bool complete = true;  // every record so far was opened
  protocol::Registry registry;
  std::unique_ptr<Changes> changes;
  std::uint64_t folded = 0;
};

Status Projection::make(std::uint64_t size, std::uint64_t brought) {
  TRY(clear(size));
  TRY(write_tiles(size));
  TRY(fold_own(size, brought));
  TRY_ASSIGN(const auto rows, peers_.list());
  for (const v1::PeerRow& row : rows) {
    TRY_ASSIGN(const Hash peer, fixed<32>(as_view(row.node()), "a peer's fingerprint"));
    TRY(fold_peer(peer));
  }
  if (lost_review_) TRY(withdraw_approvals(*lost_review_));
  return address(brought, size);
}

Status Projection::clear(std::uint64_t size) {
  const storage::SignalStore signals(in_.store);
  Hash last{};
  for (const Hash* after = nullptr;;) {
    TRY_ASSIGN(const auto cases, signals.list({}, after, kCasesAtOnce));
    if (cases.empty()) break;
    for (const v1::Case& value : cases)
      if (value.held_ms() != 0) held_ms_[hash_of(value.signal())] = value.held_ms();
    last = hash_of(cases.back().signal());
    after = &last;
  }
  for (const Family family :
       {Family::kSignal, Family::kIndicator, Family::kDue, Family::kReceipt, Family::kTile})
    TRY(remove_rows(in_.store, family));
  TRY(remove_rows(in_.store, Family::kChain, in_.self));
  const auto end = storage::index_key(size);
  for (const Family family : {Family::kLeaf, Family::kSealed, Family::kKey})
    TRY(remove_rows(in_.store, family, {}, end));
  return remove_rows(in_.store, Family::kCheckpoint, {}, storage::index_key(size + 1));
}

Status Projection::write_tiles(std::uint64_t size) {
  protocol::TileWriter tiles;
  while (tiles.size() < size) {
    const std::uint64_t count = std::min(kRecordsAtOnce, size - tiles.size());
    TRY_ASSIGN(const Bytes leaves, log_.leaves(tiles.size(), count));
    std::vector<Hash> hashes(count);
    crypto::leaf_hashes(leaves, protocol::kLeafBytes, hashes);
    tiles.append(hashes);
    storage::Batch batch;
    for (const auto& tile : tiles.take_changed()) storage::LogStore::put_tile(batch, tile);
    if (batch.rows() > 0) TRY(in_.store.mend(batch));
  }
  return {};
}

Status Projection::flush(Folding& ledger, bool now) {
  ledger.changes->keep();
  if (!now && ++ledger.folded % kRecordsAtOnce != 0) return {};
  TRY_ASSIGN(const storage::Batch batch, ledger.changes->finish());
  if (batch.rows() > 0) TRY(in_.store.mend(batch));
  ledger.renew();
  return {};
}

Status Projection::fold_own(std::uint64_t size, std::uint64_t brought) {
  Folding own(in_.store, in_.self, true);
  storage::LogReader reader = log_.reader();
  for (std::uint64_t index = 0; index < size; ++index) {
    TRY(fold_own_record(own, reader, index));
    TRY(flush(own, index + 1 == size));
  }
  std::uint64_t since_ms = 0;
  if (brought > 0 && brought < size) {
    TRY_ASSIGN(const auto bytes, log_.leaf(brought));
    TRY_ASSIGN(const protocol::Leaf first, protocol::parse_leaf(bytes));
    since_ms = first.time_ms;
  }
  if (const auto groups = own.registry.current_groups(); groups.size() == 1)
    only_group_ = groups.front()->group;
  return restore_members(own.registry, since_ms);
}

Status Projection::fold_own_record(Folding& own, storage::LogReader& reader, std::uint64_t index) {
  TRY_ASSIGN(const auto bytes, reader.leaf(index));
  TRY_ASSIGN(const protocol::Leaf leaf, protocol::parse_leaf(bytes));
  TRY_ASSIGN(const auto before, own.changes->chain(in_.self, leaf.chain));
  storage::ChainHead head{leaf.chain_seq, index, protocol::leaf_hash(bytes),
                          before ? before->signal : Hash{}};
  const auto opening = in_.sealer.open(reader, index, false);
  if (!opening) {
    if (opening.error().rule != kLostRule)
      return fail(Code::kDataLoss,
                  "record " + std::to_string(index) + " cannot be opened: " + opening.error().message,
                  "recovery/record");
    own.complete = false;
    own.changes->put_chain(in_.self, leaf.chain, head);
    return assume_the_worst(own, index, leaf, head.signal);
  }
  TRY_ASSIGN(const auto record, protocol::verify_opening(*opening, leaf));
  if (record.event.event() == Event::kSubmitted)
    head.signal = protocol::signal_id(in_.self, record.event.bytes(0));
  const protocol::Covered over = protocol::covered(leaf, record.event);
  if (over.kind == protocol::Covered::Kind::kSignals && over.ids.size() == 1 &&
      in_.sealer.chain_of(Subject::of_signal(over.ids.front())) == leaf.chain)
    head.signal = over.ids.front();
  own.changes->put_chain(in_.self, leaf.chain, head);
  return fold(own, record);
}

// Its event is in the leaf, and the signal when its chain is a known one; a batch may have been about any.
Status Projection::assume_the_worst(Folding& own, std::uint64_t index, const protocol::Leaf& leaf,
                                    const Hash& signal) {
  const auto event = protocol::event_from_code(leaf.event);
  const bool ends = event && (*event == Event::kWithdrawn || *event == Event::kExpired ||
                              *event == Event::kRetractionIssued);
  if (!ends && (!event || *event != Event::kReviewed)) return {};
  lost_review_ = index;
  if (!ends || signal == Hash{}) return {};
  TRY_ASSIGN(v1::Case* const value, own.changes->edit_case(signal));
  if (value->signal().empty()) return {};
  value->mutable_origin()->set_phase(v1::REFUSED);
  value->mutable_origin()->set_refused_rule("lost");
  return {};
}

Result<std::vector<Hash>> Projection::signals_of(const Folding& ledger,
                                                 const protocol::OpenedRecord& record) const {
  protocol::Covered over = protocol::covered(record.leaf, record.event);
  if (over.kind != protocol::Covered::Kind::kChains) return std::move(over.ids);
  std::vector<Hash> signals;
  for (const Hash& id : over.ids) {
    TRY_ASSIGN(const auto head, ledger.changes->chain(ledger.node, id));
    if (head && head->signal != Hash{}) signals.push_back(head->signal);
  }
  return signals;
}

Status Projection::fold(Folding& ledger, const protocol::OpenedRecord& record) {
  const protocol::RecordView view = view_of(record);
  const Event event = record.event.event();
  if (protocol::is_node_event(event)) {
    ledger.registry.apply(view);
    return {};
  }
  if (event == Event::kReceipt)
    storage::ReceiptStore::put(ledger.changes->batch(), ledger.node, record.index, record.event);
  // A peer's records were opened to us from when we came on, our own apart from those that were lost.
  const std::function<bool(std::uint64_t)> shown = [&](std::uint64_t index) {
    if (ledger.own) return ledger.complete;
    const auto held = peers_.opening(ledger.node, index);
    return held && held->has_value();
  };
  protocol::FoldContext context{ledger.node, ledger.registry, false, ledger.own && ledger.complete, &shown};
  const Status alone = protocol::judge_record(view, context);
  context.record_judged = true;
  const bool receiver = protocol::is_receiver_event(event);
  TRY_ASSIGN(const auto signals, signals_of(ledger, record));
  for (const Hash& signal : signals) {
    TRY_ASSIGN(v1::Case* const value, ledger.changes->edit_case(signal));
    if (value->signal().empty()) {
      value->set_signal(to_string(signal));
      const bool another = receiver && record.event.has(protocol::kSlotOrigin);
      value->set_issuer(to_string(another ? record.event.hash(protocol::kSlotOrigin) : ledger.node));
    }
    if (value->origin().phase() == v1::REFUSED && !receiver) continue;
    if (!protocol::take(*value, view, context, alone ? nullptr : &alone.error())) continue;
    if (event != Event::kPublished || ledger.own || value->held_ms() != 0) continue;
    const auto held = held_ms_.find(signal);
    value->set_held_ms(held == held_ms_.end() ? in_.runtime.now_ms() : held->second);
  }
  return {};
}

Status Projection::fold_peer(const Hash& peer) {
  Folding ledger(in_.store, peer, false);
  for (std::uint64_t from = 0;;) {
    TRY_ASSIGN(const auto openings, peers_.openings(peer, from, kCasesAtOnce));
    for (const v1::Opening& opening : openings) {
      from = opening.index() + 1;
      TRY_ASSIGN(const auto bytes, peers_.leaf(peer, opening.index()));
      if (!bytes) return fail(Code::kDataLoss, "an opening is stored without its leaf", "storage/peer");
      TRY_ASSIGN(const protocol::Leaf leaf, protocol::parse_leaf(*bytes));
      TRY_ASSIGN(const auto record, protocol::verify_opening(opening, leaf));
      TRY(fold(ledger, record));
      TRY(flush(ledger, false));
    }
    if (openings.size() < kCasesAtOnce) return flush(ledger, true);
  }
}

// A record that is lost may have taken an approval back: whatever was approved before it and not published is
// reviewed anew.
Status Projection::withdraw_approvals(std::uint64_t before) {
  const storage::SignalStore signals(in_.store);
  Hash last{};
  for (const Hash* after = nullptr;;) {
    TRY_ASSIGN(const auto cases, signals.list({}, after, kCasesAtOnce));
    if (cases.empty()) return {};
    storage::Batch batch;
    for (const v1::Case& value : cases) {
      if (value.issuer() != to_string(in_.self) || value.origin().phase() != v1::SHAREABLE ||
          value.origin().review_index() > before)
        continue;
      v1::Case draft = value;
      v1::OriginState& origin = *draft.mutable_origin();
      origin.set_phase(v1::DRAFT);
      origin.clear_review_index();
      origin.clear_review_ms();
      origin.clear_review_expires_ms();
      origin.clear_reviewer_key();
      storage::SignalStore::put(batch, &value, draft);
    }
    if (batch.rows() > 0) TRY(in_.store.mend(batch));
    last = hash_of(cases.back().signal());
    after = &last;
  }
}

// SPEC §5 for records brought back: to whom the feed opens them, as it was said when they were written.
Result<bool> Projection::address_record(v1::SealedRecord& sealed,
                                        const protocol::OpenedRecord& record) const {
  const Event event = record.event.event();
  if (event == Event::kGroupSet || event == Event::kPublished) {
    sealed.add_audience(to_string(record.event.hash(0)));
  } else if (protocol::is_node_event(event) || event == Event::kReceipt) {
    sealed.set_members(true);
    return true;
  }
  std::set<std::uint64_t> attached;
  std::set<std::string> groups;
  protocol::Covered over = protocol::covered(record.leaf, record.event);
  for (const Hash& id : over.ids) {
    Hash signal = id;
    if (over.kind == protocol::Covered::Kind::kChains) {
      TRY_ASSIGN(const auto head, storage::ChainStore(in_.store).get(in_.self, id));
      if (!head) continue;
      signal = head->signal;
    }
    TRY_ASSIGN(const auto value, storage::SignalStore(in_.store).get(signal));
    if (!value) continue;
    attached.insert(value->origin().submitted_index());
    const bool out =
        protocol::is_receiver_event(event) ||
        (value->origin().published_ms() != 0 && value->origin().published_index() <= record.index);
    if (out) groups.insert(value->origin().groups().begin(), value->origin().groups().end());
  }
  if (event == Event::kPublished) {
    attached.insert(record.event.number(2));
    for (const std::uint64_t index : attached) sealed.add_attached(index);
    return true;
  }
  if (event == Event::kGroupSet) return true;
  // What a receiver says goes to the group that its signal came through; of a signal that is yet to come
  // again, that is known only when there is one group.
  if (groups.empty() && protocol::is_receiver_event(event) && only_group_)
    groups.insert(to_string(*only_group_));
  for (const std::string& group : groups) sealed.add_audience(group);
  return !groups.empty();
}

Status Projection::address(std::uint64_t from, std::uint64_t size) {
  storage::LogReader reader = log_.reader();
  storage::Batch batch;
  for (std::uint64_t index = from; index < size; ++index) {
    TRY_ASSIGN(v1::SealedRecord sealed, reader.sealed(index));
    if (sealed.lost() || sealed.members() || sealed.audience_size() != 0) continue;
    TRY_ASSIGN(const auto bytes, reader.leaf(index));
    TRY_ASSIGN(const protocol::Leaf leaf, protocol::parse_leaf(bytes));
    TRY_ASSIGN(const v1::Opening opening, in_.sealer.open(reader, index, false));
    TRY_ASSIGN(const auto record, protocol::verify_opening(opening, leaf));
    TRY_ASSIGN(const bool addressed, address_record(sealed, record));
    if (addressed) storage::LogStore::put_sealed(batch, index, sealed);
    if (batch.rows() < kRecordsAtOnce) continue;
    TRY(in_.store.mend(batch));
    batch = {};
  }
  return batch.rows() == 0 ? Status() : in_.store.mend(batch);
}

Status Projection::restore_members(const protocol::Registry& registry, std::uint64_t since_ms) {
  storage::Batch batch;
  TRY(Members::restore_rows(batch, in_.store, registry, in_.self, since_ms));
  return batch.rows() == 0 ? Status() : in_.store.mend(batch);
}

}  // namespace tocsin::node
