#include "node/recovery/repair.h"

#include <algorithm>

#include "node/log/log.h"
#include "node/peer/foreign_ledger.h"
#include "node/recovery/projection.h"
#include "node/recovery/second_look.h"
#include "storage/witness_store.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::node {
namespace {

constexpr const char* kWaitingRule = "recovery/waiting";

protocol::VerifierKey log_key(const std::string& origin, const crypto::SigningKey& key) {
  auto out = protocol::make_verifier_key(origin, protocol::KeyType::kEd25519, key.public_key());
  CHECK_INVARIANT(out.has_value());
  return std::move(*out);
}

crypto::KemKey fresh_key(Runtime& runtime) {
  Secret<32> material;
  runtime.fill_random(material.expose_mutable());
  return crypto::KemKey::derive(material.expose());
}

// The disk's doing, not a peer's.
bool is_ours(const Error& error) {
  return error.rule.starts_with("storage/");
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// Nodes that the store knows as no members.
Result<std::set<Hash>> members_out(const storage::Store& store) {
  std::set<Hash> out;
  TRY_ASSIGN(const auto rows, storage::PeerStore(store).list());
  for (const v1::PeerRow& row : rows) {
    TRY_ASSIGN(const Hash node, fixed<32>(as_view(row.node()), "a peer's fingerprint"));
    const bool gone = row.standing() == v1::PEER_SUSPENDED || row.standing() == v1::PEER_REMOVED ||
                      row.standing() == v1::PEER_REFUSED;
    if (gone) out.insert(node);
  }
  return out;
}

std::string records(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " record" : " records");
}

}  // namespace

std::string_view stage_name(Repair::Stage stage) {
  switch (stage) {
    case Repair::Stage::kMeasuring:
      return "measuring";
    case Repair::Stage::kAsking:
      return "asking";
    case Repair::Stage::kFetching:
      return "fetching";
    case Repair::Stage::kWriting:
      return "writing";
    case Repair::Stage::kStuck:
      return "stuck";
    case Repair::Stage::kFailed:
      return "failed";
    case Repair::Stage::kDone:
      break;
  }
  return "done";
}

struct Repair::Peer {
  explicit Peer(protocol::ValidDescriptor d) : descriptor(std::move(d)) {}
  const protocol::ValidDescriptor descriptor;
  bool asking = false;
  bool answered = false;
  bool bodies_asked = false;
  std::uint64_t answered_ms = 0;
  std::uint64_t held = 0;
  std::vector<protocol::TreeHead> notes;  // of our ledger, signed by us
  std::string error;
  bool lied = false;  // what it sent did not lead to the checkpoint it holds
  std::uint64_t retry_ms = kRepairRetryFirstMs;
  std::uint64_t not_before_ms = 0;

  // The greatest head whose records it holds all.
  const protocol::TreeHead* provable() const {
    const protocol::TreeHead* out = nullptr;
    for (const protocol::TreeHead& note : notes)
      if (!lied && note.size <= held && (out == nullptr || note.size > out->size)) out = &note;
    return out;
  }
  std::uint64_t signed_size() const {
    std::uint64_t out = 0;
    for (const protocol::TreeHead& note : notes) out = std::max(out, note.size);
    return out;
  }
};

Repair::Repair(Parts parts)
    : in_(std::move(parts)),
      log_(log_key(in_.origin, in_.operational)),
      envelope_(fresh_key(in_.runtime)),
      calls_(in_.runtime, in_.connect) {}
Repair::~Repair() = default;

void Repair::start() {
  busy_ = true;
  began_ms_ = in_.runtime.now_ms();
  on_sequencer(
      [this]() -> Status {
        TRY_ASSIGN(OwnPrefix prefix, proven_prefix(in_.store, log_));
        TRY_ASSIGN(signed_, greatest_signed(in_.store, log_));
        tail_ = std::make_unique<Tail>(Tail::Parts{in_.store, in_.sealer, in_.runtime}, std::move(prefix));
        return {};
      },
      [this](const Status& done) { measured(done); });
}

