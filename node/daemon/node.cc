#include "node/daemon/node.h"

#include "node/daemon/node_parts.h"
#include "node/log/log.h"

namespace tocsin::node {

Status Node::Parts::open() {
  TRY(open_store());
  if (store->quarantine()) return open_quarantined(*store->quarantine());
  state.enter(NodeState::kVerifying);
  if (const Status opened = open_ledger(); !opened)
    return opened.error().code == Code::kDataLoss ? open_quarantined(opened.error()) : opened;
  TRY(open_port());
  if (const auto why = look_again()) return open_again_quarantined(*why);
  TRY(open_peers());
  TRY(open_read_plane());
  TRY(open_http());
  state.enter(NodeState::kServing);
  return {};
}

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<Node>> Node::open(const Config& config, std::function<void()> wake) {
  for (;;) {
    std::unique_ptr<Node> node(new Node(std::make_unique<Parts>(config, wake)));
    Parts& parts = *node->parts_;
    TRY(parts.open());
    if (parts.open_again) continue;
    if (parts.quarantined) return node;
    log_event(LogLevel::kInfo, "node.serving",
              {{"name", parts.descriptor().name()},
               {"peer_port", node->peer_port()},
               {"http_port", node->http_port()},
               {"read_port", node->read_port()},
               {"ledger", parts.ledger->size()}});
    return node;
  }
}

Node::~Node() {
  stop();
}

std::uint16_t Node::peer_port() const {
  return parts_->peer_port;
}
std::uint16_t Node::http_port() const {
  return parts_->http_port;
}
std::uint16_t Node::read_port() const {
  return parts_->read_plane ? parts_->read_plane->port() : std::uint16_t{0};
}

// No new work from people, then none from peers; the runtime finishes what reached the sequencer.
void Node::stop() {
  if (parts_->stopping.exchange(true)) return;
  if (parts_->http) parts_->http->stop();
  if (parts_->read_plane) parts_->read_plane->stop();
  if (parts_->upkeep) parts_->upkeep->stop();
  if (parts_->witnessed) parts_->witnessed->stop();
  if (parts_->gossip) parts_->gossip->stop();
  if (parts_->outside) parts_->outside->stop();
  if (parts_->sync) parts_->sync->stop();
  if (parts_->repair) parts_->repair->stop();
  if (parts_->port) parts_->port->stop();
  parts_->runtime.stop();
}

}  // namespace tocsin::node
