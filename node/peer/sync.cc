#include "node/peer/sync.h"

#include <algorithm>

#include "node/peer/feed_service.h"

namespace tocsin::node {

struct Sync::Peer {
  explicit Peer(protocol::ValidDescriptor d) : descriptor(std::move(d)) {}

  std::string row;  // as last adopted: the same bytes again change nothing
  protocol::ValidDescriptor descriptor;
  std::unique_ptr<ForeignLedger> ledger;
  std::shared_ptr<PeerLink> link;
  bool active = true;  // still a member
  bool busy = false;   // a pull or a connection is under way
  bool again = false;  // a notice came meanwhile
  bool watching = false;
  std::uint64_t conversation = 0;  // callbacks of an older link are ignored
  std::uint64_t retry_ms = kRetryFirstMs;
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
  std::lock_guard lock(mu_);
  change(status_[peer->descriptor.fingerprint()]);
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
    if (peer->ledger && !peer->busy) static_cast<void>(peer->ledger->set_descriptor(peer->descriptor));
  }
  peer->row = std::move(bytes);
  if (wanted == peer->active) return;
  peer->active = wanted;
  if (wanted) {
    connect(peer);
  } else if (peer->link) {
    ++peer->conversation;
    peer->link->close();
    peer->link.reset();
    peer->busy = false;
    note(peer, [](PeerStatus& status) { status.connected = false; });
  }
}

void Sync::connect(const PeerPtr& peer) {
  if (stopped_ || !peer->active || peer->busy || peer->link) return;
  if (!peer->ledger) {
    auto opened = ForeignLedger::open(parts_.store, parts_.ledger, parts_.runtime, peer->descriptor);
    if (!opened) return failed(peer, opened.error());
    peer->ledger = std::move(*opened);
    const auto progress = peer->ledger->progress();
    note(peer, [&](PeerStatus& status) {
      status.held = progress.held;
      status.head_size = progress.head_size;
    });
  }
  peer->busy = true;
  peer->watching = false;
  const std::uint64_t conversation = ++peer->conversation;
  parts_.connect(peer->descriptor, [this, peer, conversation](Result<std::shared_ptr<PeerLink>> link) {
    parts_.runtime.post(Lane::kIo, [this, peer, conversation, link = std::move(link)] {
      if (peer->conversation != conversation || stopped_) {
        if (link) (*link)->close();
        return;
      }
      peer->busy = false;
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
  peer->busy = true;
  peer->link->hello(request, [this, peer, conversation = peer->conversation](Result<v1::HelloReply> reply) {
    if (peer->conversation != conversation) return;
    peer->busy = false;
    if (!reply) return failed(peer, reply.error());
    pull(peer);
  });
}

void Sync::pull(const PeerPtr& peer) {
  if (stopped_ || !peer->active || !peer->link) return;
  if (peer->busy) {
    peer->again = true;
    return;
  }
  peer->busy = true;
  peer->again = false;
  static_cast<void>(peer->ledger->set_descriptor(peer->descriptor));
  peer->link->records(peer->ledger->next_request(),
                      [this, peer, conversation = peer->conversation](Result<v1::RecordsReply> reply) {
                        if (peer->conversation != conversation) return;
                        if (!reply) {
                          peer->busy = false;
                          return failed(peer, reply.error());
                        }
                        if (reply->waiting_for_witnesses()) {
                          peer->busy = false;
                          return wait(peer, "the peer waits for its witnesses");
                        }
                        take(peer, std::move(*reply));
                      });
}

void Sync::take(const PeerPtr& peer, v1::RecordsReply reply) {
  auto shared = std::make_shared<const v1::RecordsReply>(std::move(reply));
  parts_.runtime.post(Lane::kWorkers, [this, peer, shared] {
    const auto network = parts_.members.network();
    const bool coordinator =
        network && *network && (*network)->coordinator() == to_string(peer->descriptor.fingerprint());
    const auto keys = parts_.envelope_keys();
    peer->ledger->accept(*shared, keys, coordinator, [this, peer](Result<ForeignLedger::Progress> progress) {
      parts_.runtime.post(Lane::kIo, [this, peer, progress = std::move(progress)] { taken(peer, progress); });
    });
  });
}

void Sync::taken(const PeerPtr& peer, Result<ForeignLedger::Progress> progress) {
  peer->busy = false;
  if (!progress && progress.error().rule == kQuorumMissingRule) return wait(peer, progress.error().message);
  if (!progress) return failed(peer, progress.error());
  peer->retry_ms = kRetryFirstMs;
  note(peer, [&](PeerStatus& status) {
    status.held = progress->held;
    status.head_size = progress->head_size;
    status.last_sync_ms = parts_.runtime.now_ms();
    status.last_error.clear();
  });
  if (!progress->complete() || peer->again) return pull(peer);
  watch(peer);
}

// Nobody lied and nothing is to be had: the next notice or the poll asks again over the same link.
void Sync::wait(const PeerPtr& peer, std::string why) {
  note(peer, [&](PeerStatus& status) { status.last_error = std::move(why); });
  watch(peer);
}

void Sync::watch(const PeerPtr& peer) {
  if (peer->watching || !peer->link || stopped_) return;
  peer->watching = true;
  poll(peer);
  const std::uint64_t conversation = peer->conversation;
  peer->link->watch(
      [this, peer, conversation](const v1::HeadNotice&) {
        if (peer->conversation == conversation) pull(peer);
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
  if (peer->link) peer->link->close();
  peer->link.reset();
  peer->busy = false;
  peer->watching = false;
  const std::uint64_t conversation = ++peer->conversation;
  note(peer, [&](PeerStatus& status) {
    status.connected = false;
    status.last_error = why.message;
  });
  const bool lied = why.rule.starts_with("feed/");
  const std::uint64_t delay = lied ? kRefusedRetryMs : peer->retry_ms;
  peer->retry_ms = std::min(peer->retry_ms * 2, kRetryLastMs);
  parts_.runtime.after(delay, Lane::kIo, [this, peer, conversation] {
    if (peer->conversation == conversation) connect(peer);
  });
}

}  // namespace tocsin::node
