#include "node/daemon/ledger_export.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>

#include <fcntl.h>
#include <unistd.h>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "node/http/admin_routes.h"
#include "node/ledger/record_seal.h"
#include "protocol/identity/ids.h"
#include "protocol/log/note.h"
#include "protocol/process/record.h"
#include "protocol/process/registry.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/page.h"
#include "protocol/verify/tree.h"
#include "storage/gossip_store.h"
#include "storage/log_store.h"
#include "storage/peer_store.h"
#include "tocsin/v1/admin.pb.h"
#include "tocsin/v1/record.pb.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using protocol::Evidence;
using protocol::SlotType;

constexpr std::uint64_t kLeavesAtOnce = 4096;
constexpr int kDisclosureTries = 5;

tl::unexpected<Error> refused(std::string message, const char* rule, std::string fix = {}) {
  return fail(Error{Code::kInvalidArgument, std::move(message), rule, {}, std::move(fix)});
}

// take(index, leaf) for every leaf of [begin, end).
template <typename Take>
Status each_leaf(const Ledger& ledger, std::uint64_t begin, std::uint64_t end, Take take) {
  for (std::uint64_t at = begin; at < end;) {
    const std::uint64_t count = std::min(kLeavesAtOnce, end - at);
    TRY_ASSIGN(const Bytes bytes, ledger.leaves(at, count));
    if (bytes.size() != count * protocol::kLeafBytes)
      return fail(Code::kDataLoss, "the store holds fewer leaves than the ledger has", "storage/log");
    for (std::uint64_t i = 0; i < count; ++i) {
      const ByteView leaf = ByteView(bytes).subspan(i * protocol::kLeafBytes, protocol::kLeafBytes);
      TRY_ASSIGN(const protocol::Leaf parsed, protocol::parse_leaf(leaf));
      TRY(take(at + i, parsed, leaf));
    }
    at += count;
  }
  return {};
}

Result<protocol::ValidEvent> open_event(const Ledger& ledger, std::uint64_t index, std::uint16_t code) {
  const auto event = protocol::event_from_code(code);
  if (!event) return fail(Code::kDataLoss, "a record of ours is of an unknown kind", "storage/log");
  TRY_ASSIGN(const v1::Opening opening, ledger.opening(index));
  TRY_ASSIGN(auto slots, protocol::unpack_slots(as_view(opening.slots_a())));
  return protocol::ValidEvent::parse(*event, std::move(slots));
}

// A record that came back from peers without its body names nothing any more.
bool is_lost(const Error& error) {
  return error.rule == kLostRule;
}

// A record that covers many stands in a chain of its own, which begins with it or one like it.
bool may_begin_batch(const protocol::Leaf& leaf) {
  switch (static_cast<Event>(leaf.event)) {
    case Event::kReviewed:
    case Event::kPublished:
    case Event::kExpired:
    case Event::kRetractionIssued:
    case Event::kReceiverReviewed:
    case Event::kOpinion:
    case Event::kDeclined:
    case Event::kRetractionApplied:
      return leaf.chain_seq == 0;
    default:
      return false;
  }
}

Result<Hash> parse_id(const std::string& text, const char* what) {
  TRY_ASSIGN(const Bytes bytes, hex_decode(text));
  return fixed<32>(bytes, what);
}

}  // namespace

Status ChainIndex::catch_up(const Ledger& ledger, std::uint64_t size) {
  return each_leaf(ledger, size_, size,
                   [&](std::uint64_t index, const protocol::Leaf& leaf, ByteView bytes) -> Status {
                     heads_[leaf.chain] = {leaf.chain, leaf.chain_seq, index, crypto::leaf_hash(bytes)};
                     size_ = index + 1;
                     return {};
                   });
}

std::vector<protocol::IndexEntry> ChainIndex::entries() const {
  std::vector<protocol::IndexEntry> out;
  out.reserve(heads_.size());
  for (const auto& [chain, entry] : heads_) out.push_back(entry);
  return out;
}

protocol::IndexEpoch ChainIndex::epoch() const {
  protocol::IndexTree tree;
  for (const auto& [chain, entry] : heads_) tree.add(entry);
  return {0, tree.root(), tree.size(), size_};
}

