#include "tests/bench/bare_stream.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/server_builder.h>

#include "tests/bench/child_process.h"
#include "tocsin/v1/peer.grpc.pb.h"

namespace tocsin::bench {
namespace {

class Sender final : public v1::PeerFeed::Service {
 public:
  Sender(std::uint64_t bytes, std::uint64_t message_bytes) : left_(bytes), message_bytes_(message_bytes) {}

  grpc::Status Watch(grpc::ServerContext*, const v1::WatchRequest*,
                     grpc::ServerWriter<v1::HeadNotice>* writer) override {
    v1::HeadNotice notice;
    notice.set_checkpoint(std::string(message_bytes_, 'x'));
    while (left_ > 0) {
      if (left_ < message_bytes_) notice.set_checkpoint(std::string(left_, 'x'));
      if (!writer->Write(notice)) break;
      left_ -= std::min(left_, message_bytes_);
    }
    finished_.set_value();
    return grpc::Status::OK;
  }
  std::promise<void>& finished() { return finished_; }

 private:
  std::uint64_t left_;
  const std::uint64_t message_bytes_;
  std::promise<void> finished_;
};

}  // namespace

int serve_bare_stream(std::uint64_t bytes, std::uint64_t message_bytes) {
  Sender sender(bytes, message_bytes);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&sender);
  const auto server = builder.BuildAndStart();
  std::printf("%d\n", port);
  std::fflush(stdout);
  sender.finished().get_future().wait();
  server->Shutdown();
  return 0;
}

double time_bare_stream(const char* program, std::uint64_t bytes, std::uint64_t message_bytes) {
  Child sender({program, "--bare-sender", std::to_string(bytes), std::to_string(message_bytes)});
  const std::string port = sender.await_line("");
  grpc::ChannelArguments settings;
  settings.SetMaxReceiveMessageSize(64 << 20);
  const auto channel =
      grpc::CreateCustomChannel("127.0.0.1:" + port, grpc::InsecureChannelCredentials(), settings);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(20))) std::abort();
  const auto stub = v1::PeerFeed::NewStub(channel);
  grpc::ClientContext context;
  const auto start = std::chrono::steady_clock::now();
  const auto reader = stub->Watch(&context, v1::WatchRequest());
  v1::HeadNotice notice;
  std::uint64_t got = 0;
  while (reader->Read(&notice)) got += notice.checkpoint().size();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (!reader->Finish().ok() || got != bytes) std::abort();
  return took.count();
}

}  // namespace tocsin::bench
