#pragma once
// A backup's bytes: named files in one sealed stream, written and read in bounded memory.
//
//   "tocsin-backup-v1\n" ‖ data key, HPKE base to the recipient (80) ‖ key commitment(32) ‖ stream header(24)
//   ‖ chunks, each u32be length ‖ sealed (crypto/stream_seal.h)
//   the stream: entries u16be name length ‖ name ‖ u64be size ‖ bytes; name length 0 ends it
//
// A name is one or two parts of letters, digits, '.', '_' and '-', none starting with '.'. Nothing of a file
// is handed on before its chunk was authenticated, and read_archive() succeeds only when the stream's sealed
// end was seen: a cut backup never passes for a shorter one. Errors: kInvalidArgument "backup/format";
// kPermissionDenied "hpke/open" (sealed to another key); kDataLoss "seal/damaged"; those of the sinks and the
// source. Concurrency: one thread an object. Source: node/DESIGN.md, "Backups".

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "crypto/hpke.h"

namespace tocsin::node {

using ByteSink = std::function<Status(ByteView)>;
// Up to `most` bytes; fewer only at the end of the input.
using ByteSource = std::function<Result<Bytes>(std::size_t most)>;

bool is_archive_name(std::string_view name);

class ArchiveWriter {
 public:
  static Result<ArchiveWriter> begin(const crypto::KemPublicKey& recipient, ByteSink sink);
  ~ArchiveWriter();
  ArchiveWriter(ArchiveWriter&&) noexcept;

  // `content` is asked until it has given exactly `size` bytes; a file that ends earlier is kDataLoss
  // "backup/changed".
  Status add(std::string_view name, std::uint64_t size, const ByteSource& content);
  Status add(std::string_view name, ByteView content);
  Status finish();

 private:
  struct State;
  explicit ArchiveWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct ArchiveVisitor {
  std::function<Status(const std::string& name, std::uint64_t size)> begin;
  std::function<Status(ByteView bytes)> bytes;
  std::function<Status()> end;
};
Status read_archive(const crypto::KemKey& key, const ByteSource& source, const ArchiveVisitor& visitor);

}  // namespace tocsin::node
