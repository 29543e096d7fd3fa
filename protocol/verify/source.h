#pragma once
// Where an archive's bytes come from: a file that is read where asked, or memory.
//
// A bundle may be larger than memory, so nothing maps or loads it whole. Errors: kNotFound when a file cannot
// be opened, kInvalidArgument when it is no regular file, kDataLoss for a read that fails or ends early.
// Concurrency: const methods from any thread.

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "crypto/base/bytes.h"

namespace tocsin::protocol {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::uint64_t size() const = 0;
  // All of `out`, from `offset` on.
  virtual Status read(std::uint64_t offset, std::span<std::uint8_t> out) const = 0;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(Bytes bytes) : owned_(std::move(bytes)), view_(owned_) {}
  explicit MemorySource(ByteView view) : view_(view) {}  // which outlives this
  std::uint64_t size() const override { return view_.size(); }
  Status read(std::uint64_t offset, std::span<std::uint8_t> out) const override;

 private:
  const Bytes owned_;
  const ByteView view_;
};

class FileSource final : public ByteSource {
 public:
  static Result<std::shared_ptr<const FileSource>> open(const std::string& path);
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  ~FileSource() override;
  std::uint64_t size() const override { return size_; }
  Status read(std::uint64_t offset, std::span<std::uint8_t> out) const override;

 private:
  FileSource(int descriptor, std::uint64_t size) : descriptor_(descriptor), size_(size) {}
  const int descriptor_;
  const std::uint64_t size_;
};

}  // namespace tocsin::protocol
