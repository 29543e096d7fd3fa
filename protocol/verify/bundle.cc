#include "protocol/verify/bundle.h"

#include <algorithm>
#include <map>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/log/leaf.h"
#include "protocol/log/text.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kManifestRule = "bundle/manifest";
constexpr std::string_view kBetween = "  ";
constexpr std::size_t kHexBytes = 2 * sizeof(Hash);
constexpr std::size_t kProofLinesMax = 128;  // twice a tree's height; no consistency proof is longer

tl::unexpected<Error> malformed(std::string why) {
  return fail(Code::kInvalidArgument, std::move(why), kManifestRule);
}

// How to make each file's bytes, in the archive's order.
using FileSource = std::function<Result<Bytes>()>;
using FileTable = std::map<std::string, FileSource>;

FileSource constant(Bytes bytes) {
  return [held = std::move(bytes)]() -> Result<Bytes> { return held; };
}

FileSource tile_file(const BundleContents& contents, TileId tile) {
  return [&contents, tile]() -> Result<Bytes> {
    TRY_ASSIGN(Bytes hashes, contents.tiles(tile));
    if (hashes.size() < tile.width * sizeof(Hash))
      return fail(Code::kDataLoss, tile_path(tile) + " holds fewer hashes than the tree's size implies");
    hashes.resize(tile.width * sizeof(Hash));
    return hashes;
  };
}

FileSource entries_file(const BundleContents& contents, TileId tile) {
  return [&contents, tile]() -> Result<Bytes> {
    const std::uint64_t begin = tile.index * kTileWidth;
    TRY_ASSIGN(const Bytes leaves, contents.leaves(begin, begin + tile.width));
    if (leaves.size() != tile.width * kLeafBytes)
      return fail(Code::kDataLoss, "the store holds fewer leaves than the tree's size implies");
    Bytes entries;
    entries.reserve(leaves.size() + 2 * tile.width);
    for (std::size_t at = 0; at < leaves.size(); at += kLeafBytes)
      append_entry(entries, ByteView(leaves).subspan(at, kLeafBytes));
    return entries;
  };
}

void add_tile(FileTable& table, const BundleContents& contents, TileId tile) {
  table[tile_path(tile)] = tile_file(contents, tile);
  if (tile.level == 0) table[entries_path(tile.index, tile.width)] = entries_file(contents, tile);
}

Bytes consistency_lines(std::span<const Hash> proof) {
  std::string text;
  for (const Hash& hash : proof) text += base64_encode(hash) + "\n";
  return to_bytes(as_view(text));
}

FileTable list_files(const BundleContents& contents) {
  FileTable table;
  table[std::string(kPolicyFile)] = constant(to_bytes(as_view(contents.policy)));
  table[std::string(kCheckpointFile)] = constant(to_bytes(as_view(contents.checkpoint)));
  if (contents.old_checkpoint) {
    table[std::string(kOldCheckpointFile)] = constant(to_bytes(as_view(*contents.old_checkpoint)));
    table[std::string(kConsistencyFile)] = constant(consistency_lines(contents.consistency));
  }
  if (contents.openings)
    table[std::string(kOpeningsFile)] = [&contents]() -> Result<Bytes> { return *contents.openings; };
  for (const TileRow& row : tile_rows(contents.size)) {
    for (std::uint64_t n = 0; n < row.full; ++n) add_tile(table, contents, {row.level, n, kTileWidth});
    if (row.partial != 0) add_tile(table, contents, {row.level, row.full, row.partial});
  }
  return table;
}

}  // namespace

Status write_bundle(const BundleContents& contents, const crypto::SigningKey& operational_key,
                    const ByteSink& sink) {
  FileTable table = list_files(contents);
  std::string text = contents.origin + "\n";
  std::map<std::string, Hash> hashes;
  for (const auto& [name, source] : table) {
    TRY_ASSIGN(const Bytes bytes, source());
    hashes[name] = crypto::sha256(bytes);
    text.append(hex_encode(hashes[name])).append(kBetween).append(name).append("\n");
  }
  const Note note{text, {sign_note(operational_key, contents.origin, text)}};
  const std::string manifest = format_note(note);
  if (manifest.size() > kManifestBytesMax) return malformed("a manifest is too long");
  hashes[std::string(kManifestFile)] = crypto::sha256(as_view(manifest));
  table[std::string(kManifestFile)] = constant(to_bytes(as_view(manifest)));
  TarWriter tar(sink);
  for (const auto& [name, source] : table) {
    TRY_ASSIGN(const Bytes bytes, source());
    if (crypto::sha256(bytes) != hashes[name])
      return fail(Code::kDataLoss, name + " changed while the bundle was being written");
    TRY(tar.add(name, bytes));
  }
  return tar.finish();
}

void append_opening(Bytes& openings, const v1::Opening& opening) {
  const std::string bytes = opening.SerializeAsString();
  CHECK_INVARIANT(bytes.size() <= kOpeningBytesMax);
  append_be(openings, static_cast<std::uint32_t>(bytes.size()));
  append(openings, as_view(bytes));
}

Result<Manifest> parse_manifest(std::string_view text) {
  Manifest manifest;
  const auto origin = take_line(text);
  if (!origin || !is_key_name(*origin)) return malformed("a manifest does not begin with an origin");
  manifest.origin = *origin;
  while (!text.empty()) {
    const auto line = take_line(text);
    if (!line || line->size() <= kHexBytes + kBetween.size() || line->substr(kHexBytes, 2) != kBetween)
      return malformed("a manifest's line is a hash, two spaces and a name");
    ManifestLine file;
    file.name = line->substr(kHexBytes + kBetween.size());
    TRY_ASSIGN(const Bytes bytes, hex_decode(line->substr(0, kHexBytes)));
    if (hex_encode(bytes) != line->substr(0, kHexBytes))
      return malformed("a manifest's hashes are in lower case");
    TRY_ASSIGN(file.sha256, fixed<32>(bytes, "a manifest's hash"));
    if (!is_tar_name(file.name) || file.name == kManifestFile)
      return malformed("a manifest names a file that cannot be in a bundle");
    if (!manifest.files.empty() && file.name <= manifest.files.back().name)
      return malformed("a manifest's names are not in ascending order, each once");
    manifest.files.push_back(file);
  }
  return manifest;
}

Result<Bundle> Bundle::open(ByteView archive) {
  Bundle bundle;
  TRY_ASSIGN(bundle.files_, read_tar(archive));
  return bundle;
}

std::optional<ByteView> Bundle::find(std::string_view name) const {
  const auto at = std::lower_bound(files_.begin(), files_.end(), name,
                                   [](const TarFile& file, std::string_view n) { return file.name < n; });
  if (at == files_.end() || at->name != name) return std::nullopt;
  return at->content;
}

Result<Proof> parse_consistency(std::string_view text) {
  Proof proof;
  while (!text.empty()) {
    const auto line = take_line(text);
    if (!line || proof.size() == kProofLinesMax)
      return fail(Code::kInvalidArgument, "a consistency proof has a line without end or too many lines",
                  "bundle/consistency");
    TRY_ASSIGN(const Bytes bytes, base64_decode(*line));
    TRY_ASSIGN(const Hash hash, fixed<32>(bytes, "a consistency proof's hash"));
    proof.push_back(hash);
  }
  return proof;
}

}  // namespace tocsin::protocol
