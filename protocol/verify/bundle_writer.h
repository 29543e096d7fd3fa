#pragma once
// Packs a bundle: a ledger, or a part of it, and what opens it, in one archive that an auditor can judge
// without a network (SPEC §9).
//
// It packs what it is handed and signs the manifest; it judges nothing. The same contents and key give the
// same bytes. Each file's bytes are asked for twice, once to hash and once to pack, and must be the same; one
// file is held at a time, the openings not even that. Errors: kInvalidArgument, rule "bundle/manifest";
// kDataLoss when a source's answer changed or has the wrong length; sources' and sinks' errors pass through.
// Concurrency: pure, apart from the sources.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "crypto/sign.h"
#include "protocol/log/proof.h"
#include "protocol/log/tile.h"
#include "protocol/verify/scope.h"
#include "protocol/verify/tar.h"

namespace tocsin::v1 {
class Opening;
}

namespace tocsin::protocol {

// The bytes of leaves [begin, end), 128 each, one after another.
using LeafSource = std::function<Result<Bytes>(std::uint64_t begin, std::uint64_t end)>;
// Writes a file's bytes to the sink, the same ones every time.
using FileBytes = std::function<Status(const ByteSink& sink)>;

struct BundleContents {
  std::string origin;      // the ledger's, and the name the manifest is signed under
  std::string policy;      // a tlog-policy, for orientation: an auditor brings their own
  std::string checkpoint;  // the note as published, with its cosignatures
  std::uint64_t size = 0;  // the checkpoint's
  std::optional<Scope> scope;
  std::optional<std::string> old_checkpoint;
  Proof consistency;  // from old_checkpoint
  TileSource tiles;
  LeafSource leaves;
  FileBytes openings;                         // append_opening() one after another; null: none
  std::map<std::string, std::string> extras;  // small files by name: proofs, index, receipts, …
};

// The archive to `sink`, its manifest signed with the ledger's operational key.
Status write_bundle(const BundleContents& contents, const crypto::SigningKey& operational_key,
                    const ByteSink& sink);

// One opening of the openings file: u32 length || serialised Opening; indices ascend.
void append_opening(Bytes& openings, const v1::Opening& opening);

// "proofs/<index>.tlog-proof" and its content, from the tiles of a tree of `size` leaves.
Result<std::pair<std::string, std::string>> proof_file(const BundleContents& contents, std::uint64_t index);

}  // namespace tocsin::protocol
