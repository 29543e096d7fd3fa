#pragma once
// A bare gRPC stream over loopback: what the same bytes cost with no TLS of ours, no proof and no store.
//
// The sender is a process of its own, as a peer's node is.

#include <cstdint>

namespace tocsin::bench {

// The sender's side: listens on a free port of loopback, prints it, streams to the one caller, ends.
int serve_bare_stream(std::uint64_t bytes, std::uint64_t message_bytes);
// Seconds from the call to the last message of such a stream, sent by a new process of `program`.
double time_bare_stream(const char* program, std::uint64_t bytes, std::uint64_t message_bytes);

}  // namespace tocsin::bench
