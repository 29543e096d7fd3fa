#pragma once
// Secret<N>: N secret bytes that are wiped when they go and that nothing can print.
//
// Guarantee: the bytes live in memory that is wiped on destruction and move. Buffers of 64 bytes and more are locked
// against swap where the process may lock memory; single keys are not, a lock a record key would cost too much.
// There is no operator<<, no comparison but equal() (constant time), no implicit conversion: a log line, an argument
// or a message cannot take a Secret by accident. Call expose() at the one place that feeds a primitive.
// Concurrency: a value; not shared between threads while being written.
// Source: libsodium "Securing memory" (sodium_mlock, sodium_memzero, sodium_memcmp).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "crypto/base/bytes.h"

namespace tocsin {

// A wiped heap buffer; the storage of every Secret.
class SecretBuffer {
 public:
  explicit SecretBuffer(std::size_t size);
  SecretBuffer(SecretBuffer&& other) noexcept;
  SecretBuffer& operator=(SecretBuffer&& other) noexcept;
  SecretBuffer(const SecretBuffer&) = delete;
  SecretBuffer& operator=(const SecretBuffer&) = delete;
  ~SecretBuffer();

  std::uint8_t* data() { return data_; }
  const std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  void wipe();
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  bool locked_ = false;
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
