#include "node/gossip/gossip.h"

#include <algorithm>

#include "crypto/hash.h"
#include "node/ledger/changes.h"
#include "node/log/log.h"
#include "protocol/identity/ids.h"
#include "protocol/log/tile.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
namespace {

constexpr std::uint64_t kKnownForMs = 1'000;
constexpr std::size_t kNoteMax = 4096;  // a longer one fits no proof, and no ledger of ours makes one
constexpr const char* kKnownRule = "gossip/known";

Hash digest_of(const Hash& issuer, std::string_view note) {
  Bytes bytes = to_bytes(issuer);
  append(bytes, as_view(note));
  return crypto::sha256(bytes);
}

}  // namespace

Gossip::Gossip(Parts parts) : parts_(std::move(parts)), rows_(parts_.store), peers_(parts_.store) {}

Status Gossip::start() {
  TRY_ASSIGN(const auto stored, rows_.list());
  std::vector<Hash> members;
  {
    const std::lock_guard lock(mu_);
    refresh_locked();
    for (const storage::GossipStore::Seen& one : stored) {
      const auto descriptor = protocol::parse_descriptor(as_view(one.row.signed_by()));
      if (!descriptor) continue;
      auto head = protocol::read_signed_head(one.row.checkpoint(), *descriptor);
      if (!head) continue;
      Seen& seen = watched_locked(one.issuer)->seen[one.holder];
      seen.newest = std::move(*head);
      seen.at_ms = one.row.at_ms();
      if (one.holder == one.issuer) continue;
      // Whether it fits is asked again: what explains it may not have been there.
      seen.waiting = seen.newest;
      seen.since_ms = parts_.runtime.now_ms();
    }
    for (const auto& [node, known] : known_) members.push_back(node);
  }
  for (const Hash& member : members) read_head(member);
  count();
  tick();
  return {};
}

void Gossip::refresh_locked() {
  const std::uint64_t now = parts_.runtime.now_ms();
  if (known_ms_ != 0 && now < known_ms_ + kKnownForMs) return;
  const auto rows = parts_.members.list();
  if (!rows) return;  // what was known stays known until the store answers again
  std::map<Hash, Known> next;
  for (const v1::PeerRow& row : *rows) {
    const auto id = fixed<32>(as_view(row.node()), "a stored fingerprint");
    if (!id) continue;
    std::string bytes = row.SerializeAsString();
    if (const auto same = known_.find(*id); same != known_.end() && same->second.row == bytes) {
      next.insert(*same);
      continue;
    }
    auto descriptor = protocol::parse_descriptor(row.signed_descriptor());
    if (!descriptor) continue;
    next.emplace(*id, Known{std::move(bytes), std::move(*descriptor), row.standing() == v1::PEER_ACTIVE});
  }
  known_ = std::move(next);
  known_ms_ = now;
}

std::optional<protocol::ValidDescriptor> Gossip::descriptor_of(const Hash& node) {
  if (node == parts_.ledger.self()) {
    const auto registry = parts_.ledger.registry();
    return registry->self() == nullptr ? std::nullopt : std::optional(*registry->self());
  }
  const std::lock_guard lock(mu_);
  refresh_locked();
  const auto found = known_.find(node);
  return found == known_.end() || !found->second.active ? std::nullopt : found->second.descriptor;
}

std::string Gossip::name_of_locked(const Hash& node) const {
  const auto found = known_.find(node);
  return found == known_.end() ? protocol::print_fingerprint(node) : found->second.descriptor->name();
}

Gossip::WatchedPtr Gossip::watched_locked(const Hash& node) {
  WatchedPtr& watched = watched_[node];
  if (!watched) watched = std::make_shared<Watched>(parts_.store, node);
  return watched;
}

// What a page's own sync verified: nobody but the issuer's feed sets it.
void Gossip::read_head(const Hash& peer) {
  const auto descriptor = descriptor_of(peer);
  const auto cursor = peers_.cursor(peer);
  if (!descriptor || !cursor || cursor->checkpoint().empty()) return;
  auto head = protocol::read_signed_head(cursor->checkpoint(), *descriptor);
  if (!head) return;
  const std::lock_guard lock(mu_);
  Watched& watched = *watched_locked(peer);
  if (!watched.head || watched.head->tree.size < head->tree.size) watched.head = std::move(*head);
}

