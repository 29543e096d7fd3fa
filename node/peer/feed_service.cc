#include "node/peer/feed_service.h"

#include <vector>

namespace tocsin::node {

Result<v1::HelloReply> FeedService::hello(const Hash&, const v1::HelloRequest& request) {
  if (request.protocol() != kProtocolVersion)
    return fail(Code::kUnimplemented, "this node speaks protocol version 1", "peer/version");
  v1::HelloReply reply;
  reply.set_protocol(kProtocolVersion);
  reply.set_software(kSoftware);
  if (const auto published = owner_.published(ledger_.size()); published.checkpoint)
    reply.set_checkpoint(*published.checkpoint);
  return reply;
}

Result<v1::RecordsReply> FeedService::records(const Hash& caller, const v1::RecordsRequest& request) {
  return owner_.records(caller, request);
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

std::uint64_t FeedService::add_watcher(const Hash&, OnHead on_head) {
  v1::HeadNotice notice;
  if (const auto published = owner_.published(ledger_.size()); published.checkpoint) {
    notice.set_checkpoint(*published.checkpoint);
    on_head(notice);
  }
  std::lock_guard lock(mu_);
  watchers_.emplace(next_watcher_, std::move(on_head));
  return next_watcher_++;
}

void FeedService::remove_watcher(std::uint64_t id) {
  std::lock_guard lock(mu_);
  watchers_.erase(id);
}

void FeedService::moved_on(const std::string& checkpoint) {
  v1::HeadNotice notice;
  notice.set_checkpoint(checkpoint);
  std::vector<OnHead> told;
  {
    std::lock_guard lock(mu_);
    for (const auto& [id, on_head] : watchers_) told.push_back(on_head);
  }
  for (const OnHead& on_head : told) on_head(notice);
}

}  // namespace tocsin::node
