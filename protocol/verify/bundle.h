#pragma once
// Bundles: a ledger and what opens it in one archive that an auditor can judge without a network.
//
// write_bundle() packs what it is handed and signs the manifest; Bundle::open() parses the archive and looks
// files up, and judges nothing beyond the archive's form: the manifest, the tree and the rest are the
// verifier's business. The same contents and key give the same bytes. The writer asks each source for
// the same bytes twice (once to hash, once to pack), holding one file at a time. Errors: kInvalidArgument,
// rule "bundle/tar", "bundle/manifest", "bundle/openings"; kDataLoss when a source's answer changed or has
// the wrong length; sources' and sinks' errors pass through. Concurrency: pure, apart from the sources.
// Source: SPEC §9.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "protocol/log/note.h"
#include "protocol/log/proof.h"
#include "protocol/log/tile.h"
#include "protocol/verify/tar.h"

namespace tocsin::v1 {
class Opening;
}

namespace tocsin::protocol {

inline constexpr std::string_view kManifestFile = "manifest";
inline constexpr std::string_view kPolicyFile = "policy";
inline constexpr std::string_view kCheckpointFile = "checkpoint";
inline constexpr std::string_view kOldCheckpointFile = "checkpoint.old";
inline constexpr std::string_view kConsistencyFile = "consistency";
inline constexpr std::string_view kOpeningsFile = "openings";
inline constexpr std::size_t kManifestBytesMax = std::size_t{1} << 26;  // kTarFilesMax lines
inline constexpr std::size_t kOpeningBytesMax = std::size_t{1} << 23;   // 32 slots of the longest value

// The bytes of leaves [begin, end), 128 each, one after another.
using LeafSource = std::function<Result<Bytes>(std::uint64_t begin, std::uint64_t end)>;

struct BundleContents {
  std::string origin;      // the ledger's, and the name the manifest is signed under
  std::string policy;      // a tlog-policy, for orientation: an auditor brings their own
  std::string checkpoint;  // the note as published, with its cosignatures
  std::uint64_t size = 0;  // the checkpoint's
  std::optional<std::string> old_checkpoint;
  Proof consistency;  // from old_checkpoint
  TileSource tiles;
  LeafSource leaves;
  std::optional<Bytes> openings;  // append_opening() one after another
};

// The archive to `sink`, its manifest signed with the ledger's operational key.
Status write_bundle(const BundleContents& contents, const crypto::SigningKey& operational_key,
                    const ByteSink& sink);

// One opening of the openings file: u32 length || serialised Opening; indices ascend.
void append_opening(Bytes& openings, const v1::Opening& opening);

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

// An opened archive: the files by name. Views point into the archive.
class Bundle {
 public:
  static Result<Bundle> open(ByteView archive);
  std::span<const TarFile> files() const { return files_; }
  std::optional<ByteView> find(std::string_view name) const;

 private:
  std::vector<TarFile> files_;
};

// One base64 hash a line.
Result<Proof> parse_consistency(std::string_view text);

}  // namespace tocsin::protocol
