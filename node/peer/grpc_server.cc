#include "node/peer/grpc_server.h"

#include <mutex>

#include <grpc/support/time.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

#include "node/peer/grpc_wire.h"
#include "tocsin/v1/peer.grpc.pb.h"

namespace tocsin::node {
namespace {

// Lives as long as any call of the link.
struct Caller {
  Runtime& runtime;
  PeerService& service;
  CallBudget& budget;
  const Hash fingerprint;
  std::atomic<int> calls = 0;
  std::atomic<int> watches = 0;
};
using CallerPtr = std::shared_ptr<Caller>;

bool take(std::atomic<int>& counter, int max) {
  if (counter.fetch_add(1) < max) return true;
  counter.fetch_sub(1);
  return false;
}

bool take_call(Caller& caller) {
  if (!take(caller.calls, kCallsPerLinkMax)) return false;
  if (take(caller.budget.calls, kCallsMax)) return true;
  caller.calls.fetch_sub(1);
  return false;
}

grpc::Status busy() {
  return {grpc::RESOURCE_EXHAUSTED, "too many calls at once; try again later"};
}

// One Hello, Records, Cosign or Held. gRPC owns a share until OnDone, the handler's task another.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  using Reply = std::function<void(Result<grpc::ByteBuffer>)>;
  using Answer = std::function<void(Caller&, const grpc::ByteBuffer& request, Reply reply)>;

  static grpc::ServerUnaryReactor* start(const CallerPtr& caller, grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request, grpc::ByteBuffer* reply,
                                         Answer answer) {
    const bool taken = take_call(*caller);
    const auto call = std::shared_ptr<UnaryCall>(new UnaryCall(caller, context, reply, taken));
    call->self_ = call;
    if (!taken) {
      call->finish(busy());
      return call.get();
    }
    // Given up by whoever drops the last copy without having answered: a stopped Runtime.
    const auto task = std::shared_ptr<UnaryCall>(call.get(), [call](UnaryCall*) {
      call->finish({grpc::UNAVAILABLE, "the node is stopping"});
    });
    caller->budget.turns.run(caller->fingerprint, [task, answer = std::move(answer), bytes = *request] {
      if (task->finished_) return;  // cancelled while it waited
      answer(*task->caller_, bytes,
             [task](Result<grpc::ByteBuffer> result) { task->finish_with(std::move(result)); });
    });
    caller->runtime.after(kReplyMs, Lane::kIo, [weak = std::weak_ptr<UnaryCall>(call)] {
      if (const auto late = weak.lock()) late->give_up();
    });
    return call.get();
  }

  void OnCancel() override { finish(grpc::Status::CANCELLED); }

  void OnDone() override {
    if (counted_) {
      caller_->calls.fetch_sub(1);
      caller_->budget.calls.fetch_sub(1);
    }
    std::shared_ptr<UnaryCall> last;
    const std::lock_guard lock(mu_);
    context_ = nullptr;
    last.swap(self_);
    // Released outside: `last` is destroyed after the lock.
  }

 private:
  UnaryCall(CallerPtr caller, grpc::CallbackServerContext* context, grpc::ByteBuffer* reply, bool counted)
      : caller_(std::move(caller)), counted_(counted), context_(context), reply_(reply) {}

  void finish(const grpc::Status& status) {
    if (!finished_.exchange(true)) Finish(status);
  }
  void finish_with(Result<grpc::ByteBuffer> result) {
    if (finished_.exchange(true)) return;
    if (!result) return Finish(to_grpc(result.error()));
    reply_->Swap(&*result);
    Finish(grpc::Status::OK);
  }
  void give_up() {
    const std::lock_guard lock(mu_);
    if (context_ != nullptr) context_->TryCancel();
  }

  const CallerPtr caller_;
  const bool counted_;
  std::atomic<bool> finished_ = false;
  std::mutex mu_;
  // Guarded by mu_: gRPC's, until OnDone.
  grpc::CallbackServerContext* context_;
  grpc::ByteBuffer* const reply_;  // gRPC's, until Finish
  std::shared_ptr<UnaryCall> self_;
};

// One Watch: the newest head that has not been sent, and one being sent.
class WatchCall final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  static grpc::ServerWriteReactor<grpc::ByteBuffer>* start(const CallerPtr& caller) {
    const bool taken = take(caller->watches, kWatchesPerLinkMax);
    const auto call = std::shared_ptr<WatchCall>(new WatchCall(caller, taken));
    call->self_ = call;
    if (!taken) {
      call->finish(busy());
      return call.get();
    }
    call->StartSendInitialMetadata();
    caller->runtime.post(Lane::kWorkers, [call] { call->subscribe(); });
    return call.get();
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mu_);
    writing_ = false;
    if (ok) send_newest();
  }

  void OnCancel() override { finish(grpc::Status::CANCELLED); }

  void OnDone() override {
    if (counted_) caller_->watches.fetch_sub(1);
    std::shared_ptr<WatchCall> last;
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(mu_);
      last.swap(self_);
      done_ = true;
      std::swap(id, watcher_id_);
    }
    if (id != 0) unsubscribe(caller_, id);
  }

 private:
  WatchCall(CallerPtr caller, bool counted) : caller_(std::move(caller)), counted_(counted) {}

  static void unsubscribe(const CallerPtr& caller, std::uint64_t id) {
    caller->runtime.post(Lane::kWorkers, [caller, id] { caller->service.remove_watcher(id); });
  }

  void subscribe() {
    const auto call = self();
    if (!call) return;
    const std::uint64_t id = caller_->service.add_watcher(
        caller_->fingerprint, [call](const v1::HeadNotice& notice) { call->notify(to_buffer(notice)); });
    bool gone = false;
    {
      const std::lock_guard lock(mu_);
      gone = done_;
      if (!gone) watcher_id_ = id;
    }
    if (gone) unsubscribe(caller_, id);
  }

  std::shared_ptr<WatchCall> self() {
    const std::lock_guard lock(mu_);
    return self_;
  }

  void notify(grpc::ByteBuffer notice) {
    const std::lock_guard lock(mu_);
    newest_ = std::move(notice);
    fresh_ = true;
    send_newest();
  }

  // Under mu_, so that no write follows the finish.
  void send_newest() {
    if (writing_ || finished_ || !fresh_) return;
    fresh_ = false;
    writing_ = true;
    sending_.Swap(&newest_);
    StartWrite(&sending_);
  }

  void finish(const grpc::Status& status) {
    const std::lock_guard lock(mu_);
    if (finished_) return;
    finished_ = true;
    Finish(status);
  }

  const CallerPtr caller_;
  const bool counted_;
  std::mutex mu_;
  // Guarded by mu_.
  std::shared_ptr<WatchCall> self_;
  std::uint64_t watcher_id_ = 0;
  grpc::ByteBuffer newest_;
  grpc::ByteBuffer sending_;
  bool fresh_ = false;
  bool writing_ = false;
  bool finished_ = false;
  bool done_ = false;
};

