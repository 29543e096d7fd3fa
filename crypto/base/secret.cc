#include "crypto/base/secret.h"

#include <sodium.h>

#include <utility>

namespace tocsin {

SecretBuffer::SecretBuffer(std::size_t size) : data_(new std::uint8_t[size > 0 ? size : 1]()), size_(size) {
  // sodium_malloc's guard pages cost two system calls and 16 KiB for each key; thousands of record keys pass through
  // here every second, so lock in place instead, and go on unlocked where the limit forbids it.
  locked_ = size_ >= 64 && sodium_mlock(data_, size_) == 0;
}

SecretBuffer::SecretBuffer(SecretBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      locked_(std::exchange(other.locked_, false)) {}

SecretBuffer& SecretBuffer::operator=(SecretBuffer&& other) noexcept {
  if (this != &other) {
    wipe();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    locked_ = std::exchange(other.locked_, false);
  }
  return *this;
}

SecretBuffer::~SecretBuffer() { wipe(); }

void SecretBuffer::wipe() {
  if (data_ == nullptr) return;
  if (locked_) {
    sodium_munlock(data_, size_);  // wipes, then unlocks
  } else {
    sodium_memzero(data_, size_);
  }
  delete[] data_;
  data_ = nullptr;
}

SecretBytes::SecretBytes(ByteView bytes) : buffer_(bytes.size()) {
  if (!bytes.empty()) std::memcpy(buffer_.data(), bytes.data(), bytes.size());
}

bool equal_secret(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

void wipe(std::span<std::uint8_t> bytes) { sodium_memzero(bytes.data(), bytes.size()); }

}  // namespace tocsin
