#pragma once
// PeerLink and PeerService: the two ends of one call between nodes. One of the three determinism seams
// (ARCHITECTURE.md): over gRPC in the daemon, in memory in the simulator.
//
// The link has authenticated both nodes: a caller is named by its root fingerprint and no message says who it
// is. Errors carry gRPC's codes: kUnavailable (link gone), kDeadlineExceeded, kResourceExhausted (limits),
// kInvalidArgument (the peer sent what does not parse), kCancelled (closed here), or what the peer's service
// said. Source: SPEC §7; protocol/proto/tocsin/v1/peer.proto.

#include <cstdint>
#include <functional>

#include "crypto/base/bytes.h"
#include "tocsin/v1/peer.pb.h"

namespace tocsin::node {

// A link to one peer. Any thread may call; callbacks come on Lane::kIo, each `done` exactly once, also after
// close(), unless the Runtime has stopped.
class PeerLink {
 public:
  template <typename Reply>
  using Done = std::function<void(Result<Reply>)>;
  using OnHead = std::function<void(const v1::HeadNotice&)>;
  using OnEnd = std::function<void(const Error&)>;

  virtual ~PeerLink() = default;
  virtual void hello(const v1::HelloRequest& request, Done<v1::HelloReply> done) = 0;
  virtual void records(const v1::RecordsRequest& request, Done<v1::RecordsReply> done) = 0;
  virtual void cosign(const v1::CosignRequest& request, Done<v1::CosignReply> done) = 0;
  // What the peer holds of our own ledger; kUnimplemented from a peer that runs older software.
  virtual void held(const v1::HeldRequest& request, Done<v1::HeldReply> done) = 0;
  // The peer's heads, its present one first, until on_end is called once. A slow receiver gets the newest,
  // not each.
  virtual void watch(OnHead on_head, OnEnd on_end) = 0;
  // Ends what is outstanding with kCancelled.
  virtual void close() = 0;
};

// What a node answers. Calls come on Lane::kWorkers, in parallel; it outlives the Runtime's lanes.
class PeerService {
 public:
  using OnHead = PeerLink::OnHead;

  using CosignDone = std::function<void(Result<v1::CosignReply>)>;

  virtual ~PeerService() = default;
  virtual Result<v1::HelloReply> hello(const Hash& caller, const v1::HelloRequest& request) = 0;
  virtual Result<v1::RecordsReply> records(const Hash& caller, const v1::RecordsRequest& request) = 0;
  // `done` on any thread, once, unless the Runtime has stopped.
  virtual void cosign(const Hash& caller, const v1::CosignRequest& request, CosignDone done) = 0;
  virtual Result<v1::HeldReply> held(const Hash&, const v1::HeldRequest&) {
    return fail(Code::kUnimplemented, "this node keeps no ledgers", "peer/held");
  }
  // Calls on_head soon with the present head and then with each new one, from any thread; on_head never
  // blocks. The id is never 0.
  virtual std::uint64_t add_watcher(const Hash& caller, OnHead on_head) = 0;
  // on_head may still be called once while this returns; later calls are harmless.
  virtual void remove_watcher(std::uint64_t id) = 0;
};

}  // namespace tocsin::node
