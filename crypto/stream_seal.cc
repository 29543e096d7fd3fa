#include "crypto/stream_seal.h"

#include <sodium.h>

namespace tocsin::crypto {
namespace {

static_assert(kStreamChunkOverhead == crypto_secretstream_xchacha20poly1305_ABYTES);
static_assert(sizeof(StreamHeader) == crypto_secretstream_xchacha20poly1305_HEADERBYTES);

}  // namespace

// Both states hold key material: they are wiped when they go.
struct StreamSealer::State {
  crypto_secretstream_xchacha20poly1305_state stream;
  ~State() { sodium_memzero(&stream, sizeof stream); }
};

struct StreamOpener::State {
  crypto_secretstream_xchacha20poly1305_state stream;
  ~State() { sodium_memzero(&stream, sizeof stream); }
};

StreamSealer::StreamSealer(const DataKey& key) : state_(std::make_unique<State>()) {
  crypto_secretstream_xchacha20poly1305_init_push(&state_->stream, header_.data(), key.expose().data());
}
StreamSealer::~StreamSealer() = default;
StreamSealer::StreamSealer(StreamSealer&&) noexcept = default;

Bytes StreamSealer::seal(ByteView chunk, bool last) {
  Bytes out(chunk.size() + kStreamChunkOverhead);
  const unsigned char tag = last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                 : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
  crypto_secretstream_xchacha20poly1305_push(&state_->stream, out.data(), nullptr, not_null(chunk),
                                             chunk.size(), nullptr, 0, tag);
  return out;
}

StreamOpener::StreamOpener(const DataKey& key, const StreamHeader& header)
    : state_(std::make_unique<State>()) {
  crypto_secretstream_xchacha20poly1305_init_pull(&state_->stream, header.data(), key.expose().data());
}
StreamOpener::~StreamOpener() = default;
StreamOpener::StreamOpener(StreamOpener&&) noexcept = default;

Result<Bytes> StreamOpener::open(ByteView sealed) {
  if (finished_)
    return fail(Code::kFailedPrecondition, "there is something after the stream's last chunk",
                "seal/finished");
  if (sealed.size() < kStreamChunkOverhead)
    return fail(Code::kInvalidArgument, "a sealed chunk is cut short", "seal/format");
  Bytes out(sealed.size() - kStreamChunkOverhead);
  unsigned char tag = 0;
  if (crypto_secretstream_xchacha20poly1305_pull(&state_->stream, out.data(), nullptr, &tag, sealed.data(),
                                                 sealed.size(), nullptr, 0) != 0)
    return fail(Code::kDataLoss, "a chunk of the stream was altered, moved or left out", "seal/damaged");
  finished_ = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
  return out;
}

}  // namespace tocsin::crypto
