#pragma once
// Secret<N>: N secret bytes that are wiped when they go and that nothing can print.
//
// Guarantee: the bytes lie in locked_memory.h's memory, which is not swapped and not dumped, and are wiped on
// destruction and move; where the process may lock no more they lie in ordinary memory, still wiped.
// There is no operator<<, no comparison but equal() (constant time), no implicit conversion: a log line, an
// argument or a message cannot take a Secret by accident. Call expose() at the one place that feeds a
// primitive. Concurrency: a value; not shared between threads while being written. Source: libsodium
// "Securing memory" (sodium_memzero, sodium_memcmp).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "crypto/base/bytes.h"
#include "crypto/base/locked_memory.h"

namespace tocsin {

// The storage of every Secret.
class SecretBuffer {
 public:
  explicit SecretBuffer(std::size_t size);
  SecretBuffer(SecretBuffer&& other) noexcept;
  SecretBuffer& operator=(SecretBuffer&& other) noexcept;
  SecretBuffer(const SecretBuffer&) = delete;
  SecretBuffer& operator=(const SecretBuffer&) = delete;
  ~SecretBuffer();

  std::uint8_t* data() { return block_.data; }
  const std::uint8_t* data() const { return block_.data; }
  std::size_t size() const { return size_; }

 private:
  SecretBlock block_;
  std::size_t size_ = 0;
};

template <std::size_t N>
class Secret {
 public:
  Secret() : buffer_(N) {}
  explicit Secret(std::span<const std::uint8_t, N> bytes) : buffer_(N) {
    std::memcpy(buffer_.data(), bytes.data(), N);
  }
  Secret(Secret&&) noexcept = default;
  Secret& operator=(Secret&&) noexcept = default;
  Secret copy() const { return Secret(expose()); }

  // The bytes, for a primitive; do not keep the span.
  std::span<const std::uint8_t, N> expose() const {
    return std::span<const std::uint8_t, N>(buffer_.data(), N);
  }
  std::span<std::uint8_t, N> expose_mutable() { return std::span<std::uint8_t, N>(buffer_.data(), N); }

 private:
  SecretBuffer buffer_;
};

// A secret of a length known only at run time (a passphrase, a decrypted keystore).
class SecretBytes {
 public:
  explicit SecretBytes(std::size_t size) : buffer_(size) {}
  explicit SecretBytes(ByteView bytes);
  ByteView expose() const { return {buffer_.data(), buffer_.size()}; }
  std::span<std::uint8_t> expose_mutable() { return {buffer_.data(), buffer_.size()}; }
  std::size_t size() const { return buffer_.size(); }

 private:
  SecretBuffer buffer_;
};

// Constant time in the contents.
bool equal_secret(ByteView a, ByteView b);
// Overwrite bytes that held a secret (a std::string read from a file, say).
void wipe(std::span<std::uint8_t> bytes);

}  // namespace tocsin
