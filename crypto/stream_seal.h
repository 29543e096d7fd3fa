#pragma once
// Sealing a stream that is too long for memory, chunk after chunk, under one data key.
//
// Chunks open only in the order in which they were sealed, and the last one says that it is the last: a
// stream cut anywhere, or with a chunk left out, repeated or moved, does not open. Each sealed chunk is
// kStreamChunkOverhead bytes longer than its plaintext. The key commitment (crypto/seal.h) stands beside the
// stream, since the cipher alone does not fix the key. Errors of open: kDataLoss "seal/damaged" (altered
// bytes, wrong order, or another key); kInvalidArgument "seal/format" (shorter than any chunk);
// kFailedPrecondition "seal/finished" (something after the last chunk). Concurrency: an object belongs to one
// thread. Source: libsodium crypto_secretstream_xchacha20poly1305.

#include <memory>

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"
#include "crypto/seal.h"

namespace tocsin::crypto {

using StreamHeader = FixedBytes<24>;
inline constexpr std::size_t kStreamChunkOverhead = 17;

class StreamSealer {
 public:
  explicit StreamSealer(const DataKey& key);
  ~StreamSealer();
  StreamSealer(StreamSealer&&) noexcept;

  // What the opener starts from; it is no secret.
  const StreamHeader& header() const { return header_; }
  // Nothing is sealed after the last chunk.
  Bytes seal(ByteView chunk, bool last);

 private:
  struct State;
  std::unique_ptr<State> state_;
  StreamHeader header_{};
};

class StreamOpener {
 public:
  StreamOpener(const DataKey& key, const StreamHeader& header);
  ~StreamOpener();
  StreamOpener(StreamOpener&&) noexcept;

  Result<Bytes> open(ByteView sealed);
  // Whether the last chunk was opened.
  bool finished() const { return finished_; }

 private:
  struct State;
  std::unique_ptr<State> state_;
  bool finished_ = false;
};

}  // namespace tocsin::crypto