template <typename Request, typename Reply>
UnaryCall::Answer answer_by(Result<Reply> (PeerService::*handler)(const Hash&, const Request&)) {
  return [handler](Caller& caller, const grpc::ByteBuffer& bytes, const UnaryCall::Reply& reply) {
    reply([&]() -> Result<grpc::ByteBuffer> {
      Request request;
      TRY(from_buffer(bytes, request, kRequestMessageMax));
      TRY_ASSIGN(const Reply answer, (caller.service.*handler)(caller.fingerprint, request));
      return to_buffer(answer);
    }());
  };
}

// The answer comes when what it says is durable.
void answer_cosign(Caller& caller, const grpc::ByteBuffer& bytes, const UnaryCall::Reply& reply) {
  v1::CosignRequest request;
  if (const Status read = from_buffer(bytes, request, kRequestMessageMax); !read)
    return reply(fail(read.error()));
  caller.service.cosign(caller.fingerprint, request, [reply](Result<v1::CosignReply> answer) {
    if (!answer) return reply(fail(std::move(answer.error())));
    reply(to_buffer(*answer));
  });
}

using RawService = v1::PeerFeed::WithRawCallbackMethod_Hello<v1::PeerFeed::WithRawCallbackMethod_Records<
    v1::PeerFeed::WithRawCallbackMethod_Cosign<v1::PeerFeed::WithRawCallbackMethod_Held<
        v1::PeerFeed::WithRawCallbackMethod_Watch<v1::PeerFeed::Service>>>>>;

class Feed final : public RawService {
 public:
  explicit Feed(CallerPtr caller) : caller_(std::move(caller)) {}

  grpc::ServerUnaryReactor* Hello(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                  grpc::ByteBuffer* reply) override {
    return UnaryCall::start(caller_, context, request, reply, answer_by(&PeerService::hello));
  }
  grpc::ServerUnaryReactor* Records(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* reply) override {
    return UnaryCall::start(caller_, context, request, reply, answer_by(&PeerService::records));
  }
  grpc::ServerUnaryReactor* Cosign(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* reply) override {
    return UnaryCall::start(caller_, context, request, reply, answer_cosign);
  }
  grpc::ServerUnaryReactor* Held(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                 grpc::ByteBuffer* reply) override {
    return UnaryCall::start(caller_, context, request, reply, answer_by(&PeerService::held));
  }
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(grpc::CallbackServerContext*,
                                                    const grpc::ByteBuffer*) override {
    return WatchCall::start(caller_);
  }

 private:
  const CallerPtr caller_;
};

class GrpcServer final : public LinkServer {
 public:
  GrpcServer(CallerPtr caller, UniqueFd local) : feed_(std::move(caller)) {
    grpc::ChannelArguments settings;
    add_settings(settings);
    grpc::ServerBuilder builder;
    builder.RegisterService(&feed_);
    builder.SetMaxReceiveMessageSize(kRequestMessageMax);
    const grpc_channel_args arguments = settings.c_channel_args();
    for (std::size_t i = 0; i < arguments.num_args; ++i)
      if (arguments.args[i].type == GRPC_ARG_INTEGER)
        builder.AddChannelArgument(arguments.args[i].key, arguments.args[i].value.integer);
    // A caller sends little: the smallest window, and few calls.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 64 * 1024);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsAnnounced);
    server_ = builder.BuildAndStart();
    CHECK_INVARIANT(server_ != nullptr);
    grpc::AddInsecureChannelFromFd(server_.get(), local.release());
  }
  ~GrpcServer() override { server_->Shutdown(gpr_time_from_millis(0, GPR_TIMESPAN)); }

 private:
  Feed feed_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

std::unique_ptr<LinkServer> make_grpc_server(Runtime& runtime, PeerService& service, CallBudget& budget,
                                             const Hash& caller, UniqueFd local) {
  keep_grpc_threads();
  auto shared = std::shared_ptr<Caller>(new Caller{runtime, service, budget, caller});
  return std::make_unique<GrpcServer>(std::move(shared), std::move(local));
}

}  // namespace tocsin::node