void Repair::stop() {
  in_.runtime.post(Lane::kIo, [this] {
    stopped_ = true;
    calls_.stop();
  });
}

// One task at a time; what it touches is left alone on Lane::kIo until `then`.
void Repair::on_sequencer(std::function<Status()> work, std::function<void(Status)> then) {
  in_.runtime.post(Lane::kSequencer, [this, work = std::move(work), then = std::move(then)] {
    auto done = std::make_shared<Status>(work());
    in_.runtime.post(Lane::kIo, [this, then, done] {
      if (!stopped_) then(std::move(*done));
    });
  });
}

void Repair::measured(const Status& done) {
  busy_ = false;
  if (!done) return is_ours(done.error()) ? failed(done.error()) : publish(Stage::kStuck, done.error());
  log_event(LogLevel::kInfo, "repair.measured", {{"proven", tail_->base()}, {"signed", signed_}});
  step();
}

// By the store's rows, then by the records got back.
Status Repair::adopt_members() {
  TRY_ASSIGN(auto members, active_members(in_.store));
  std::map<Hash, protocol::ValidDescriptor> wanted;
  for (auto& member : members) wanted.insert_or_assign(member.fingerprint(), std::move(member));
  TRY_ASSIGN(std::set<Hash> out, members_out(in_.store));
  for (const Tail::Membership& change : tail_->memberships()) {
    if (!change.added) {
      wanted.erase(change.node);
      out.insert(change.node);
    } else if (change.node != in_.self)
      wanted.emplace(change.node, *change.added);
  }
  // The copy may be older than a member's coming, or than the node's own; who left is known by its own
  // records alone.
  for (const auto& [node, descriptor] : named_)
    if (node != in_.self && !out.contains(node)) wanted.emplace(node, descriptor);
  std::erase_if(peers_, [&](const auto& peer) { return !wanted.contains(peer.first); });
  const std::lock_guard lock(mu_);
  known_.clear();
  for (auto& [node, descriptor] : wanted) {
    known_.insert(node);
    if (!peers_.contains(node)) peers_.emplace(node, std::make_shared<Peer>(std::move(descriptor)));
  }
  return {};
}

bool Repair::knows(const Hash& node) const {
  const std::lock_guard lock(mu_);
  return known_.contains(node);
}

// Starts whatever can start now.
void Repair::step() {
  if (stopped_ || busy_) return;
  if (const Status read = adopt_members(); !read) return stuck(read.error());
  const std::uint64_t quiet_ms = began_ms_ + kRepairQuietMs;
  for (const auto& [node, peer] : peers_) {
    if (peer->answered_ms < quiet_ms && in_.runtime.now_ms() >= quiet_ms) peer->answered = false;
    if (!peer->answered && !peer->asking && peer->not_before_ms <= in_.runtime.now_ms()) ask(peer);
  }
  if (const PeerPtr peer = source()) return fetch(peer, *peer->provable());
  if (const PeerPtr peer = body_source()) return fetch_bodies(peer, tail_->lost().begin()->first);
  if (const auto why = obstacle()) return stuck(*why);
  if (too_early()) return;
  conclude();
}

void Repair::ask(const PeerPtr& peer) {
  peer->asking = true;
  v1::HeldRequest request;
  request.set_from(UINT64_MAX);  // what it holds, no page yet
  request.set_heads(true);
  calls_.ask(peer->descriptor, request,
             [this, peer](const Result<v1::HeldReply>& reply) { answered(peer, reply); });
}

