#include "node/recovery/held_calls.h"

namespace tocsin::node {

void HeldCalls::ask(const protocol::ValidDescriptor& peer, const v1::HeldRequest& request,
                    PeerLink::Done<v1::HeldReply> done) {
  const Hash id = peer.fingerprint();
  if (stopped_) return;
  if (links_.contains(id)) return send(id, request, std::move(done));
  connect_(peer, [this, id, request, done = std::move(done)](Result<std::shared_ptr<PeerLink>> link) {
    runtime_.post(Lane::kIo, [this, id, request, done, link = std::move(link)] {
      if (stopped_) {
        if (link) (*link)->close();
        return;
      }
      if (!link) return done(fail(link.error()));
      links_[id] = *link;
      send(id, request, done);
    });
  });
}

void HeldCalls::send(const Hash& peer, const v1::HeldRequest& request, PeerLink::Done<v1::HeldReply> done) {
  links_.at(peer)->held(request, [this, peer, done = std::move(done)](Result<v1::HeldReply> reply) {
    if (stopped_) return;
    // Whatever went wrong, the next question starts over.
    if (!reply)
      if (const auto link = links_.extract(peer); !link.empty()) link.mapped()->close();
    done(std::move(reply));
  });
}

void HeldCalls::stop() {
  stopped_ = true;
  for (const auto& [peer, link] : links_) link->close();
  links_.clear();
}

}  // namespace tocsin::node
