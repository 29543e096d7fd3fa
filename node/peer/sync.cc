#include "node/peer/sync.h"

#include <algorithm>

#include "node/log/log.h"
#include "node/peer/feed_service.h"

namespace tocsin::node {
namespace {

// A refusal's rule as the metric names it.
std::string_view refusal_reason(const Error& why) {
  std::string_view rule = why.rule;
  if (rule.starts_with("due-process/")) return "process";
  if (rule.starts_with("record/")) return "opening";
  return rule.starts_with("feed/") ? rule.substr(5) : rule;
}

}  // namespace

struct Sync::Peer {
  explicit Peer(protocol::ValidDescriptor d) : descriptor(std::move(d)) {}

  std::string row;  // as last adopted: the same bytes again change nothing
  protocol::ValidDescriptor descriptor;
  std::unique_ptr<ForeignLedger> ledger;
  std::shared_ptr<PeerLink> link;
  bool active = true;       // still a member
  bool connecting = false;  // a connection or a greeting is under way
  bool waiting = false;     // to connect, until what goes on has ended
  bool again = false;       // a notice came meanwhile
  bool watching = false;
  std::uint64_t conversation = 0;  // callbacks of an older link are ignored
  std::uint64_t retry_ms = kRetryFirstMs;

  // A page's way: asked for, fetched, proved, written. At most one stands at each step, so that the three
  // kinds of work go on side by side and memory stays bounded.
  std::optional<v1::RecordsRequest> next;  // to be asked for
  bool asking = false;
  std::shared_ptr<const v1::RecordsReply> fetched;
  bool proving = false;
  ForeignLedger::PagePtr proved;
  bool writing = false;
  std::uint64_t batch = 0;  // what comes of a page of an older one is forgotten
  bool pages_under_way() const { return fetched || proving || proved || writing; }
  bool idle() const { return !next && !asking && !pages_under_way(); }