struct LedgerExport::Plan {
  const v1::ExportRequest& request;
  std::optional<protocol::Scope> scope;
  std::set<Hash> signals;  // ids that the listed chains are about
  bool closed = false;     // nothing is opened
  bool personal = false;
  LedgerHead head;
  std::optional<std::uint64_t> disclosed;  // index of the DISCLOSED record
  std::vector<std::uint64_t> opened;       // ascending; unused for the whole ledger
  std::optional<protocol::IndexEpoch> epoch;
  std::vector<protocol::IndexEntry> entries;  // of that epoch

  bool proofs() const { return scope && scope->evidence == Evidence::kProofs; }
  bool range() const { return scope && scope->evidence == Evidence::kRange; }
  bool names(const protocol::ValidEvent& event) const {
    for (const Hash& id : event.hashes(protocol::kSlotCovers))
      if (scope->has_chain(id) || signals.contains(id)) return true;
    return false;
  }
};

Result<LedgerExport::Plan> LedgerExport::plan_of(const v1::ExportRequest& request) const {
  Plan plan{request, {}, {}, request.closed(), request.personal(), parts_.ledger.head(), {}, {}, {}, {}};
  const std::uint64_t size = plan.head.tree.size;
  const bool named = request.signals_size() + request.chains_size() + request.absent_size() != 0;
  const bool ranged = request.from() != 0 || (request.to() != 0 && request.to() != size);
  if (static_cast<int>(named || request.prove()) + static_cast<int>(ranged) > 1 ||
      (ranged && request.events_size() != 0) || (request.prove() && request.events_size() != 0))
    return refused("a bundle is of a range, or of signals and kinds of records, or proves some signals",
                   "export/scope");
  if (plan.closed && plan.personal)
    return refused("nothing and everything cannot both be opened", "export/redact");
  if (request.prove() && !named) return refused("name what is to be proved", "export/scope", "--signal ID");
  if (!named && !ranged && request.events_size() == 0) return plan;
  protocol::Scope& scope = plan.scope.emplace();
  if (ranged) {
    scope.evidence = Evidence::kRange;
    scope.from = request.from();
    scope.to = request.to() == 0 ? size : request.to();
    if (scope.from >= scope.to || scope.to > size)
      return refused("the ledger has " + std::to_string(size) + " entries: the range is empty or beyond it",
                     "export/range");
    return plan;
  }
  scope.evidence = request.prove() ? Evidence::kProofs : Evidence::kTiles;
  for (const std::string& id : request.signals()) {
    TRY_ASSIGN(const v1::SignalView view, parts_.signals.view(id));
    TRY_ASSIGN(const Hash chain, fixed<32>(as_view(view.chain()), "chain"));
    TRY_ASSIGN(const Hash signal, fixed<32>(as_view(view.case_().signal()), "signal id"));
    scope.chains.push_back(chain);
    plan.signals.insert(signal);
  }
  for (const std::string& id : request.chains()) {
    TRY_ASSIGN(const Hash chain, parse_id(id, "a chain"));
    scope.chains.push_back(chain);
  }
  for (const std::string& id : request.absent()) {
    TRY_ASSIGN(const Hash signal, protocol::parse_signal_id(id));
    scope.chains.push_back(parts_.ledger.chain_of(Subject::of_signal(signal)));
  }
  for (const v1::EventWindow& window : request.events())
    scope.events.push_back({static_cast<std::uint16_t>(window.event()), window.from_ms(), window.to_ms()});
  TRY(add_windowed_chains(plan));
  // The node's own chain shows which keys were valid.
  if (plan.proofs()) scope.chains.push_back(parts_.ledger.chain_of(Subject::of_node()));
  std::sort(scope.chains.begin(), scope.chains.end());
  scope.chains.erase(std::unique(scope.chains.begin(), scope.chains.end()), scope.chains.end());
  std::sort(scope.events.begin(), scope.events.end());
  TRY(protocol::parse_scope(protocol::format_scope(scope)));
  return plan;
}

