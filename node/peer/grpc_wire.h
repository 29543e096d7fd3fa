#pragma once
// What the two gRPC ends share: method names, limits, channel settings, and messages to and from byte
// buffers.
//
// Messages cross as raw bytes and are parsed by us, after counting their elements: gRPC would parse first.
// Include only from node/peer's own .cc files: it carries gRPC's headers.

#include <string>

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/status.h>

#include "crypto/base/result.h"

namespace tocsin::node {

inline constexpr const char* kHelloMethod = "/tocsin.v1.PeerFeed/Hello";
inline constexpr const char* kRecordsMethod = "/tocsin.v1.PeerFeed/Records";
inline constexpr const char* kCosignMethod = "/tocsin.v1.PeerFeed/Cosign";
inline constexpr const char* kHeldMethod = "/tocsin.v1.PeerFeed/Held";
inline constexpr const char* kWatchMethod = "/tocsin.v1.PeerFeed/Watch";

// A page is at most 4 MiB of leaves and openings by request; proofs and a checkpoint stand beside it.
inline constexpr int kReplyMessageMax = 8 * 1024 * 1024;
// Requests are numbers and at most two checkpoints, or a checkpoint to be cosigned with its proof.
inline constexpr int kRequestMessageMax = 32 * 1024;
inline constexpr int kNoticeMessageMax = 32 * 1024;
// What we announce; the frame guard's kStreamsOpenMax catches who ignores it.
inline constexpr int kStreamsAnnounced = 32;
// Fixed, because gRPC's probing would send PINGs and enlarge frames.
inline constexpr int kWindowBytes = 4 * 1024 * 1024;
inline constexpr int kMetadataBytesMax = 8 * 1024;

// Settings of both ends: no compression (a bomb is inflated before its size is asked), no probing, no
// retries.
void add_settings(grpc::ChannelArguments& arguments);

// Call before gRPC is used: keeps gRPC's callback threads until the process ends. gRPC 1.51 stops them with
// the last channel or server, and when that one goes on such a thread the thread would wait for itself and
// run on in freed memory.
void keep_grpc_threads();

grpc::ByteBuffer to_buffer(const google::protobuf::Message& message);
Status from_buffer(const grpc::ByteBuffer& buffer, google::protobuf::Message& message, int bytes_max);

grpc::Status to_grpc(const Error& error);
Error from_grpc(const grpc::Status& status);

}  // namespace tocsin::node