void Repair::answered(const PeerPtr& peer, const Result<v1::HeldReply>& reply) {
  peer->asking = false;
  if (!reply) {
    peer->error = reply.error().message;
    if (reply.error().code == Code::kFailedPrecondition && in_.renew) in_.renew();
    peer->not_before_ms = in_.runtime.now_ms() + peer->retry_ms;
    in_.runtime.after(peer->retry_ms, Lane::kIo, [this] { step(); });
    peer->retry_ms = std::min(peer->retry_ms * 2, kRepairRetryLastMs);
    return step();
  }
  peer->answered = true;
  peer->error.clear();
  peer->lied = peer->bodies_asked = false;
  peer->retry_ms = kRepairRetryFirstMs;
  peer->held = reply->size();
  peer->notes.clear();
  for (const std::string& note : reply->checkpoints())
    if (const auto opened = protocol::open_checkpoint(note, std::span(&log_, 1)))
      peer->notes.push_back(opened->checkpoint.tree);
  peer->answered_ms = in_.runtime.now_ms();
  for (const std::string& head : reply->heads()) heads_.insert(head);
  for (const v1::SignedDescriptor& member : reply->members())
    if (auto descriptor = protocol::parse_descriptor(member)) {
      const Hash node = descriptor->fingerprint();
      named_.insert_or_assign(node, std::move(*descriptor));
    }
  log_event(LogLevel::kInfo, "repair.answered",
            {{"peer", peer->descriptor.name()}, {"holds", peer->held}, {"signed", peer->signed_size()}});
  step();
}

// Answers that came too early do not count as the last word.
bool Repair::too_early() {
  const std::uint64_t quiet_ms = began_ms_ + kRepairQuietMs;
  bool early = false;
  for (const auto& [node, peer] : peers_) early = early || (peer->answered && peer->answered_ms < quiet_ms);
  if (!early) return false;
  publish(Stage::kAsking);
  const std::uint64_t now = in_.runtime.now_ms();
  in_.runtime.after(quiet_ms > now ? quiet_ms - now : 1, Lane::kIo, [this] { step(); });
  return true;
}

// Who can prove the most beyond what we have.
Repair::PeerPtr Repair::source() const {
  PeerPtr best;
  for (const auto& [node, peer] : peers_) {
    const protocol::TreeHead* head = peer->answered ? peer->provable() : nullptr;
    if (head == nullptr || head->size <= tail_->proven().size) continue;
    if (!best || head->size > best->provable()->size) best = peer;
  }
  return best;
}

Repair::PeerPtr Repair::body_source() const {
  if (tail_->lost().empty()) return nullptr;
  for (const auto& [node, peer] : peers_)
    if (peer->answered && !peer->bodies_asked && peer->held > tail_->lost().begin()->first) return peer;
  return nullptr;
}

Result<v1::Openings> Repair::openings_of(const Peer& peer, const v1::HeldReply& reply) const {
  return protocol::open_page({peer.descriptor.fingerprint(), in_.self, reply.from()}, envelope_,
                             reply.page());
}

void Repair::fetch(const PeerPtr& peer, const protocol::TreeHead& target) {
  busy_ = true;
  publish(Stage::kFetching);
  v1::HeldRequest request;
  request.set_from(tail_->size());
  request.set_max_bytes(kPageBytes);
  request.set_envelope_key(to_string(envelope_.public_key()));
  calls_.ask(peer->descriptor, request, [this, peer, target](Result<v1::HeldReply> reply) {
    if (reply) return fetched(peer, target, std::move(*reply));
    tail_->forget_unproven();
    busy_ = peer->answered = false;
    peer->error = reply.error().message;
    step();
  });
}