v1::Gossip Gossip::carry(const Hash& to) {
  v1::Gossip out;
#if TOCSIN_PLANTED_FAULT == 6  // nobody tells what it has seen: the simulation must find it
  return out;
#endif
  if (const Published published = parts_.published(); published.checkpoint)
    out.set_checkpoint(*published.checkpoint);
  const std::uint64_t now = parts_.runtime.now_ms();
  const std::lock_guard lock(mu_);
  refresh_locked();
  if (const auto theirs = watched_.find(to); theirs != watched_.end() && theirs->second->head)
    out.set_seen(theirs->second->head->note);
  if (std::uint64_t& last = others_ms_[to]; last != 0 && now < last + kOthersEveryMs) return out;
  others_ms_[to] = now;
  std::vector<Told> others;  // what pages of ours have verified, and nothing else
  for (const auto& [issuer, watched] : watched_) {
    const auto known = known_.find(issuer);
    if (issuer == to || known == known_.end() || !known->second.active || !watched->head) continue;
    others.push_back({issuer, watched->head->note});
  }
  std::size_t& turn = others_turn_[to];
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < others.size() && out.others_size() < kOthersMax; ++i) {
    const Told& told = others[(turn + i) % others.size()];
    if ((bytes += told.note.size() + told.issuer.size()) > kOthersBytesMax) break;
    v1::SeenHead& head = *out.add_others();
    head.set_node(to_string(told.issuer));
    head.set_checkpoint(told.note);
  }
  if (!others.empty()) turn = (turn + static_cast<std::size_t>(out.others_size())) % others.size();
  return out;
}

void Gossip::heard(const Hash& from, const v1::Gossip& told) {
  std::vector<Told> notes;
  const auto add = [&](const Hash& issuer, const std::string& note) {
    if (!note.empty() && note.size() <= kNoteMax) notes.push_back({issuer, note});
  };
  add(from, told.checkpoint());
  add(parts_.ledger.self(), told.seen());
  for (int i = 0; i < std::min(told.others_size(), kOthersMax); ++i)
    if (const auto issuer = fixed<32>(as_view(told.others(i).node()), "node"))
      add(*issuer, told.others(i).checkpoint());
  look_later(from, std::move(notes));
}

void Gossip::saw(const Hash& issuer, const std::string& note) {
  if (!note.empty() && note.size() <= kNoteMax) look_later(issuer, {{issuer, note}});
}

void Gossip::saw_of(std::string_view origin, const std::string& note) {
  std::vector<Told> notes;
  {
    const std::lock_guard lock(mu_);
    refresh_locked();
    for (const auto& [node, known] : known_)
      if (known.active && known.descriptor->message().log_origin() == origin) notes.push_back({node, note});
  }
  for (Told& told : notes) saw(told.issuer, told.note);
}

void Gossip::held(const Hash& peer, std::shared_ptr<const protocol::Registry> registry) {
  parts_.runtime.post(Lane::kWorkers, [this, peer, registry = std::move(registry)] {
    if (stopped_) return;
    read_head(peer);
    const auto own = parts_.ledger.registry();
    for (const protocol::ProvenEquivocation& proven : registry->equivocations()) {
      if (proven.what.issuer == parts_.ledger.self())
        report_own(peer, proven.what.second.size, proven.proof.second);
      else if (!own->quarantined(proven.what.issuer) && own->equivocation(proven.digest) == nullptr)
        convict(proven.what.issuer, proven.proof);
    }
  });
}

void Gossip::look_later(const Hash& holder, std::vector<Told> told) {
  if (told.empty()) return;
  {
    const std::lock_guard lock(mu_);
    if (stopped_ || looking_ + told.size() > kHeardMax) return;
    looking_ += told.size();
  }
  if (parts_.metrics != nullptr) parts_.metrics->gossip_notes.add(told.size());
  parts_.runtime.post(Lane::kWorkers, [this, holder, told = std::move(told)] {
    for (const Told& one : told) look(holder, one);
    const std::lock_guard lock(mu_);
    looking_ -= told.size();
  });
}