// "Every retraction in October" is judged with the whole cases that were retracted.
Status LedgerExport::add_windowed_chains(Plan& plan) const {
  if (plan.scope->events.empty()) return {};
  std::vector<Hash> found;
  TRY(each_leaf(parts_.ledger, 0, plan.head.tree.size,
                [&](std::uint64_t index, const protocol::Leaf& leaf, ByteView) -> Status {
                  const bool meant = std::any_of(
                      plan.scope->events.begin(), plan.scope->events.end(), [&](const auto& window) {
                        return window.event == leaf.event && window.from_ms <= leaf.time_ms &&
                               leaf.time_ms < window.to_ms;
                      });
                  if (!meant || leaf.event >> 8 == 0x05) return {};
                  const auto event = open_event(parts_.ledger, index, leaf.event);
                  if (!event && is_lost(event.error())) return {};
                  if (!event) return fail(event.error());
                  const protocol::Covered covers = protocol::covered(leaf, *event);
                  if (covers.kind == protocol::Covered::Kind::kChains)
                    found.insert(found.end(), covers.ids.begin(), covers.ids.end());
                  return {};
                }));
  plan.scope->chains.insert(plan.scope->chains.end(), found.begin(), found.end());
  return {};
}

Result<bool> LedgerExport::is_batch_of(const Plan& plan, std::uint64_t index) const {
  TRY_ASSIGN(const protocol::LeafBytes bytes, parts_.ledger.leaf(index));
  TRY_ASSIGN(const protocol::Leaf leaf, protocol::parse_leaf(bytes));
  const auto event = open_event(parts_.ledger, index, leaf.event);
  if (!event && is_lost(event.error())) return false;
  if (!event) return fail(event.error());
  return event->has(protocol::kSlotCovers) && plan.names(*event);
}

// What a bundle of this scope opens, ascending: records in scope, and batches that cover its chains.
Result<std::vector<std::uint64_t>> LedgerExport::records_of(const Plan& plan, std::uint64_t size) const {
  std::vector<std::uint64_t> out;
  if (plan.closed) return out;
  std::set<Hash> batches;
  const std::uint64_t begin = plan.range() ? plan.scope->from : 0;
  const std::uint64_t end = plan.range() ? plan.scope->to : size;
  TRY(each_leaf(parts_.ledger, begin, end,
                [&](std::uint64_t index, const protocol::Leaf& leaf, ByteView) -> Status {
                  bool wanted = plan.scope->covers(index, leaf);
                  if (!wanted && !plan.scope->chains.empty()) {
                    if (may_begin_batch(leaf)) batches.insert(leaf.chain);
                    if (batches.contains(leaf.chain)) {
                      TRY_ASSIGN(wanted, is_batch_of(plan, index));
                    }
                  }
                  if (wanted) out.push_back(index);
                  return {};
                }));
  if (plan.disclosed && (out.empty() || out.back() < *plan.disclosed)) out.push_back(*plan.disclosed);
  return out;
}

// R18: first the record that says what will be opened, then the opening.
Status LedgerExport::disclose(Plan& plan) {
  const std::string scope = plan.scope ? protocol::format_scope(*plan.scope) : std::string();
  for (int tries = 0; tries < kDisclosureTries; ++tries) {
    std::uint64_t records = plan.head.tree.size + 1;
    if (plan.scope) {
      TRY_ASSIGN(const auto before, records_of(plan, plan.head.tree.size));
      records = before.size() + 1;
    }
    Draft draft;
    draft.event = Event::kDisclosed;
    draft.subject = Subject::of_node();
    draft.slots = {
        protocol::slot_number(0, SlotType::kEnum, plan.request.to_whom() == 0 ? 1 : plan.request.to_whom()),
        protocol::slot_number(1, SlotType::kEnum, plan.personal ? 2 : 1),
        protocol::slot_number(2, SlotType::kUint, records),
        protocol::slot_bytes(3, SlotType::kHash, protocol::scope_digest(scope))};
    if (!plan.request.recipient().empty())
      draft.slots.push_back(protocol::slot_text(16, plan.request.recipient()));
    Append append;
    append.drafts.push_back(std::move(draft));
    TRY_ASSIGN(const Appended done, commit(parts_.ledger, std::move(append)));
    plan.disclosed = done.first_index;
    plan.head = parts_.ledger.head();
    // Something else may have been recorded in between; then this one says too little.
    if (!plan.scope) {
      if (*plan.disclosed + 1 <= records) return {};
      continue;
    }
    TRY_ASSIGN(const auto now, records_of(plan, *plan.disclosed + 1));
    if (now.size() <= records) return {};
  }
  return fail(Code::kUnavailable, "the ledger grows too fast to say what is opened of it", "export/busy");
}

