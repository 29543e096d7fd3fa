#include "protocol/verify/bundle_writer.h"

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/log/leaf.h"
#include "protocol/log/note.h"
#include "protocol/log/tlog_proof.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/sshsig.h"
#include "protocol/verify/tree.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::protocol {
namespace {

// How to make each file's bytes, in the archive's order.
using FileTable = std::map<std::string, FileBytes>;

FileBytes constant(std::string bytes) {
  return [held = std::move(bytes)](const ByteSink& sink) { return sink(as_view(held)); };
}

FileBytes tile_file(const BundleContents& contents, TileId tile) {
  return [&contents, tile](const ByteSink& sink) -> Status {
    TRY_ASSIGN(Bytes hashes, contents.tiles(tile));
    if (hashes.size() < tile.width * sizeof(Hash))
      return fail(Code::kDataLoss, tile_path(tile) + " holds fewer hashes than the tree's size implies");
    hashes.resize(tile.width * sizeof(Hash));
    return sink(hashes);
  };
}

FileBytes entries_file(const BundleContents& contents, TileId tile) {
  return [&contents, tile](const ByteSink& sink) -> Status {
    const std::uint64_t begin = tile.index * kTileWidth;
    TRY_ASSIGN(const Bytes leaves, contents.leaves(begin, begin + tile.width));
    if (leaves.size() != tile.width * kLeafBytes)
      return fail(Code::kDataLoss, "the store holds fewer leaves than the tree's size implies");
    Bytes entries;
    entries.reserve(leaves.size() + 2 * tile.width);
    for (std::size_t at = 0; at < leaves.size(); at += kLeafBytes)
      append_entry(entries, ByteView(leaves).subspan(at, kLeafBytes));
    return sink(entries);
  };
}

void add_tile(FileTable& table, const BundleContents& contents, TileId tile) {
  table[tile_path(tile)] = tile_file(contents, tile);
  if (tile.level == 0) table[entries_path(tile.index, tile.width)] = entries_file(contents, tile);
}

// The left edge of the range and the proof that its end is of the checkpoint's tree.
Result<std::string> range_file(const BundleContents& contents, const TileSpan& span) {
  TileNodes nodes(contents.size, contents.tiles);
  TRY_ASSIGN(const CompactRange edge, restore_range(span.begin, nodes.nodes()));
  Proof proof;
  if (span.end < contents.size) {
    TRY_ASSIGN(proof, consistency_proof(span.end, contents.size, nodes.nodes()));
  }
  return format_hash_lines(edge.right_edge()) + "\n" + format_hash_lines(proof);
}

Status list_tiles(const BundleContents& contents, FileTable& table) {
  if (!contents.scope || contents.scope->evidence == Evidence::kTiles) {
    for (const TileRow& row : tile_rows(contents.size)) {
      for (std::uint64_t n = 0; n < row.full; ++n) add_tile(table, contents, {row.level, n, kTileWidth});
      if (row.partial != 0) add_tile(table, contents, {row.level, row.full, row.partial});
    }
    return {};
  }
  if (contents.scope->evidence == Evidence::kProofs) return {};
  const TileSpan span = tile_span(contents.size, contents.scope);
  for (std::uint64_t n = span.begin / kTileWidth; n * kTileWidth < span.end; ++n)
    add_tile(table, contents, {0, n, tile_width(contents.size, 0, n)});
  TRY_ASSIGN(std::string range, range_file(contents, span));
  table[std::string(kRangeFile)] = constant(std::move(range));
  return {};
}

Result<FileTable> list_files(const BundleContents& contents) {
  FileTable table;
  table[std::string(kPolicyFile)] = constant(contents.policy);
  table[std::string(kCheckpointFile)] = constant(contents.checkpoint);
  if (contents.scope) table[std::string(kScopeFile)] = constant(format_scope(*contents.scope));
  if (contents.old_checkpoint) {
    table[std::string(kOldCheckpointFile)] = constant(*contents.old_checkpoint);
    table[std::string(kConsistencyFile)] = constant(format_hash_lines(contents.consistency));
  }
  if (contents.openings) table[std::string(kOpeningsFile)] = contents.openings;
  for (const auto& [name, content] : contents.extras) table[name] = constant(content);
  TRY(list_tiles(contents, table));
  return table;
}

struct Sum {
  Hash sha256{};
  std::uint64_t size = 0;
};

Result<Sum> sum_of(const FileBytes& file, const ByteSink& also = nullptr) {
  Sum sum;
  crypto::Sha256 hash;
  TRY(file([&](ByteView bytes) -> Status {
    hash.update(bytes);
    sum.size += bytes.size();
    return also ? also(bytes) : Status();
  }));
  sum.sha256 = hash.finish();
  return sum;
}

}  // namespace

Status write_bundle(const BundleContents& contents, const crypto::SigningKey& operational_key,
                    const ByteSink& sink) {
  TRY_ASSIGN(FileTable table, list_files(contents));
  std::string text = contents.origin + "\n";
  std::map<std::string, Sum> sums;
  for (const auto& [name, file] : table) {
    TRY_ASSIGN(sums[name], sum_of(file));
    text.append(hex_encode(sums[name].sha256)).append("  ").append(name).append("\n");
  }
  const std::string manifest = format_note({text, {sign_note(operational_key, contents.origin, text)}});
  if (manifest.size() > kManifestBytesMax)
    return fail(Code::kInvalidArgument, "a manifest is too long", "bundle/manifest");
  const std::string signature = sign_sshsig(operational_key, kManifestNamespace, manifest);
  for (const auto& [name, content] :
       {std::pair(kManifestFile, manifest), std::pair(kManifestSignatureFile, signature)}) {
    table[std::string(name)] = constant(content);
    TRY_ASSIGN(sums[std::string(name)], sum_of(table[std::string(name)]));
  }
  TarWriter tar(sink);
  for (const auto& [name, file] : table) {
    TRY(tar.begin(name, sums[name].size));
    TRY_ASSIGN(const Sum again, sum_of(file, [&](ByteView bytes) { return tar.put(bytes); }));
    if (again.sha256 != sums[name].sha256)
      return fail(Code::kDataLoss, name + " changed while the bundle was being written");
    TRY(tar.end());
  }
  return tar.finish();
}

void append_opening(Bytes& openings, const v1::Opening& opening) {
  const std::string bytes = opening.SerializeAsString();
  CHECK_INVARIANT(bytes.size() <= kOpeningBytesMax);
  append_be(openings, static_cast<std::uint32_t>(bytes.size()));
  append(openings, as_view(bytes));
}

Result<std::pair<std::string, std::string>> proof_file(const BundleContents& contents, std::uint64_t index) {
  TlogProof proof;
  proof.index = index;
  proof.checkpoint = contents.checkpoint;
  TRY_ASSIGN(proof.extra, contents.leaves(index, index + 1));
  TRY_ASSIGN(proof.proof,
             inclusion_proof(index, contents.size, TileNodes(contents.size, contents.tiles).nodes()));
  return std::pair(std::string(kProofsFolder) + name_number(index) + std::string(kProofSuffix),
                   format_tlog_proof(proof));
}

}  // namespace tocsin::protocol