void Repair::fetched(const PeerPtr& peer, const protocol::TreeHead& target, v1::HeldReply reply) {
  auto page = std::make_shared<v1::HeldReply>(std::move(reply));
  on_sequencer(
      [this, peer, target, page]() -> Status {
        const std::size_t most = (target.size - tail_->size()) * protocol::kLeafBytes;
        if (page->from() != tail_->size())
          return fail(Code::kInvalidArgument, "other records than those asked for", "recovery/shape");
        TRY_ASSIGN(const v1::Openings openings, openings_of(*peer, *page));
        const ByteView leaves = as_view(page->leaves());
        TRY(tail_->add(leaves.first(std::min(leaves.size(), most)), openings));
        return tail_->size() < target.size ? Status() : tail_->prove(target);
      },
      [this, peer, target](const Status& added) {
        if (added && tail_->proven().size < target.size) return fetch(peer, target);
        busy_ = false;
        if (!added && is_ours(added.error())) return failed(added.error());
        if (!added) {
          tail_->forget_unproven();
          peer->lied = true;
          peer->error = added.error().message;
          log_failure(LogLevel::kWarning, "repair.refused", added.error(),
                      {{"peer", peer->descriptor.name()}});
        } else {
          log_event(LogLevel::kInfo, "repair.proven",
                    {{"peer", peer->descriptor.name()},
                     {"records", tail_->proven().size},
                     {"lost", tail_->lost().size()}});
        }
        step();
      });
}

// What one peer was not given, another may have been.
void Repair::fetch_bodies(const PeerPtr& peer, std::uint64_t from) {
  busy_ = true;
  v1::HeldRequest request;
  request.set_from(from);
  request.set_max_bytes(kPageBytes);
  request.set_envelope_key(to_string(envelope_.public_key()));
  calls_.ask(peer->descriptor, request, [this, peer](const Result<v1::HeldReply>& reply) {
    auto page = std::make_shared<const Result<v1::HeldReply>>(reply);
    on_sequencer(
        [this, peer, page]() -> Status {
          if (!*page) return fail((*page).error());
          TRY_ASSIGN(const v1::Openings openings, openings_of(*peer, **page));
          return tail_->fill(openings);
        },
        [this, peer, page](const Status& filled) {
          busy_ = false;
          if (!filled && is_ours(filled.error())) return failed(filled.error());
          const std::uint64_t end =
              filled ? (*page)->from() + (*page)->leaves().size() / protocol::kLeafBytes : UINT64_MAX;
          const auto next = tail_->lost().lower_bound(end);
          if (next == tail_->lost().end() || end >= peer->held) {
            peer->bodies_asked = true;
            return step();
          }
          fetch_bodies(peer, next->first);
        });
  });
}

// Why the node may not go on yet.
std::optional<Error> Repair::obstacle() const {
  std::vector<std::string> silent, further;
  std::uint64_t furthest = 0;
  for (const auto& [node, peer] : peers_) {
    const std::string& name = peer->descriptor.name();
    const auto& without = decision_.without;
    if (std::find(without.begin(), without.end(), name) != without.end()) continue;
    if (!peer->answered) silent.push_back(name);
    if (peer->answered && peer->signed_size() > tail_->proven().size) further.push_back(name);
    furthest = std::max(furthest, peer->signed_size());
  }
  const auto stop = [](std::string what, const char* rule, std::string why, std::string fix) {
    return Error{Code::kFailedPrecondition, std::move(what), rule, std::move(why), std::move(fix)};
  };
  if (!silent.empty())
    return stop("waiting for " + joined(silent), kWaitingRule,
                "Whoever has not answered may hold records that this node signed and does not know of.",
                "Help them back onto the network; or, when they are gone for good: tocsin ledger recover "
                "--without NAME");
  if (!further.empty())
    return stop(joined(further) + (further.size() == 1 ? " has" : " have") + " seen this node sign " +
                    records(furthest) + ", and nobody holds more than " +
                    std::to_string(tail_->proven().size),
                "recovery/tail-lost", "The records between were signed and cannot be had from anybody.",
                "Look for a later backup or the old disk. The node stays read-only: signing other records in "
                "their place "
                "would be a fork that anybody could prove.");
  if (peers_.empty() && !decision_.alone)
    return stop("there is no member to ask", "recovery/alone",
                "Nobody can say whether this node signed more than its store holds.",
                "When you are sure that this copy is the newest: tocsin ledger recover --alone");
  if (signed_ > tail_->proven().size && !decision_.forget_unseen)
    return stop(
        "this store says that " + records(signed_) + " were signed, and only " +
            std::to_string(tail_->proven().size) + " can be proved",
        "recovery/unseen",
        "No member has seen the records between; whoever read the ledger over HTTP may have.",
        "Restore a copy that is whole; or give those records up: tocsin ledger recover --forget-unseen");
  for (const auto& [index, event] : tail_->lost())
    if (event >> 8 == 0x05)
      return stop(
          "nobody can open record " + std::to_string(index), "recovery/closed",
          "It says which keys, members or groups are in force; without it later records cannot be judged.",
          "Find the member that was given it, or a later backup.");
  return std::nullopt;
}

