#include "protocol/verify/bundle.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "protocol/log/text.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kManifestRule = "bundle/manifest";
constexpr std::string_view kBetween = "  ";
constexpr std::size_t kHexBytes = 2 * sizeof(Hash);
constexpr std::size_t kProofLinesMax = 128;  // twice a tree's height; no consistency proof is longer
constexpr std::size_t kNumberDigits = 20;

tl::unexpected<Error> malformed(std::string why) {
  return fail(Code::kInvalidArgument, std::move(why), kManifestRule);
}

}  // namespace

std::string name_number(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(kNumberDigits - digits.size(), '0') + digits;
}

std::optional<std::uint64_t> parse_name_number(std::string_view text) {
  if (text.size() != kNumberDigits) return std::nullopt;
  const std::size_t first = std::min(text.find_first_not_of('0'), kNumberDigits - 1);
  const auto number = parse_decimal(text.substr(first));
  return number ? std::optional(*number) : std::nullopt;
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
    if (!is_tar_name(file.name) || file.name == kManifestFile || file.name == kManifestSignatureFile)
      return malformed("a manifest names a file that cannot be in a bundle");
    if (!manifest.files.empty() && file.name <= manifest.files.back().name)
      return malformed("a manifest's names are not in ascending order, each once");
    manifest.files.push_back(file);
  }
  return manifest;
}

Result<Bundle> Bundle::open(std::shared_ptr<const ByteSource> archive) {
  Bundle bundle;
  TRY_ASSIGN(bundle.files_, index_tar(*archive));
  bundle.archive_ = std::move(archive);
  return bundle;
}

const TarEntry* Bundle::find(std::string_view name) const {
  const auto at = std::lower_bound(files_.begin(), files_.end(), name,
                                   [](const TarEntry& file, std::string_view n) { return file.name < n; });
  return at == files_.end() || at->name != name ? nullptr : &*at;
}

std::span<const TarEntry> Bundle::folder(std::string_view prefix) const {
  const auto begin = std::lower_bound(files_.begin(), files_.end(), prefix,
                                      [](const TarEntry& file, std::string_view n) { return file.name < n; });
  const auto end =
      std::find_if(begin, files_.end(), [&](const TarEntry& file) { return !file.name.starts_with(prefix); });
  return {begin, end};
}

Result<Bytes> Bundle::read(const TarEntry& file, std::uint64_t limit) const {
  if (file.size > limit) return fail(Code::kResourceExhausted, file.name + " is too long", "bundle/limit");
  Bytes out(static_cast<std::size_t>(file.size));
  TRY(archive_->read(file.offset, out));
  return out;
}

Status Bundle::read(const TarEntry& file, std::uint64_t at, std::span<std::uint8_t> out) const {
  CHECK_INVARIANT(at <= file.size && out.size() <= file.size - at);
  return archive_->read(file.offset + at, out);
}

std::string format_hash_lines(std::span<const Hash> hashes) {
  std::string text;
  for (const Hash& hash : hashes) text += base64_encode(hash) + "\n";
  return text;
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