  // Since it was last caught up; the three durations overlap.
  struct Catching {
    std::uint64_t since_ms = 0;
    std::uint64_t entries = 0, pages = 0, bytes = 0;
    std::uint64_t fetching_ms = 0, proving_ms = 0, writing_ms = 0;
  };
  Catching catching;
  std::uint64_t asked_ms = 0, prove_ms = 0, write_ms = 0;  // when the present step began
};

Sync::~Sync() = default;

void Sync::start() {
  parts_.runtime.post(Lane::kIo, [this] { refresh(); });
}

void Sync::stop() {
  parts_.runtime.post(Lane::kIo, [this] {
    stopped_ = true;
    for (auto& [id, peer] : peers_)
      if (peer->link) peer->link->close();
  });
}

Sync::PeerStatus Sync::status(const Hash& peer) const {
  std::lock_guard lock(mu_);
  const auto found = status_.find(peer);
  return found == status_.end() ? PeerStatus() : found->second;
}

std::shared_ptr<PeerLink> Sync::link_of(const Hash& peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : found->second->link;
}

void Sync::note(const PeerPtr& peer, const std::function<void(PeerStatus&)>& change) {
  {
    std::lock_guard lock(mu_);
    change(status_[peer->descriptor.fingerprint()]);
  }
  count();
}

void Sync::refresh() {
  if (stopped_) return;
  if (auto rows = parts_.members.list()) {
    for (const v1::PeerRow& row : *rows) adopt(row);
  }
  parts_.runtime.after(kRefreshMs, Lane::kIo, [this] { refresh(); });
}

void Sync::adopt(const v1::PeerRow& row) {
  const auto id = fixed<32>(as_view(row.node()), "a stored fingerprint");
  if (!id) return;
  const auto known = peers_.find(*id);
  std::string bytes = row.SerializeAsString();
  // Asked every kRefreshMs for every member: only a row that has changed is worth its two signature checks.
  if (known != peers_.end() && known->second->row == bytes) return;
  auto descriptor = protocol::parse_descriptor(row.signed_descriptor());
  if (!descriptor || descriptor->fingerprint() != *id) return;
  const bool wanted = row.standing() == v1::PEER_ACTIVE;
  if (known == peers_.end() && !wanted) return;
  PeerPtr& peer = peers_[*id];
  if (!peer) {
    peer = std::make_shared<Peer>(std::move(*descriptor));
    peer->active = false;
  } else if (descriptor->message().sequence() > peer->descriptor.message().sequence()) {
    peer->descriptor = std::move(*descriptor);
    if (peer->ledger) static_cast<void>(peer->ledger->set_descriptor(peer->descriptor));
  }
  peer->row = std::move(bytes);
  if (wanted == peer->active) return;
  peer->active = wanted;
  if (wanted) {
    connect(peer);
  } else {
    drop_link(peer);
    forget_pages(peer);
  }
  count();
}

// The pages already fetched go on without it: a link that breaks often must not cost what it brought.
void Sync::drop_link(const PeerPtr& peer) {
  ++peer->conversation;
  if (peer->link) peer->link->close();
  peer->link.reset();
  peer->connecting = peer->asking = peer->watching = peer->again = false;
  peer->next.reset();
  note(peer, [](PeerStatus& status) { status.connected = false; });
}

// A page on its way to the store stays there.
void Sync::forget_pages(const PeerPtr& peer) {
  ++peer->batch;
  peer->next.reset();
  peer->fetched.reset();
  peer->proved.reset();
}

void Sync::connect(const PeerPtr& peer) {
  peer->waiting = false;
  if (stopped_ || !peer->active || peer->connecting || peer->link) return;
  // The last conversation's pages must have ended before this one asks what comes next.
  if (peer->pages_under_way()) {
    peer->waiting = true;
    return;
  }
  if (!peer->ledger) {
    auto opened = ForeignLedger::open(parts_.store, parts_.ledger, parts_.runtime, peer->descriptor);
    if (!opened) return failed(peer, opened.error());
    peer->ledger = std::move(*opened);
    tell_held(peer);
    const auto progress = peer->ledger->progress();
    note(peer, [&, notice = peer->ledger->notice()](PeerStatus& status) {
      status.held = progress.held;
      status.head_size = progress.head_size;
      status.notice = notice;
    });
  }
  peer->ledger->rewind();
  peer->catching = {};
  peer->connecting = true;
  const std::uint64_t conversation = ++peer->conversation;
  parts_.connect(peer->descriptor, [this, peer, conversation](Result<std::shared_ptr<PeerLink>> link) {
    parts_.runtime.post(Lane::kIo, [this, peer, conversation, link = std::move(link)] {
      if (peer->conversation != conversation || stopped_) {
        if (link) (*link)->close();
        return;
      }
      peer->connecting = false;
      if (!link) return failed(peer, link.error());
      peer->link = *link;
      note(peer, [](PeerStatus& status) { status.connected = true; });
      greet(peer);
    });
  });
}

void Sync::greet(const PeerPtr& peer) {
  v1::HelloRequest request;
  request.set_protocol(kProtocolVersion);
  request.set_software(kSoftware);
  request.set_checkpoint(*parts_.ledger.checkpoint());
  if (parts_.gossip != nullptr)
    *request.mutable_gossip() = parts_.gossip->carry(peer->descriptor.fingerprint());
  peer->connecting = true;
  peer->link->hello(request, [this, peer, conversation = peer->conversation](Result<v1::HelloReply> reply) {
    if (peer->conversation != conversation) return;
    peer->connecting = false;
    if (!reply) return failed(peer, reply.error());
    hear(peer, reply->gossip(), reply->checkpoint());
    pull(peer);
  });
}

void Sync::pull(const PeerPtr& peer) {
  if (stopped_ || !peer->link || peer->connecting) return;
  if (!peer->idle()) {
    peer->again = true;
    return;
  }
  peer->again = false;
  peer->next = peer->ledger->next_request();
  advance(peer);
}

// Starts every step that can start now.
void Sync::advance(const PeerPtr& peer) {
  if (stopped_) return;
  if (peer->proved && !peer->writing) write(peer);
  if (peer->fetched && !peer->proving && !peer->proved) prove(peer);
  if (peer->next && peer->link && !peer->asking && !peer->fetched) ask(peer);
}

void Sync::ask(const PeerPtr& peer) {
  peer->asking = true;
  peer->asked_ms = parts_.runtime.now_ms();
  if (peer->catching.since_ms == 0) peer->catching.since_ms = peer->asked_ms;
  v1::RecordsRequest request = *std::exchange(peer->next, std::nullopt);
  if (parts_.gossip != nullptr)
    *request.mutable_gossip() = parts_.gossip->carry(peer->descriptor.fingerprint());
  request.set_descriptor_sequence(peer->descriptor.message().sequence());
  peer->link->records(request,
                      [this, peer, conversation = peer->conversation](Result<v1::RecordsReply> reply) {
                        if (peer->conversation != conversation) return;
                        peer->asking = false;
                        if (!reply) return failed(peer, reply.error());
                        hear(peer, reply->gossip(), {});
                        reply->clear_gossip();
                        learn(peer, *reply);
                        if (reply->waiting_for_witnesses())
                          return wait(peer, "the peer waits for its witnesses");
                        peer->catching.pages += 1;
                        peer->catching.bytes += reply->ByteSizeLong();
                        peer->catching.fetching_ms += parts_.runtime.now_ms() - peer->asked_ms;
                        peer->next = ForeignLedger::request_after(*reply);
                        peer->fetched = std::make_shared<const v1::RecordsReply>(std::move(*reply));
                        advance(peer);
                      });
}

// A descriptor that the peer's root key signed, newer than the one on file: the page behind it may already
// need its keys.
void Sync::learn(const PeerPtr& peer, const v1::RecordsReply& reply) {
  if (!reply.has_signed_descriptor()) return;
  auto newer = protocol::parse_descriptor(reply.signed_descriptor());
  if (!newer || newer->fingerprint() != peer->descriptor.fingerprint() ||
      newer->message().sequence() <= peer->descriptor.message().sequence())
    return;
  peer->descriptor = std::move(*newer);
  static_cast<void>(peer->ledger->set_descriptor(peer->descriptor));
  const auto row = parts_.members.row(peer->descriptor.fingerprint());
  if (row && *row) parts_.ledger.append(parts_.members.learned(**row, peer->descriptor), [](const auto&) {});
}

void Sync::prove(const PeerPtr& peer) {
  peer->proving = true;
  peer->prove_ms = parts_.runtime.now_ms();
  parts_.runtime.post(
      Lane::kWorkers, [this, peer, batch = peer->batch, reply = std::exchange(peer->fetched, nullptr),
                       view = peer->ledger->view()] {
        auto page = peer->ledger->prove(*view, *reply, parts_.envelope_keys());
        if (!page && ForeignLedger::accuses(page.error())) return refuse(peer, reply, page.error());
        parts_.runtime.post(Lane::kIo,
                            [this, peer, batch, page = std::move(page)] { proven(peer, batch, page); });
      });
}

void Sync::proven(const PeerPtr& peer, std::uint64_t batch, Result<ForeignLedger::PagePtr> page) {
  peer->proving = false;
  if (peer->batch != batch) {
    if (peer->waiting) connect(peer);
    return;
  }
  if (!page) {
    forget_pages(peer);
    if (page.error().rule == kQuorumMissingRule) return wait(peer, page.error().message);
    return failed(peer, page.error());
  }
  peer->catching.proving_ms += parts_.runtime.now_ms() - peer->prove_ms;
  peer->ledger->take(*page);
  peer->proved = std::move(*page);
  advance(peer);
}

// Nothing goes on with a peer that lied until the evidence is kept.
void Sync::refuse(const PeerPtr& peer, std::shared_ptr<const v1::RecordsReply> reply, const Error& why) {
  if (parts_.metrics != nullptr) parts_.metrics->feed_refused.add(refusal_reason(why));
  if (parts_.gossip != nullptr) parts_.gossip->saw(peer->descriptor.fingerprint(), reply->checkpoint());
  peer->ledger->keep_evidence(*reply, why, [this, peer, why](Status kept) {
    parts_.runtime.post(Lane::kIo, [this, peer, why, kept] {
      log_failure(LogLevel::kWarning, "feed.refused", why, {{"peer", peer->descriptor.name()}});
      peer->proving = false;
      forget_pages(peer);
      if (!kept) return failed(peer, kept.error());
      drop_link(peer);
      retry(peer, why, kRefusedRetryMs);
    });
  });
}

void Sync::write(const PeerPtr& peer) {
  peer->writing = true;
  peer->write_ms = parts_.runtime.now_ms();
  parts_.runtime.post(Lane::kWorkers, [this, peer, page = std::exchange(peer->proved, nullptr)] {
    const auto network = parts_.members.network();
    const bool coordinator =
        network && *network && (*network)->coordinator() == to_string(peer->ledger->peer());
    peer->ledger->write(page, coordinator, [this, peer, page](Result<std::uint64_t> refused) {
      parts_.runtime.post(Lane::kIo,
                          [this, peer, page, refused = std::move(refused)] { written(peer, page, refused); });
    });
  });
}

void Sync::written(const PeerPtr& peer, const ForeignLedger::PagePtr& page, Result<std::uint64_t> refused) {
  peer->writing = false;
  const std::uint64_t before = peer->ledger->progress().held;
  if (refused) peer->ledger->settle(page);
  if (refused && peer->ledger->progress().held != before) tell_held(peer);
  const auto progress = peer->ledger->progress();
  if (parts_.metrics != nullptr) {
    parts_.metrics->feed_entries.add(progress.held - before);
    if (refused) parts_.metrics->feed_refused.add("process", *refused);
  }
  if (!refused) {
    forget_pages(peer);
    return failed(peer, refused.error());
  }
  peer->retry_ms = kRetryFirstMs;
  peer->catching.entries += progress.held - before;
  peer->catching.writing_ms += parts_.runtime.now_ms() - peer->write_ms;
  note(peer, [&, notice = peer->ledger->notice()](PeerStatus& status) {
    if (notice != status.notice && !notice.empty())
      log_event(LogLevel::kWarning, "feed.notice", {{"peer", peer->descriptor.name()}, {"notice", notice}});
    status.notice = notice;
    status.held = progress.held;
    status.head_size = progress.head_size;
    status.last_sync_ms = parts_.runtime.now_ms();
    if (peer->link) status.last_error.clear();
  });
  if (!peer->idle()) return advance(peer);
  if (peer->waiting) return connect(peer);
  if (!peer->link) return;
  if (!progress.complete() || peer->again) return pull(peer);
  caught_up(peer);
  watch(peer);
}

void Sync::caught_up(const PeerPtr& peer) {
  constexpr std::uint64_t kWorthALine = 1000;  // entries; what trickles in is not news
  const Peer::Catching& done = peer->catching;
  log_event(done.entries >= kWorthALine ? LogLevel::kInfo : LogLevel::kDebug, "feed.caught_up",
            {{"peer", peer->descriptor.name()},
             {"entries", done.entries},
             {"pages", done.pages},
             {"bytes", done.bytes},
             {"took_ms", parts_.runtime.now_ms() - done.since_ms},
             {"fetching_ms", done.fetching_ms},
             {"proving_ms", done.proving_ms},
             {"writing_ms", done.writing_ms}});
  peer->catching = {};
}

// Nobody lied and nothing is to be had: the next notice or the poll asks again over the same link.
void Sync::wait(const PeerPtr& peer, std::string why) {
  note(peer, [&](PeerStatus& status) { status.last_error = std::move(why); });
  if (peer->waiting) return connect(peer);
  watch(peer);
}

void Sync::watch(const PeerPtr& peer) {
  if (peer->watching || !peer->link || stopped_) return;
  peer->watching = true;
  poll(peer);
  const std::uint64_t conversation = peer->conversation;
  peer->link->watch(
      [this, peer, conversation](const v1::HeadNotice& notice) {
        if (peer->conversation != conversation) return;
        hear(peer, notice.gossip(), notice.checkpoint());
        pull(peer);
      },
      [this, peer, conversation](const Error& why) {
        if (peer->conversation == conversation) failed(peer, why);
      });
}

void Sync::poll(const PeerPtr& peer) {
  parts_.runtime.after(kPollMs, Lane::kIo, [this, peer, conversation = peer->conversation] {
    if (peer->conversation != conversation || stopped_) return;
    pull(peer);
    poll(peer);
  });
}

void Sync::failed(const PeerPtr& peer, const Error& why) {
  drop_link(peer);
  const std::uint64_t delay_ms = peer->retry_ms;
  peer->retry_ms = std::min(peer->retry_ms * 2, kRetryLastMs);
  retry(peer, why, delay_ms);
}

void Sync::retry(const PeerPtr& peer, const Error& why, std::uint64_t delay_ms) {
  note(peer, [&](PeerStatus& status) { status.last_error = why.message; });
  parts_.runtime.after(delay_ms, Lane::kIo, [this, peer, conversation = peer->conversation] {
    if (peer->conversation == conversation) connect(peer);
  });
}

// Its head counts also when it tells nothing of what it has seen.
void Sync::hear(const PeerPtr& peer, const v1::Gossip& told, const std::string& head) {
  if (parts_.gossip == nullptr) return;
  parts_.gossip->heard(peer->descriptor.fingerprint(), told);
  if (!head.empty() && told.checkpoint().empty()) parts_.gossip->saw(peer->descriptor.fingerprint(), head);
}

void Sync::tell_held(const PeerPtr& peer) {
  if (parts_.gossip != nullptr) parts_.gossip->held(peer->descriptor.fingerprint(), peer->ledger->registry());
}

void Sync::count() {
  if (parts_.metrics == nullptr) return;
  std::int64_t active = 0;
  std::int64_t in_sync = 0;
  std::lock_guard lock(mu_);
  for (const auto& [id, peer] : peers_) {
    if (!peer->active) continue;
    ++active;
    const PeerStatus& status = status_[id];
    if (status.connected && status.held == status.head_size) ++in_sync;
  }
  parts_.metrics->peers_active.set(active);
  parts_.metrics->peers_in_sync.set(in_sync);
}

}  // namespace tocsin::node
