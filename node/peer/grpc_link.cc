#include "node/peer/grpc_link.h"

#include <mutex>
#include <set>

#include <grpc/support/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>

#include "node/peer/grpc_wire.h"

namespace tocsin::node {
namespace {

// The contexts of calls that go on, so that close() reaches them.
class Outstanding {
 public:
  void add(grpc::ClientContext& context) {
    const std::lock_guard lock(mu_);
    if (closed_) context.TryCancel();
    contexts_.insert(&context);
  }
  void remove(grpc::ClientContext& context) {
    const std::lock_guard lock(mu_);
    contexts_.erase(&context);
  }
  void close() {
    const std::lock_guard lock(mu_);
    closed_ = true;
    for (grpc::ClientContext* context : contexts_) context->TryCancel();
  }
  bool closed() const {
    const std::lock_guard lock(mu_);
    return closed_;
  }

 private:
  mutable std::mutex mu_;
  bool closed_ = false;
  std::set<grpc::ClientContext*> contexts_;
};

// What calls need and keep alive: they may outlast the link that began them.
struct Shared {
  explicit Shared(Runtime& runtime_of, std::shared_ptr<grpc::Channel> channel)
      : runtime(runtime_of), stub(std::move(channel)) {}
  Runtime& runtime;
  grpc::GenericStub stub;
  Outstanding outstanding;
};
using SharedPtr = std::shared_ptr<Shared>;

void set_deadline(grpc::ClientContext& context, std::uint64_t after_ms) {
  context.set_deadline(gpr_time_from_millis(static_cast<std::int64_t>(after_ms), GPR_TIMESPAN));
}

template <typename Reply>
struct Unary {
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer reply;
  PeerLink::Done<Reply> done;
};

template <typename Reply>
Result<Reply> read_reply(const grpc::Status& status, const grpc::ByteBuffer& buffer) {
  if (!status.ok()) return fail(from_grpc(status));
  Reply reply;
  TRY(from_buffer(buffer, reply, kReplyMessageMax));
  return reply;
}

template <typename Reply>
void call(const SharedPtr& shared, const char* method, const google::protobuf::Message& request,
          std::uint64_t deadline_ms, PeerLink::Done<Reply> done) {
  auto state = std::make_shared<Unary<Reply>>();
  state->request = to_buffer(request);
  state->done = std::move(done);
  set_deadline(state->context, deadline_ms);
  shared->outstanding.add(state->context);
  shared->stub.UnaryCall(
      &state->context, method, {}, &state->request, &state->reply,
      [shared, state](const grpc::Status& status) {
        shared->outstanding.remove(state->context);
        auto result = std::make_shared<Result<Reply>>(read_reply<Reply>(status, state->reply));
        shared->runtime.post(Lane::kIo, [state, result] { state->done(std::move(*result)); });
      });
}

struct Watcher {
  PeerLink::OnHead on_head;
  PeerLink::OnEnd on_end;
};

// One period of a watch. gRPC owns it from start() to OnDone; a hold keeps it while a notice waits for its
// receiver.
class WatchCall final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  static void start(const SharedPtr& shared, std::shared_ptr<Watcher> watcher) {
    auto* call = new WatchCall(shared, std::move(watcher));
    shared->outstanding.add(call->context_);
    shared->stub.PrepareBidiStreamingCall(&call->context_, kWatchMethod, {}, call);
    call->StartWriteLast(&call->request_, grpc::WriteOptions());
    call->StartRead(&call->notice_);
    call->StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    v1::HeadNotice notice;
    if (const Status read = from_buffer(notice_, notice, kNoticeMessageMax); !read) {
      broken_ = read.error();
      context_.TryCancel();
      return;
    }
    AddHold();
    // The next one is read when this one has been taken, or when a stopped Runtime has thrown it away.
    auto turn = std::shared_ptr<WatchCall>(this, [](WatchCall* call) {
      call->StartRead(&call->notice_);
      call->RemoveHold();
    });
    shared_->runtime.post(
        Lane::kIo, [turn, watcher = watcher_, notice = std::move(notice)] { watcher->on_head(notice); });
  }

  void OnDone(const grpc::Status& status) override {
    shared_->outstanding.remove(context_);
    const bool renew =
        status.error_code() == grpc::DEADLINE_EXCEEDED && !broken_ && !shared_->outstanding.closed();
    if (renew) {
      start(shared_, watcher_);
    } else {
      Error error = broken_ ? *broken_ : from_grpc(status);
      if (status.ok() && !broken_) error = {Code::kUnavailable, "the peer ended the watch", "peer/call"};
      shared_->runtime.post(Lane::kIo,
                            [watcher = watcher_, error = std::move(error)] { watcher->on_end(error); });
    }
    delete this;
  }

 private:
  WatchCall(SharedPtr shared, std::shared_ptr<Watcher> watcher)
      : shared_(std::move(shared)), watcher_(std::move(watcher)), request_(to_buffer(v1::WatchRequest())) {
    set_deadline(context_, kWatchMs);
  }

  const SharedPtr shared_;
  const std::shared_ptr<Watcher> watcher_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer notice_;
  std::optional<Error> broken_;
};

class GrpcPeerLink final : public PeerLink {
 public:
  explicit GrpcPeerLink(SharedPtr shared) : shared_(std::move(shared)) {}
  ~GrpcPeerLink() override { close(); }

  void hello(const v1::HelloRequest& request, Done<v1::HelloReply> done) override {
    call<v1::HelloReply>(shared_, kHelloMethod, request, kHelloMs, std::move(done));
  }
  void records(const v1::RecordsRequest& request, Done<v1::RecordsReply> done) override {
    call<v1::RecordsReply>(shared_, kRecordsMethod, request, kRecordsMs, std::move(done));
  }
  void cosign(const v1::CosignRequest& request, Done<v1::CosignReply> done) override {
    call<v1::CosignReply>(shared_, kCosignMethod, request, kCosignMs, std::move(done));
  }
  void held(const v1::HeldRequest& request, Done<v1::HeldReply> done) override {
    call<v1::HeldReply>(shared_, kHeldMethod, request, kRecordsMs, std::move(done));
  }
  void watch(OnHead on_head, OnEnd on_end) override {
    WatchCall::start(shared_, std::make_shared<Watcher>(Watcher{std::move(on_head), std::move(on_end)}));
  }
  void close() override { shared_->outstanding.close(); }

 private:
  const SharedPtr shared_;
};

}  // namespace

std::unique_ptr<PeerLink> make_grpc_link(Runtime& runtime, UniqueFd local) {
  keep_grpc_threads();
  grpc::ChannelArguments arguments;
  add_settings(arguments);
  arguments.SetMaxReceiveMessageSize(kReplyMessageMax);
  auto channel = grpc::CreateCustomInsecureChannelFromFd("peer", local.release(), arguments);
  return std::make_unique<GrpcPeerLink>(std::make_shared<Shared>(runtime, std::move(channel)));
}

}  // namespace tocsin::node