void Gossip::look(const Hash& holder, const Told& told) {
  if (stopped_) return;
  const Hash digest = digest_of(told.issuer, told.note);
  {
    const std::lock_guard lock(mu_);
    if (const auto checked = checked_.find(digest); checked != checked_.end())
      return remember_locked(told.issuer, holder, checked->second, Verdict::kExplained);
  }
  const auto descriptor = descriptor_of(told.issuer);
  if (!descriptor) return;
  const auto head = protocol::read_signed_head(told.note, *descriptor);
  if (!head) return;
  if (told.issuer == parts_.ledger.self()) return look_at_own(holder, *head);
  const bool announced = holder == told.issuer;
  const Verdict verdict = judge(told.issuer, *head, announced);
  if (announced && verdict == Verdict::kWaiting) return;
  const std::lock_guard lock(mu_);
  if (verdict == Verdict::kExplained) {
    if (checked_.size() >= kCheckedMax) checked_.clear();
    checked_.emplace(digest, *head);
  }
  remember_locked(told.issuer, holder, *head, verdict);
}

void Gossip::look_at_own(const Hash& holder, const protocol::SignedHead& head) {
  const LedgerHead ours = parts_.ledger.head();
  bool same = head.tree == ours.tree || head.tree.size == 0;
  if (!same && head.tree.size <= ours.tree.size) {
    protocol::TileNodes tiles(head.tree.size, parts_.ledger.log().tiles());
    const auto range = protocol::restore_range(head.tree.size, tiles.nodes());
    if (!range) return log_failure(LogLevel::kWarning, "gossip.own_unread", range.error());
    same = range->root() == head.tree.root;
  }
  if (!same) return report_own(holder, head.tree.size, head.note);
  const std::lock_guard lock(mu_);
  remember_locked(parts_.ledger.self(), holder, head, Verdict::kExplained);
}

void Gossip::report_own(const Hash& holder, std::uint64_t size, const std::string& note) {
  OwnConflict conflict{{}, size, note};
  {
    const std::lock_guard lock(mu_);
    if (std::exchange(forked_, true)) return;
    conflict.holder = name_of_locked(holder);
  }
  log_event(LogLevel::kError, "gossip.own_fork", {{"holder", conflict.holder}, {"size", size}});
  if (parts_.forked) parts_.forked(conflict);
}

Gossip::Verdict Gossip::judge(const Hash& issuer, const protocol::SignedHead& head, bool announced) {
  WatchedPtr watched;
  std::optional<protocol::SignedHead> other;
  {
    const std::lock_guard lock(mu_);
    watched = watched_locked(issuer);
    if (watched->head && watched->head->tree == head.tree) return Verdict::kExplained;
    const auto recent = watched->recent.find(head.tree.size);
    if (recent != watched->recent.end() && recent->second.tree.root != head.tree.root) other = recent->second;
    if (recent == watched->recent.end() && !announced) watched->recent.emplace(head.tree.size, head);
    if (watched->head && watched->head->tree.size == head.tree.size) other = watched->head;
    if (watched->recent.size() > kRecentMax) watched->recent.erase(watched->recent.begin());
  }
  if (other) {
    convict(issuer, protocol::prove_one_size(*other, head));
    return Verdict::kConvicted;
  }
  const auto verdict = compare(issuer, *watched, head);
  if (!verdict) log_failure(LogLevel::kWarning, "gossip.unread", verdict.error());
  return verdict.value_or(Verdict::kWaiting);
}

// Against the leaves that we hold of the issuer's ledger.
Result<Gossip::Verdict> Gossip::compare(const Hash& issuer, Watched& watched,
                                        const protocol::SignedHead& head) {
  TRY_ASSIGN(const v1::PeerCursor cursor, peers_.cursor(issuer));
  TRY_ASSIGN(const protocol::CompactRange range, protocol::CompactRange::parse(as_view(cursor.range())));
  if (head.tree.size == 0) return Verdict::kExplained;
  if (head.tree.size > range.size()) return Verdict::kWaiting;
  watched.held.remember(range);
  TRY_ASSIGN(const Hash root, watched.held.root_at(head.tree.size));
  if (root == head.tree.root) return Verdict::kExplained;
  // A signed head over exactly what is held is the other half of the proof; between two pages there is none.
  const auto descriptor = descriptor_of(issuer);
  if (!descriptor) return Verdict::kWaiting;
  TRY_ASSIGN(const protocol::SignedHead later, protocol::read_signed_head(cursor.checkpoint(), *descriptor));
  if (later.tree.size != range.size() || later.tree.root != range.root()) return Verdict::kWaiting;
  if (later.tree.size == head.tree.size) {
    convict(issuer, protocol::prove_one_size(head, later));
  } else {
    TRY_ASSIGN(auto proof, watched.held.consistency(head.tree.size, later.tree.size));
    convict(issuer, protocol::prove_two_sizes(head, later, root, std::move(proof)));
  }
  return Verdict::kConvicted;
}