Repair::Notes Repair::notes() const {
  Notes out;
  for (const auto& [node, peer] : peers_)
    for (const protocol::TreeHead& note : peer->notes) {
      const auto [at, fresh] = out.try_emplace(note.size, note.root, peer->descriptor.name());
      if (!fresh && at->second.first != note.root)
        at->second.first = Hash{};  // two at one size: neither will fit
    }
  return out;
}

// Every smaller checkpoint of ours must be of this history.
Status Repair::check(const Notes& notes) const {
  std::vector<std::uint64_t> sizes;
  for (const auto& [size, note] : notes)
    if (size <= tail_->proven().size) sizes.push_back(size);
  TRY_ASSIGN(const auto roots, roots_at(in_.store, sizes));
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto& [root, name] = notes.at(sizes[i]);
    if (i < roots.size() && roots[i] == root) continue;
    return fail(Error{Code::kFailedPrecondition,
                      name + " holds a checkpoint of " + records(sizes[i]) + " that is not of this history",
                      "recovery/forked", "This node has signed two histories of its ledger.",
                      "Keep this data directory as evidence; restore a backup from before the two parted."});
  }
  return {};
}

void Repair::conclude() {
  busy_ = true;
  publish(Stage::kWriting);
  on_sequencer(
      [this, notes = notes(), heads = heads_]() -> Status {
        TRY(check(notes));
        return write(heads);
      },
      [this](const Status& written) {
        busy_ = false;
        if (!written) return is_ours(written.error()) ? failed(written.error()) : stuck(written.error());
        log_event(LogLevel::kWarning, "repair.done",
                  {{"had", tail_->base()},
                   {"records", tail_->proven().size},
                   {"lost_bodies", tail_->lost().size()}});
        stopped_ = true;
        calls_.stop();
        publish(Stage::kDone);
      });
}

Status Repair::write(const std::set<std::string>& heads) {
  const protocol::TreeHead head = tail_->proven();
  TRY(Projection({in_.store, in_.sealer, in_.runtime, in_.self}).make(head.size, tail_->base()));
  storage::Batch last;
  if (signed_ > head.size) {
    v1::Evidence given_up;
    given_up.set_at_ms(in_.runtime.now_ms());
    given_up.set_rule("recovery/unseen");
    given_up.set_message("given up by the operator: " + records(signed_ - head.size) +
                         " that no member had seen");
    given_up.set_index(head.size);
    TRY(storage::PeerStore(in_.store).add_evidence(last, in_.self, given_up));
    TRY(storage::WitnessStore(in_.store).forget_cosigned(last, head.size));
  }
  put_witnessed(last, heads);
  storage::LogStore::put_checkpoint(last, head.size,
                                    protocol::sign_checkpoint(in_.operational, {in_.origin, head}));
  return in_.store.end_quarantine(last, in_.sealer.seal_head(head));
}

