#pragma once
// An opened bundle: its files by name, read where asked (SPEC §9); bundle_writer.h packs one.
//
// Bundle::open() parses the archive's form and judges nothing beyond it: manifest, tree and the rest are the
// verifier's business. Errors: kInvalidArgument, rule "bundle/tar", "bundle/manifest", "bundle/consistency";
// kResourceExhausted for a file over its limit; the source's own errors pass through. Concurrency: const
// methods from any thread. Source: SPEC §9.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "protocol/log/proof.h"
#include "protocol/verify/tar.h"

namespace tocsin::protocol {

inline constexpr std::string_view kManifestFile = "manifest";
inline constexpr std::string_view kManifestSignatureFile = "manifest.sig";
inline constexpr std::string_view kPolicyFile = "policy";
inline constexpr std::string_view kCheckpointFile = "checkpoint";
inline constexpr std::string_view kOldCheckpointFile = "checkpoint.old";
inline constexpr std::string_view kConsistencyFile = "consistency";
inline constexpr std::string_view kOpeningsFile = "openings";
inline constexpr std::string_view kScopeFile = "scope";
inline constexpr std::string_view kRangeFile = "range";
inline constexpr std::string_view kPageFile = "verify.html";
inline constexpr std::string_view kProofsFolder = "proofs/";
inline constexpr std::string_view kIndexFolder = "index/";
inline constexpr std::string_view kReceiptsFolder = "receipts/";
inline constexpr std::string_view kPeersFolder = "peers/";
inline constexpr std::string_view kGossipFolder = "gossip/";
inline constexpr std::string_view kProofSuffix = ".tlog-proof";
// Of receipts, whose names have little room.
inline constexpr std::string_view kReceiptProofSuffix = ".prf";
inline constexpr std::string_view kReceiptOpeningSuffix = ".opn";
inline constexpr std::size_t kManifestBytesMax = std::size_t{1} << 26;  // kTarFilesMax lines
inline constexpr std::size_t kOpeningBytesMax = std::size_t{1} << 23;   // 32 slots of the longest value

// A number in a file's name: 20 decimal digits, below 2^64.
std::string name_number(std::uint64_t number);
std::optional<std::uint64_t> parse_name_number(std::string_view text);

struct ManifestLine {
  Hash sha256{};
  std::string_view name;
};
struct Manifest {
  std::string_view origin;
  std::vector<ManifestLine> files;  // ascending by name
};
// The text of the manifest's note; names point into it.
Result<Manifest> parse_manifest(std::string_view text);

class Bundle {
 public:
  static Result<Bundle> open(std::shared_ptr<const ByteSource> archive);

  std::span<const TarEntry> files() const { return files_; }
  const TarEntry* find(std::string_view name) const;
  // Files whose names begin so.
  std::span<const TarEntry> folder(std::string_view prefix) const;
  std::size_t position(const TarEntry& file) const { return static_cast<std::size_t>(&file - files_.data()); }

  Result<Bytes> read(const TarEntry& file, std::uint64_t limit) const;
  // All of `out` from the file's byte `at` on.
  Status read(const TarEntry& file, std::uint64_t at, std::span<std::uint8_t> out) const;

 private:
  std::shared_ptr<const ByteSource> archive_;
  std::vector<TarEntry> files_;
};

// One base64 hash a line.
Result<Proof> parse_consistency(std::string_view text);
std::string format_hash_lines(std::span<const Hash> hashes);

}  // namespace tocsin::protocol