void Gossip::remember_locked(const Hash& issuer, const Hash& holder, const protocol::SignedHead& head,
                             Verdict verdict) {
  Seen& seen = watched_locked(issuer)->seen[holder];
  const std::uint64_t now = parts_.runtime.now_ms();
  if (seen.newest.note.empty() || seen.newest.tree.size < head.tree.size) {
    seen.newest = head;
    seen.at_ms = now;
    seen.dirty = true;
  }
  // A conviction that could not be written is tried again with what waits.
  if (verdict == Verdict::kExplained || seen.waiting) return;
  seen.waiting = head;
  seen.since_ms = now;
}

void Gossip::convict(const Hash& issuer, const protocol::EquivocationProof& proof) {
  const auto proven = protocol::verify_equivocation(proof);
  if (!proven || proven->issuer != issuer) {
    if (!proven) log_failure(LogLevel::kWarning, "gossip.unproven", proven.error());
    return;
  }
  const auto registry = parts_.ledger.registry();
  const auto row = parts_.members.row(issuer);
  if (!row || !*row || registry->quarantined(issuer) ||
      registry->equivocation(protocol::equivocation_digest(proof)) != nullptr)
    return;
  {
    const std::lock_guard lock(mu_);
    if (!convicting_.insert(issuer).second) return;
  }
  Append append;
  append.correction = true;
  Draft draft;
  draft.event = protocol::Event::kEquivocationEvidence;
  draft.subject = Subject::of_node();
  draft.slots = protocol::equivocation_slots(proof, issuer);
  append.drafts.push_back(std::move(draft));
  append.effects = [issuer, now = parts_.runtime.now_ms()](Changes& changes) -> Status {
    if (changes.registry().quarantined(issuer))
      return fail(Code::kAlreadyExists, "the node is in quarantine already", kKnownRule);
    TRY_ASSIGN(auto peer, storage::PeerStore(changes.store()).get(issuer));
    if (!peer) return fail(Code::kNotFound, "the node is no peer any more", kKnownRule);
    peer->set_standing(v1::PEER_QUARANTINED);
    peer->set_reason("it signed two histories of its ledger");
    peer->set_since_ms(now);
    storage::PeerStore::put(changes.batch(), *peer);
    return {};
  };
  parts_.ledger.append(std::move(append), [this, issuer, proof](const Result<Appended>& done) {
    convicted(issuer, proof, done);
  });
}

void Gossip::convicted(const Hash& issuer, const protocol::EquivocationProof& proof,
                       const Result<Appended>& done) {
  std::string name;
  {
    const std::lock_guard lock(mu_);
    convicting_.erase(issuer);
    known_ms_ = 0;
    name = name_of_locked(issuer);
  }
  if (!done) {
    if (done.error().rule == kKnownRule) return;
    log_failure(LogLevel::kError, "gossip.conviction_failed", done.error(), {{"peer", name}});
    if (!stopped_)
      parts_.runtime.after(kTickMs, Lane::kWorkers, [this, issuer, proof] {
        if (!stopped_) convict(issuer, proof);
      });
    return;
  }
  log_event(LogLevel::kError, "peer.quarantined",
            {{"peer", name}, {"evidence", done->first_index}, {"reason", "two histories of its ledger"}});
  if (parts_.quarantined) parts_.quarantined(issuer);
  count();
}

void Gossip::tick() {
  if (stopped_) return;
  tend();
  parts_.runtime.after(kTickMs, Lane::kWorkers, [this] { tick(); });
}

void Gossip::tend() {
  look_again();
  flush();
}

// What waited for the issuer's pages: they may have come.
void Gossip::look_again() {
  struct Asked {
    Hash issuer, holder;
    protocol::SignedHead head;
  };
  std::vector<Asked> asked;
  {
    const std::lock_guard lock(mu_);
    refresh_locked();
    for (const auto& [issuer, watched] : watched_) {
      const auto known = known_.find(issuer);
      const bool active = known != known_.end() && known->second.active;
      for (auto& [holder, seen] : watched->seen) {
        if (!active) seen.waiting.reset();  // nothing of it is asked for any more
        if (seen.waiting) asked.push_back({issuer, holder, *seen.waiting});
      }
    }
  }
  for (const Asked& one : asked) {
    if (judge(one.issuer, one.head, false) != Verdict::kExplained) continue;
    std::optional<protocol::SignedHead> next;
    {
      const std::lock_guard lock(mu_);
      Seen& seen = watched_locked(one.issuer)->seen[one.holder];
      seen.waiting.reset();
      if (seen.newest.tree != one.head.tree) next = seen.newest;
    }
    if (!next) continue;
    const Verdict verdict = judge(one.issuer, *next, false);
    const std::lock_guard lock(mu_);
    remember_locked(one.issuer, one.holder, *next, verdict);
  }
  count();
}

