#include "node/peer/grpc_wire.h"

#include <vector>

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/slice.h>

#include "node/peer/link_opening.h"
#include "protocol/wire/prescan.h"
#include "tocsin/v1/peer.grpc.pb.h"

namespace tocsin::node {

void add_settings(grpc::ChannelArguments& arguments) {
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kWindowBytes);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE);
}

void keep_grpc_threads() {
  // Never destroyed: both are reachable to the end, and no link leads to this server.
  static grpc::Server* const keeper = [] {
    static auto* const unimplemented = new v1::PeerFeed::CallbackService();
    grpc::ServerBuilder builder;
    builder.RegisterService(unimplemented);
    return builder.BuildAndStart().release();
  }();
  CHECK_INVARIANT(keeper != nullptr);
}

grpc::ByteBuffer to_buffer(const google::protobuf::Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

Status from_buffer(const grpc::ByteBuffer& buffer, google::protobuf::Message& message, int bytes_max) {
  std::vector<grpc::Slice> slices;
  const auto limit = static_cast<std::size_t>(bytes_max);
  if (buffer.Valid() && buffer.Length() > limit)
    return fail(Code::kResourceExhausted, "message too large", "wire/size");
  if (buffer.Valid() && !buffer.Dump(&slices).ok())
    return fail(Code::kInvalidArgument, "message cannot be read", "wire/format");
  std::string bytes;
  bytes.reserve(buffer.Valid() ? buffer.Length() : 0);
  for (const grpc::Slice& slice : slices)
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return protocol::parse_untrusted(as_view(bytes), message, {limit});
}

grpc::Status to_grpc(const Error& error) {
  return {static_cast<grpc::StatusCode>(error.code), error.message.substr(0, kReasonBytesMax)};
}

Error from_grpc(const grpc::Status& status) {
  const int code = status.error_code();
  std::string message = printable(as_view(status.error_message()));
  return {code >= 1 && code <= 16 ? static_cast<Code>(code) : Code::kUnknown, std::move(message),
          "peer/call"};
}

}  // namespace tocsin::node
