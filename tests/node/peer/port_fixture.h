#pragma once
// Nodes with real ports on loopback, and ways to wait for what happens there.

#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <vector>

#include "crypto/base/encoding.h"
#include "node/peer/peer_port.h"
#include "node/runtime/asio_runtime.h"
#include "tests/node/peer/node_fixture.h"
#include "tests/support/catch.h"

namespace tocsin::node {

inline constexpr std::chrono::seconds kPatience{20};

// One value that another thread brings.
template <typename T>
class Awaited {
 public:
  std::function<void(T)> setter() {
    return [promise = promise_](T value) { promise->set_value(std::move(value)); };
  }
  T get() {
    if (future_.wait_for(kPatience) != std::future_status::ready) throw std::runtime_error("nothing came");
    return future_.get();
  }

 private:
  std::shared_ptr<std::promise<T>> promise_ = std::make_shared<std::promise<T>>();
  std::future<T> future_ = promise_->get_future();
};

// Values that other threads bring, in order.
template <typename T>
class Mailbox {
 public:
  void put(T value) {
    const std::lock_guard lock(mu_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }
  // The first value, from those already taken on, that `wanted` accepts.
  template <typename Wanted>
  T await(Wanted wanted) {
    std::unique_lock lock(mu_);
    std::size_t at = taken_;
    const bool found = changed_.wait_for(lock, kPatience, [&] {
      while (at < values_.size() && !wanted(values_[at])) ++at;
      return at < values_.size();
    });
    if (!found) throw std::runtime_error("nothing of the kind came");
    taken_ = at + 1;
    return values_[at];
  }
  T next() {
    return await([](const T&) { return true; });
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  std::vector<T> values_;
  std::size_t taken_ = 0;
};

// Answers with who asked; heads are announced by hand.
class EchoService final : public PeerService {
 public:
  Result<v1::HelloReply> hello(const Hash& caller, const v1::HelloRequest& request) override {
    if (request.software() == "refuse me") return fail(Code::kPermissionDenied, "refused as asked");
    if (request.software() == "wait") {
      std::unique_lock lock(mu_);
      ++waiting_;
      changed_.notify_all();
      changed_.wait_for(lock, kPatience, [&] { return released_; });
    }
    v1::HelloReply reply;
    reply.set_software(hex_encode(caller));
    return reply;
  }
  Result<v1::RecordsReply> records(const Hash&, const v1::RecordsRequest& request) override {
    v1::RecordsReply reply;
    reply.set_from(request.from());
    reply.set_leaves(std::string(request.max_bytes(), 'x'));
    for (std::uint64_t i = 0; i < request.known_size(); ++i) reply.add_to_checkpoint("");
    return reply;
  }
  void cosign(const Hash& caller, const v1::CosignRequest& request, CosignDone done) override {
    if (request.body() == "refuse me") return done(fail(Code::kPermissionDenied, "refused as asked"));
    v1::CosignReply reply;
    reply.set_status(409);
    reply.set_body(hex_encode(caller));
    reply.set_held(request.body());
    done(std::move(reply));
  }
  std::uint64_t add_watcher(const Hash&, OnHead on_head) override {
    v1::HeadNotice notice;
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(mu_);
      id = ++last_id_;
      watchers_[id] = on_head;
      notice.set_checkpoint(head_);
      changed_.notify_all();
    }
    on_head(notice);
    return id;
  }
  void remove_watcher(std::uint64_t id) override {
    const std::lock_guard lock(mu_);
    watchers_.erase(id);
    changed_.notify_all();
  }

  void announce(const std::string& head) {
    v1::HeadNotice notice;
    notice.set_checkpoint(head);
    const std::lock_guard lock(mu_);
    head_ = head;
    for (const auto& [id, on_head] : watchers_) on_head(notice);
  }
  bool await_watchers(std::size_t count) {
    std::unique_lock lock(mu_);
    return changed_.wait_for(lock, kPatience, [&] { return watchers_.size() == count; });
  }
  bool await_waiting(int count) {
    std::unique_lock lock(mu_);
    return changed_.wait_for(lock, kPatience, [&] { return waiting_ >= count; });
  }
  void release() {
    const std::lock_guard lock(mu_);
    released_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, OnHead> watchers_;
  std::string head_ = "head 0";
  int waiting_ = 0;
  bool released_ = false;
};

// A node that listens on loopback.
class PortNode {
 public:
  explicit PortNode(std::uint8_t byte, JoinHandler join = {}) : fixture(byte), runtime(12) {
    PeerHooks hooks;
    hooks.judge = [this](const PeerCertificate& peer) { return judge(peer); };
    hooks.event = [this](const LinkEvent& event) { events.put(event); };
    hooks.join = std::move(join);
    hooks.calls_at_once = {12, 8};
    port = *PeerPort::open(runtime, service, fixture.identity(), std::move(hooks));
    address = "127.0.0.1:" + std::to_string(*port->listen("127.0.0.1:0"));
  }
  ~PortNode() {
    service.release();
    port->stop();
    runtime.stop();
  }

  DialTarget target() const { return {address, fixture.fingerprint()}; }
  void pin(const NodeFixture& node, Pin as = {}) {
    const std::lock_guard lock(mu_);
    pins_[node.fingerprint()] = as;
  }
  Result<std::shared_ptr<PeerLink>> connect(const DialTarget& to) {
    auto promise = std::make_shared<std::promise<Result<std::shared_ptr<PeerLink>>>>();
    auto future = promise->get_future();
    port->connect(to, [promise](Result<std::unique_ptr<PeerLink>> link) {
      if (link) {
        promise->set_value(std::shared_ptr<PeerLink>(std::move(*link)));
      } else {
        promise->set_value(fail(link.error()));
      }
    });
    if (future.wait_for(kPatience) != std::future_status::ready) throw std::runtime_error("no link");
    return future.get();
  }
  LinkEvent await_event(LinkEvent::Kind kind) {
    return events.await([&](const LinkEvent& event) { return event.kind == kind; });
  }

  NodeFixture fixture;
  EchoService service;
  AsioRuntime runtime;
  Mailbox<LinkEvent> events;
  std::unique_ptr<PeerPort> port;
  std::string address;

 private:
  LinkVerdict judge(const PeerCertificate& peer) {
    const std::lock_guard lock(mu_);
    const auto found = pins_.find(peer.fingerprint);
    return admit(peer, found == pins_.end() ? std::nullopt : std::optional<Pin>(found->second),
                 runtime.now_ms());
  }
  std::mutex mu_;
  std::map<Hash, Pin> pins_;
};

inline void introduce(PortNode& a, PortNode& b) {
  a.pin(b.fixture);
  b.pin(a.fixture);
}

inline Result<v1::HelloReply> say_hello(PeerLink& link, const std::string& software = "test") {
  v1::HelloRequest request;
  request.set_software(software);
  Awaited<Result<v1::HelloReply>> reply;
  link.hello(request, reply.setter());
  auto result = reply.get();
  if (!result) UNSCOPED_INFO("hello: " << result.error().message);
  return result;
}

inline Result<v1::RecordsReply> get_records(PeerLink& link, std::uint32_t bytes, std::uint64_t proofs = 0) {
  v1::RecordsRequest request;
  request.set_max_bytes(bytes);
  request.set_known_size(proofs);
  Awaited<Result<v1::RecordsReply>> reply;
  link.records(request, reply.setter());
  return reply.get();
}

}  // namespace tocsin::node
