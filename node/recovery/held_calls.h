#pragma once
// HeldCalls: questions to peers what they hold of our ledger, each peer over one link that is kept while it
// lasts.
//
// Concurrency: Lane::kIo alone; `done` comes on Lane::kIo, once, unless stop() came before. Outlives the
// Runtime's lanes.

#include <map>
#include <memory>

#include "node/peer/sync.h"

namespace tocsin::node {

class HeldCalls {
 public:
  HeldCalls(Runtime& runtime, Sync::Connect connect) : runtime_(runtime), connect_(std::move(connect)) {}
  void ask(const protocol::ValidDescriptor& peer, const v1::HeldRequest& request,
           PeerLink::Done<v1::HeldReply> done);
  void stop();

 private:
  void send(const Hash& peer, const v1::HeldRequest& request, PeerLink::Done<v1::HeldReply> done);

  Runtime& runtime_;
  const Sync::Connect connect_;
  bool stopped_ = false;
  std::map<Hash, std::shared_ptr<PeerLink>> links_;
};

}  // namespace tocsin::node
