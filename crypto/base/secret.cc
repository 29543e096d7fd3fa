#include "crypto/base/secret.h"

#include <utility>

#include <sodium.h>

namespace tocsin {

SecretBuffer::SecretBuffer(std::size_t size) : block_(take_secret_block(size)), size_(size) {}

SecretBuffer::SecretBuffer(SecretBuffer&& other) noexcept
    : block_(std::exchange(other.block_, {})), size_(std::exchange(other.size_, 0)) {}

SecretBuffer& SecretBuffer::operator=(SecretBuffer&& other) noexcept {
  if (this != &other) {
    give_secret_block(block_, size_);
    block_ = std::exchange(other.block_, {});
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

SecretBuffer::~SecretBuffer() {
  give_secret_block(block_, size_);
}

SecretBytes::SecretBytes(ByteView bytes) : buffer_(bytes.size()) {
  if (!bytes.empty()) std::memcpy(buffer_.data(), bytes.data(), bytes.size());
}

bool equal_secret(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

void wipe(std::span<std::uint8_t> bytes) {
  sodium_memzero(bytes.data(), bytes.size());
}

}  // namespace tocsin
