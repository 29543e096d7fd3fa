#include "protocol/verify/bundle_names.h"

#include "crypto/base/encoding.h"
#include "protocol/log/tile.h"
#include "protocol/verify/tree.h"

namespace tocsin::protocol {
namespace {

constexpr std::size_t kHexBytes = 2 * sizeof(Hash);
constexpr std::size_t kNumberDigits = 20;

bool is_hex(std::string_view text) {
  return text.size() == kHexBytes && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_fixed_file(std::string_view name) {
  return name == kManifestFile || name == kManifestSignatureFile || name == kPolicyFile ||
         name == kCheckpointFile || name == kOldCheckpointFile || name == kConsistencyFile ||
         name == kOpeningsFile || name == kScopeFile || name == kPageFile;
}

// "receipts/<fingerprint>/<index>.prf", and its pair is there too.
bool is_receipt(std::string_view name, const Bundle& bundle) {
  const std::string_view rest = name.substr(kReceiptsFolder.size());
  if (rest.size() < kHexBytes + 1 + kNumberDigits || !is_hex(rest.substr(0, kHexBytes)) ||
      rest[kHexBytes] != '/' || !parse_name_number(rest.substr(kHexBytes + 1, kNumberDigits)))
    return false;
  const std::string_view stem = name.substr(0, kReceiptsFolder.size() + kHexBytes + 1 + kNumberDigits);
  const std::string_view suffix = name.substr(stem.size());
  const std::string_view other = suffix == kReceiptProofSuffix ? kReceiptOpeningSuffix : kReceiptProofSuffix;
  return (suffix == kReceiptProofSuffix || suffix == kReceiptOpeningSuffix) &&
         bundle.find(std::string(stem).append(other)) != nullptr;
}

bool is_tile(std::string_view name, std::uint64_t tree_size, const std::optional<Scope>& scope) {
  const auto path = parse_tile_path(name);
  if (!path || tile_width(tree_size, path->tile.level, path->tile.index) != path->tile.width) return false;
  if (!scope || scope->evidence == Evidence::kTiles) return true;
  const TileSpan span = tile_span(tree_size, scope);
  return path->tile.level == 0 && path->tile.index >= span.begin / kTileWidth &&
         path->tile.index < span.end / kTileWidth + (span.end % kTileWidth != 0 ? 1 : 0);
}

}  // namespace

bool has_place(std::string_view name, std::uint64_t tree_size, const std::optional<Scope>& scope,
               const Bundle& bundle) {
  if (is_fixed_file(name)) return true;
  const bool tiles = !scope || scope->evidence == Evidence::kTiles;
  if (name == kRangeFile) return scope && scope->evidence == Evidence::kRange;
  if (name.starts_with(kProofsFolder)) {
    const std::string_view rest = name.substr(kProofsFolder.size());
    if (tiles || !rest.ends_with(kProofSuffix)) return false;
    const auto index = parse_name_number(rest.substr(0, rest.size() - kProofSuffix.size()));
    const TileSpan span = tile_span(tree_size, scope);
    return index && *index < tree_size && (*index < span.begin || *index >= span.end);
  }
  if (name.starts_with(kIndexFolder)) return parse_index_name(name).has_value();
  if (name.starts_with(kReceiptsFolder)) return is_receipt(name, bundle);
  if (name.starts_with(kPeersFolder)) return is_hex(name.substr(kPeersFolder.size()));
  if (name.starts_with(kGossipFolder))
    return parse_name_number(name.substr(kGossipFolder.size())).has_value();
  return is_tile(name, tree_size, scope);
}

std::optional<std::pair<std::uint64_t, Hash>> parse_index_name(std::string_view name) {
  if (!name.starts_with(kIndexFolder)) return std::nullopt;
  name.remove_prefix(kIndexFolder.size());
  if (name.size() != kNumberDigits + 1 + kHexBytes || name[kNumberDigits] != '/' ||
      !is_hex(name.substr(kNumberDigits + 1)))
    return std::nullopt;
  const auto index = parse_name_number(name.substr(0, kNumberDigits));
  if (!index) return std::nullopt;
  return std::pair(*index, *fixed<32>(*hex_decode(name.substr(kNumberDigits + 1)), "chain"));
}

std::string scope_words(const Scope& scope) {
  if (scope.evidence == Evidence::kRange)
    return "records " + std::to_string(scope.from) + " to " + std::to_string(scope.to - 1);
  const auto counted = [](std::size_t count, std::string one, std::string many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
  };
  std::string out;
  if (!scope.chains.empty()) out = counted(scope.chains.size(), "chain", "chains");
  if (!scope.events.empty())
    out += (out.empty() ? "" : " and ") +
           counted(scope.events.size(), "kind of record in its time", "kinds of record in their times");
  return out;
}

}  // namespace tocsin::protocol
