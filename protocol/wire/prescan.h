#pragma once
// Counting a message's elements before protobuf allocates them, and parsing what a stranger sent.
//
// protobuf 3.21 turns 1 MiB of empty sub-messages into 113 MB. The scan walks the wire form by the message's
// descriptor, allocates nothing, and refuses: more elements than `elements_max` (every field occurrence
// counts, packed numbers by the byte), nesting below kDepthMax, groups, and broken varints or lengths.
// Errors: kInvalidArgument "wire/format"; kResourceExhausted "wire/elements", "wire/depth", "wire/size".
// Concurrency: any thread. parse_untrusted also silences protobuf's own printing, which a peer could drive.

#include <cstddef>

#include <google/protobuf/message.h>

#include "crypto/base/bytes.h"

namespace tocsin::protocol {

// The deepest message of ours nests four times.
inline constexpr int kDepthMax = 16;
// Enough for every message but pages of openings, which say their own.
inline constexpr std::size_t kElementsMax = 1024;

struct WireLimits {
  std::size_t bytes_max;
  std::size_t elements_max = kElementsMax;
};

Status prescan(ByteView bytes, const google::protobuf::Descriptor& type, const WireLimits& limits);

// prescan, then parse into `out`; unknown fields are kept.
Status parse_untrusted(ByteView bytes, google::protobuf::Message& out, const WireLimits& limits);

}  // namespace tocsin::protocol