std::string Gossip::alarm_locked(const Hash& issuer, const Watched& watched) const {
  const std::uint64_t now = parts_.runtime.now_ms();
  for (const auto& [holder, seen] : watched.seen) {
    if (!seen.waiting || now < seen.since_ms + kUnexplainedMs) continue;
    constexpr std::uint64_t kMinuteMs = 60'000;
    return name_of_locked(holder) + " has seen a head of " + std::to_string(seen.waiting->tree.size) +
           " records of " + name_of_locked(issuer) + " that it has not explained to this node for " +
           std::to_string((now - seen.since_ms) / kMinuteMs) + " minutes";
  }
  return {};
}

std::string Gossip::alarm_of(const Hash& issuer) const {
  const std::lock_guard lock(mu_);
  const auto found = watched_.find(issuer);
  return found == watched_.end() ? std::string() : alarm_locked(issuer, *found->second);
}

std::vector<Gossip::Alarm> Gossip::alarms() const {
  std::vector<Alarm> out;
  const std::lock_guard lock(mu_);
  for (const auto& [issuer, watched] : watched_)
    if (std::string text = alarm_locked(issuer, *watched); !text.empty())
      out.push_back({name_of_locked(issuer), std::move(text)});
  return out;
}

void Gossip::count() {
  std::int64_t unexplained = 0;
  std::vector<Alarm> fresh;
  {
    const std::lock_guard lock(mu_);
    for (const auto& [issuer, watched] : watched_) {
      std::string text = alarm_locked(issuer, *watched);
      unexplained += text.empty() ? 0 : 1;
      if (!text.empty() && !watched->alarmed) fresh.push_back({name_of_locked(issuer), text});
      watched->alarmed = !text.empty();
    }
  }
  for (const Alarm& alarm : fresh)
    log_event(LogLevel::kError, "gossip.unexplained", {{"peer", alarm.name}, {"what", alarm.text}});
  if (parts_.metrics == nullptr) return;
  parts_.metrics->gossip_unexplained.set(unexplained);
  const auto registry = parts_.ledger.registry();
  std::set<Hash> quarantined;
  for (const protocol::ProvenEquivocation& proven : registry->equivocations())
    if (registry->quarantined(proven.what.issuer)) quarantined.insert(proven.what.issuer);
  parts_.metrics->peers_quarantined.set(static_cast<std::int64_t>(quarantined.size()));
}

void Gossip::flush() {
  auto rows = std::make_shared<std::vector<storage::GossipStore::Seen>>();
  {
    const std::lock_guard lock(mu_);
    const std::uint64_t now = parts_.runtime.now_ms();
    if (now < flushed_ms_ + kFlushMs) return;
    flushed_ms_ = now;
    for (const auto& [issuer, watched] : watched_) {
      for (auto& [holder, seen] : watched->seen) {
        if (!std::exchange(seen.dirty, false)) continue;
        storage::GossipStore::Seen& row = rows->emplace_back();
        row.issuer = issuer;
        row.holder = holder;
        row.row.set_checkpoint(seen.newest.note);
        row.row.set_signed_by(to_string(seen.newest.descriptor));
        row.row.set_at_ms(seen.at_ms);
      }
    }
  }
  if (rows->empty()) return;
  Append append;
  append.effects = [rows](Changes& changes) -> Status {
    for (const storage::GossipStore::Seen& row : *rows) storage::GossipStore::put(changes.batch(), row);
    return {};
  };
  parts_.ledger.append(std::move(append), [this, rows](const Result<Appended>& done) {
    if (done) return;
    const std::lock_guard lock(mu_);
    for (const storage::GossipStore::Seen& row : *rows)
      watched_locked(row.issuer)->seen[row.holder].dirty = true;
  });
}

}  // namespace tocsin::node
