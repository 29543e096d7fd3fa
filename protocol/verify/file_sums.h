#pragma once
// Whether each file of a bundle is the one that its manifest was signed for (step V2), judged by whoever
// reads the file, so that every byte is read once.
//
// Guarantee: a file that nobody else read is hashed by finish(), so none goes unjudged. A file judged twice
// is wrong when it was wrong once. Concurrency: saw() from any thread, for different files at one time; the
// rest belongs to one thread. Findings: V2.file, V2.unlisted, V2.absent.

#include <vector>

#include "crypto/hash.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/finding.h"
#include "protocol/verify/work_pool.h"

namespace tocsin::protocol {

class FileSums {
 public:
  explicit FileSums(const Bundle& bundle) : bundle_(bundle), states_(bundle.files().size()) {}
  // What the manifest lists. Without this nothing is judged.
  void expect(const Manifest& manifest, Report& report);

  // The whole content of a file, or its hash.
  void saw(const TarEntry& file, ByteView content);
  // Several at a time cost a third: they are hashed side by side.
  struct Seen {
    const TarEntry* file = nullptr;
    ByteView content;
  };
  void saw_all(std::span<const Seen> files);
  void saw_hash(const TarEntry& file, const Hash& hash);
  // Hashes what is left and reports. An error when the archive cannot be read.
  Status finish(WorkPool& pool, Report& report);

 private:
  enum class State : std::uint8_t { kUnlisted, kExempt, kUnseen, kRight, kWrong };
  const Bundle& bundle_;
  std::vector<State> states_;  // by the file's position
  std::vector<Hash> expected_;
};

// A file read from front to back in bounded pieces, and hashed on the way.
class FileReader {
 public:
  FileReader(const Bundle& bundle, const TarEntry& file) : bundle_(bundle), file_(file) {}
  std::uint64_t remaining() const { return file_.size - at_ + (buffer_.size() - taken_); }
  // The next bytes without taking them: fewer than `count` only at the end; valid until the next call.
  Result<ByteView> peek(std::size_t count);
  void take(std::size_t count) { taken_ += count; }  // of what peek() showed
  // Reads what is left.
  Result<Hash> finish();

 private:
  const Bundle& bundle_;
  const TarEntry& file_;
  std::uint64_t at_ = 0;  // read from the archive so far
  Bytes buffer_;
  std::size_t taken_ = 0;
  crypto::Sha256 hash_;
};

}  // namespace tocsin::protocol