// As a witness the node has forgotten what it vouched for: it starts from the newest that anybody has seen.
void Repair::put_witnessed(storage::Batch& batch, const std::set<std::string>& heads) const {
  const auto members = active_members(in_.store);
  const storage::WitnessStore witnessed(in_.store);
  if (!members) return;
  for (const auto& member : *members) {
    const std::string& origin = member.message().log_origin();
    const auto key =
        protocol::make_verifier_key(origin, protocol::KeyType::kEd25519, member.operational_key());
    const auto seen = witnessed.seen(origin);
    if (!key || !seen) continue;
    std::uint64_t size = 0;
    if (*seen)
      if (const auto known = protocol::open_checkpoint(**seen, std::span(&*key, 1)))
        size = known->checkpoint.tree.size;
    for (const std::string& head : heads) {
      const auto opened = protocol::open_checkpoint(head, std::span(&*key, 1));
      if (!opened || opened->checkpoint.tree.size <= size) continue;
      size = opened->checkpoint.tree.size;
      storage::WitnessStore::put_seen(batch, origin, head);
    }
  }
}

// Nothing can be done now. What is missing may come: silent members are asked by their own timers, the others
// here.
void Repair::stuck(const Error& why) {
  publish(Stage::kStuck, why);
  if (why.rule == kWaitingRule || std::exchange(again_, true)) return;
  in_.runtime.after(kRepairAgainMs, Lane::kIo, [this] {
    again_ = false;
    if (stopped_ || busy_) return;
    for (const auto& [node, peer] : peers_) peer->answered = false;
    step();
  });
}

// After a failed write nothing is known of the disk but what opening it again says (I9).
void Repair::failed(const Error& why) {
  publish(Stage::kStuck, why);
  stopped_ = true;
  calls_.stop();
  in_.runtime.after(kRepairAgainMs, Lane::kIo, [this, why] { publish(Stage::kFailed, why); });
}

void Repair::publish(Stage stage, const std::optional<Error>& why) {
  Report next;
  next.stage = why && why->rule == kWaitingRule ? Stage::kAsking : stage;
  if (tail_) {
    next.base = tail_->base();
    next.proven = tail_->proven().size;
    next.lost = tail_->lost().size();
  }
  if (why) {
    next.waiting_for = why->message;
    next.fix = why->fix;
  }
  for (const auto& [node, peer] : peers_) {
    const std::string& name = peer->descriptor.name();
    const auto& without = decision_.without;
    next.members.push_back({name, peer->answered,
                            std::find(without.begin(), without.end(), name) != without.end(), peer->held,
                            peer->signed_size(), peer->error});
  }
  bool moved = false;
  {
    const std::lock_guard lock(mu_);
    if (next.waiting_for != report_.waiting_for && why)
      log_failure(LogLevel::kWarning, "repair.waiting", *why);
    moved = next.stage != report_.stage;
    stage = next.stage;
    report_ = std::move(next);
  }
  if (moved) in_.changed(stage);
}

Repair::Report Repair::report() const {
  const std::lock_guard lock(mu_);
  return report_;
}

Status Repair::decide(const Decision& decision) {
  {
    const std::lock_guard lock(mu_);
    for (const std::string& name : decision.without) {
      const auto found = std::find_if(report_.members.begin(), report_.members.end(),
                                      [&](const Member& member) { return member.name == name; });
      if (found == report_.members.end())
        return fail(Error{Code::kNotFound,
                          "no member is called \"" + name + "\"",
                          "recovery/member",
                          {},
                          "tocsin ledger recover"});
    }
  }
  in_.runtime.post(Lane::kIo, [this, decision] {
    decision_.without.insert(decision_.without.end(), decision.without.begin(), decision.without.end());
    decision_.alone = decision_.alone || decision.alone;
    decision_.forget_unseen = decision_.forget_unseen || decision.forget_unseen;
    log_event(LogLevel::kWarning, "repair.decided",
              {{"without", joined(decision.without)},
               {"alone", decision.alone},
               {"forget_unseen", decision.forget_unseen}});
    step();
  });
  return {};
}

}  // namespace tocsin::node