Status LedgerExport::append_index(Plan& plan) {
  TRY(index_.catch_up(parts_.ledger, parts_.ledger.size()));
  plan.epoch = index_.epoch();
  plan.entries = index_.entries();
  Draft draft;
  draft.event = Event::kIndexEpoch;
  draft.subject = Subject::of_node();
  draft.slots = {protocol::slot_bytes(0, SlotType::kHash, plan.epoch->root),
                 protocol::slot_number(1, SlotType::kUint, plan.epoch->chains),
                 protocol::slot_number(2, SlotType::kUint, plan.epoch->size)};
  Append append;
  append.drafts.push_back(std::move(draft));
  TRY_ASSIGN(const Appended done, commit(parts_.ledger, std::move(append)));
  plan.epoch->index = done.first_index;
  plan.head = parts_.ledger.head();
  return {};
}

Status LedgerExport::add_proofs(const Plan& plan, protocol::BundleContents& contents) const {
  if (!plan.proofs() && !plan.range()) return {};
  const protocol::TileSpan span = protocol::tile_span(contents.size, contents.scope);
  for (const std::uint64_t index : plan.opened) {
    if (index >= span.begin && index < span.end) continue;
    TRY_ASSIGN(auto file, protocol::proof_file(contents, index));
    contents.extras.insert(std::move(file));
  }
  if (!plan.epoch) return {};
  for (const Hash& chain : plan.scope->chains) {
    const std::string name = std::string(protocol::kIndexFolder) + protocol::name_number(plan.epoch->index) +
                             "/" + hex_encode(chain);
    contents.extras[name] = protocol::format_index_proof(protocol::prove_in_index(plan.entries, chain));
  }
  return {};
}

// The newest checkpoint that we verified of each peer: an auditor of theirs can hold it against them.
Status LedgerExport::add_peers(const Plan&, protocol::BundleContents& contents) const {
  const storage::PeerStore peers(parts_.store);
  TRY_ASSIGN(const auto rows, peers.list());
  for (const v1::PeerRow& row : rows) {
    TRY_ASSIGN(const Hash node, fixed<32>(as_view(row.node()), "a peer's fingerprint"));
    TRY_ASSIGN(const v1::PeerCursor cursor, peers.cursor(node));
    if (!cursor.checkpoint().empty())
      contents.extras[std::string(protocol::kPeersFolder) + hex_encode(node)] = cursor.checkpoint();
  }
  return add_gossip(contents);
}

// What others had seen of this ledger and of peers'. Of who is in quarantine the ledger itself has the proof,
// and what was seen beyond this bundle's end is for a later one.
Status LedgerExport::add_gossip(protocol::BundleContents& contents) const {
  const auto registry = parts_.ledger.registry();
  TRY_ASSIGN(const auto all, storage::GossipStore(parts_.store).list());
  std::set<std::string> notes;
  for (const storage::GossipStore::Seen& seen : all) {
    if (registry->quarantined(seen.issuer)) continue;
    const auto note = protocol::parse_note(seen.row.checkpoint());
    const auto head = note ? protocol::parse_checkpoint(note->text)
                           : Result<protocol::Checkpoint>(tl::unexpected<Error>(note.error()));
    if (!head || (seen.issuer == parts_.ledger.self() && head->tree.size > contents.size)) continue;
    if (!notes.insert(seen.row.checkpoint()).second) continue;
    contents.extras[std::string(protocol::kGossipFolder) + protocol::name_number(notes.size() - 1)] =
        seen.row.checkpoint();
  }
  return {};
}

Result<protocol::BundleContents> LedgerExport::contents_of(const Plan& plan) const {
  const Ledger& ledger = parts_.ledger;
  protocol::BundleContents contents;
  contents.origin = ledger.origin();
  const Published shown = parts_.published();
  contents.checkpoint = shown.tree == plan.head.tree ? *shown.checkpoint : *plan.head.checkpoint;
  contents.size = plan.head.tree.size;
  contents.scope = plan.scope;
  contents.extras[std::string(protocol::kPageFile)] = std::string(protocol::verify_page());
  contents.tiles = ledger.log().tiles();
  contents.leaves = [&ledger](std::uint64_t begin, std::uint64_t end) {
    return ledger.leaves(begin, end - begin);
  };
  TRY_ASSIGN(const auto vkey, protocol::make_verifier_key(ledger.origin(), protocol::KeyType::kEd25519,
                                                          parts_.key().public_key()));
  const auto& policies = plan.head.registry->witness_policies();
  contents.policy =
      policies.empty() ? "log " + protocol::format_vkey(vkey) + "\nquorum none\n" : policies.back().text;
  if (plan.closed) return contents;
  contents.openings = [&ledger, &plan](const protocol::ByteSink& sink) -> Status {
    const std::uint64_t count = plan.scope ? plan.opened.size() : plan.head.tree.size;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t index = plan.scope ? plan.opened[static_cast<std::size_t>(i)] : i;
      const auto opening = ledger.opening(index, plan.personal);
      if (!opening && is_lost(opening.error())) continue;  // the auditor sees that it is missing
      if (!opening) return fail(opening.error());
      Bytes bytes;
      protocol::append_opening(bytes, *opening);
      TRY(sink(bytes));
    }
    return {};
  };
  return contents;
}

