#pragma once
// HTTP/2 bytes made by hand, for tests that attack.

#include <string_view>

#include "crypto/base/encoding.h"

namespace tocsin::node::frames {

inline constexpr std::uint8_t kData = 0, kHeaders = 1, kPriority = 2, kRst = 3, kSettings = 4, kPush = 5,
                              kPing = 6, kWindowUpdate = 8, kContinuation = 9;
inline constexpr std::uint8_t kEndStream = 1, kEndHeaders = 4;

inline Bytes preface() {
  return to_bytes(as_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
}

inline Bytes frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, ByteView payload = {}) {
  Bytes out;
  append_be(out, static_cast<std::uint32_t>(payload.size()) << 8 | type);
  out.push_back(flags);
  append_be(out, stream);
  append(out, payload);
  return out;
}
inline Bytes settings() {
  return frame(kSettings, 0, 0);
}
inline Bytes greeting() {
  Bytes out = preface();
  append(out, settings());
  return out;
}
inline Bytes rst(std::uint32_t stream) {
  return frame(kRst, 0, stream, Bytes(4, 8));
}
inline Bytes ping() {
  return frame(kPing, 0, 0, Bytes(8, 1));
}
inline Bytes window_update(std::uint32_t stream) {
  return frame(kWindowUpdate, 0, stream, Bytes{0, 0, 0, 1});
}

// An HPACK literal without indexing, new name.
inline void header(Bytes& block, std::string_view name, std::string_view value) {
  block.push_back(0x00);
  block.push_back(static_cast<std::uint8_t>(name.size()));
  append(block, as_view(name));
  block.push_back(static_cast<std::uint8_t>(value.size()));
  append(block, as_view(value));
}
// The headers of a gRPC call.
inline Bytes call_headers(std::string_view path) {
  Bytes block;
  header(block, ":method", "POST");
  header(block, ":scheme", "http");
  header(block, ":path", path);
  header(block, ":authority", "peer");
  header(block, "te", "trailers");
  header(block, "content-type", "application/grpc");
  return block;
}

}  // namespace tocsin::node::frames
