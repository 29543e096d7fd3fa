#include "node/peer/feed_service.h"

#include <vector>

namespace tocsin::node {

Result<v1::HelloReply> FeedService::hello(const Hash& caller, const v1::HelloRequest& request) {
  if (request.protocol() != kProtocolVersion)
    return fail(Code::kUnimplemented, "this node speaks protocol version 1", "peer/version");
  if (gossip_ != nullptr) {
    gossip_->heard(caller, request.gossip());
    if (!request.has_gossip()) gossip_->saw(caller, request.checkpoint());
  }
  v1::HelloReply reply;
  if (gossip_ != nullptr) *reply.mutable_gossip() = gossip_->carry(caller);
  reply.set_protocol(kProtocolVersion);
  reply.set_software(kSoftware);
  if (const auto published = owner_.published(ledger_.size(), 0); published.checkpoint)
    reply.set_checkpoint(*published.checkpoint);
  return reply;
}

Result<v1::RecordsReply> FeedService::records(const Hash& caller, const v1::RecordsRequest& request) {
  if (gossip_ != nullptr) gossip_->heard(caller, request.gossip());
  TRY_ASSIGN(v1::RecordsReply reply, owner_.records(caller, request));
  if (gossip_ != nullptr) *reply.mutable_gossip() = gossip_->carry(caller);
  return reply;
}

void FeedService::cosign(const Hash&, const v1::CosignRequest& request, CosignDone done) {
  if (cosigner_ == nullptr)
    return done(fail(Code::kUnimplemented, "this node cosigns nothing", "witness/none"));
  cosigner_->add_checkpoint(request.body(), [done = std::move(done)](CosignAnswer answer) {
    v1::CosignReply reply;
    reply.set_status(answer.status);
    reply.set_body(std::move(answer.body));
    reply.set_held(std::move(answer.held));
    done(std::move(reply));
  });
}

Result<v1::HeldReply> FeedService::held(const Hash& caller, const v1::HeldRequest& request) {
  if (kept_ == nullptr) return PeerService::held(caller, request);
  return kept_->held(caller, request);
}

v1::HeadNotice FeedService::notice_for(const Hash& caller, const std::string& checkpoint) const {
  v1::HeadNotice notice;
  notice.set_checkpoint(checkpoint);
  if (gossip_ != nullptr) *notice.mutable_gossip() = gossip_->carry(caller);
  return notice;
}

std::uint64_t FeedService::add_watcher(const Hash& caller, OnHead on_head) {
  if (const auto published = owner_.published(ledger_.size(), 0); published.checkpoint)
    on_head(notice_for(caller, *published.checkpoint));
  std::lock_guard lock(mu_);
  watchers_.emplace(next_watcher_, Watcher{caller, std::move(on_head)});
  return next_watcher_++;
}

void FeedService::remove_watcher(std::uint64_t id) {
  std::lock_guard lock(mu_);
  watchers_.erase(id);
}

void FeedService::moved_on(const std::string& checkpoint) {
  std::vector<Watcher> told;
  {
    std::lock_guard lock(mu_);
    for (const auto& [id, watcher] : watchers_) told.push_back(watcher);
  }
  for (const Watcher& watcher : told) watcher.on_head(notice_for(watcher.caller, checkpoint));
}

}  // namespace tocsin::node