Result<std::uint64_t> LedgerExport::write(const protocol::BundleContents& contents,
                                          const std::string& path) const {
  const std::string partial = path + ".partial";
  const int fd = ::open(partial.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::kPermissionDenied, "cannot write " + partial, "export/path");
  std::uint64_t written = 0;
  const Status packed = protocol::write_bundle(contents, parts_.key(), [&](ByteView bytes) -> Status {
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t n = ::write(fd, bytes.data() + at, bytes.size() - at);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return fail(Code::kUnavailable, "cannot write " + partial, "export/path");
      at += static_cast<std::size_t>(n);
    }
    written += bytes.size();
    return {};
  });
  const bool flushed = ::fsync(fd) == 0;
  ::close(fd);
  if (packed && flushed && std::rename(partial.c_str(), path.c_str()) == 0) return written;
  ::unlink(partial.c_str());
  TRY(packed);
  return fail(Code::kUnavailable, "cannot finish " + path, "export/path");
}

Result<v1::ExportReply> LedgerExport::run(const v1::ExportRequest& request) {
  if (request.path().empty() || request.path().front() != '/')
    return refused("the bundle's path must be absolute", "export/path");
  std::lock_guard guard(mu_);
  const crypto::SigningKey& key = parts_.key();
  const auto* self = parts_.ledger.registry()->self();
  if (self == nullptr || self->operational_key() != key.public_key())
    return fail(Code::kFailedPrecondition, "the operational key in use is not the one that the ledger names",
                "export/key");
  TRY_ASSIGN(Plan plan, plan_of(request));
  if (!plan.closed) TRY(disclose(plan));
  if (plan.proofs()) TRY(append_index(plan));
  if (plan.scope) {
    TRY_ASSIGN(plan.opened, records_of(plan, plan.head.tree.size));
  }
  TRY_ASSIGN(protocol::BundleContents contents, contents_of(plan));
  TRY(add_proofs(plan, contents));
  TRY(add_peers(plan, contents));
  if (!plan.closed) TRY(add_receipts(plan, contents));
  v1::ExportReply reply;
  TRY_ASSIGN(const std::uint64_t written, write(contents, request.path()));
  reply.set_path(request.path());
  reply.set_entries(plan.head.tree.size);
  reply.set_openings(plan.closed ? 0 : plan.scope ? plan.opened.size() : plan.head.tree.size);
  reply.set_bytes(written);
  TRY_ASSIGN(const auto vkey,
             protocol::make_verifier_key(contents.origin, protocol::KeyType::kEd25519, key.public_key()));
  reply.set_vkey(protocol::format_vkey(vkey));
  reply.set_disclosed(plan.disclosed.value_or(0));
  if (plan.scope) reply.set_scope(protocol::format_scope(*plan.scope));
  return reply;
}

Status LedgerExport::keep_index(std::uint64_t now_ms, std::uint64_t every_ms) {
  const LedgerHead head = parts_.ledger.head();
  const auto& last = head.registry->index_epoch();
  if (last && head.tree.size <= last->index + 1) return {};  // nothing came since
  std::uint64_t since_ms = last ? last->time_ms : 0;
  if (!last) {
    TRY_ASSIGN(const protocol::LeafBytes bytes, parts_.ledger.leaf(0));
    TRY_ASSIGN(const protocol::Leaf genesis, protocol::parse_leaf(bytes));
    since_ms = genesis.time_ms;
  }
  if (now_ms < since_ms + every_ms) return {};
  std::lock_guard guard(mu_);
  const v1::ExportRequest nothing;
  Plan plan{nothing, {}, {}, true, false, head, {}, {}, {}, {}};
  return append_index(plan);
}

}  // namespace tocsin::node
