#include "protocol/verify/index_proof.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/log/text.h"

namespace tocsin::protocol {
namespace {

constexpr std::string_view kHeader = "tocsin-index/1";
constexpr std::string_view kPresent = "present";
constexpr std::string_view kAbsent = "absent";
constexpr std::string_view kEntry = "entry ";
constexpr std::size_t kProofHashesMax = 64;
constexpr std::size_t kBatch = 256;

tl::unexpected<Error> malformed(const char* why) {
  return fail(Code::kInvalidArgument, why, "bundle/index");
}

Result<IndexEntry> decode_entry(ByteView bytes) {
  if (bytes.size() != kIndexEntryBytes) return malformed("an index entry is 80 bytes");
  IndexEntry entry;
  std::memcpy(entry.chain.data(), bytes.data(), 32);
  entry.last_seq = get_be<std::uint64_t>(bytes.data() + 32);
  entry.last_index = get_be<std::uint64_t>(bytes.data() + 40);
  std::memcpy(entry.last_hash.data(), bytes.data() + 48, 32);
  return entry;
}

Result<IndexProof::Place> parse_place(std::string_view line, std::string_view& rest) {
  IndexProof::Place place;
  if (!line.starts_with(kEntry)) return malformed("an index proof's line is no entry");
  line.remove_prefix(kEntry.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return malformed("an index entry has a position and its bytes");
  TRY_ASSIGN(place.position, parse_decimal(line.substr(0, space)));
  TRY_ASSIGN(const Bytes bytes, base64_decode(line.substr(space + 1)));
  TRY_ASSIGN(place.entry, decode_entry(bytes));
  while (!rest.empty() && !rest.starts_with(kEntry)) {
    const auto hash_line = take_line(rest);
    if (!hash_line || place.proof.size() == kProofHashesMax) return malformed("an index proof is too long");
    TRY_ASSIGN(const Bytes hash, base64_decode(*hash_line));
    TRY_ASSIGN(const Hash sibling, fixed<32>(hash, "an index proof's hash"));
    place.proof.push_back(sibling);
  }
  return place;
}

}  // namespace

Bytes encode_index_entry(const IndexEntry& entry) {
  Bytes out;
  append(out, entry.chain);
  append_be(out, entry.last_seq);
  append_be(out, entry.last_index);
  append(out, entry.last_hash);
  return out;
}

void IndexTree::add(const IndexEntry& entry) {
  append(pending_, encode_index_entry(entry));
  if (pending_.size() == kBatch * kIndexEntryBytes) flush();
}

void IndexTree::flush() {
  std::vector<Hash> hashes(pending_.size() / kIndexEntryBytes);
  if (hashes.empty()) return;
  crypto::leaf_hashes(pending_, kIndexEntryBytes, hashes);
  range_.append(hashes);
  pending_.clear();
}

Hash IndexTree::root() {
  flush();
  return range_.root();
}

IndexProof prove_in_index(const std::vector<IndexEntry>& entries, const Hash& chain) {
  std::vector<Hash> leaves;
  for (const IndexEntry& entry : entries) leaves.push_back(leaf_hash(encode_index_entry(entry)));
  const NodeSource nodes = [&](unsigned level, std::uint64_t index) -> Result<Hash> {
    return complete_root(
        std::span(leaves).subspan(static_cast<std::size_t>(index << level), std::size_t{1} << level));
  };
  const auto at = std::lower_bound(entries.begin(), entries.end(), chain,
                                   [](const IndexEntry& entry, const Hash& c) { return entry.chain < c; });
  const auto position = static_cast<std::size_t>(at - entries.begin());
  IndexProof out;
  out.present = at != entries.end() && at->chain == chain;
  const std::size_t first = out.present || position == 0 ? position : position - 1;
  const std::size_t last = std::min(position + 1, entries.size());
  for (std::size_t i = first; i < last; ++i) {
    auto proof = inclusion_proof(i, entries.size(), nodes);
    CHECK_INVARIANT(proof.has_value());
    out.places.push_back({i, entries[i], std::move(*proof)});
  }
  return out;
}

std::string format_index_proof(const IndexProof& proof) {
  std::string out = std::string(kHeader) + "\n";
  out.append(proof.present ? kPresent : kAbsent).append("\n");
  for (const IndexProof::Place& place : proof.places) {
    out.append(kEntry).append(std::to_string(place.position)).append(" ");
    out.append(base64_encode(encode_index_entry(place.entry))).append("\n");
    for (const Hash& hash : place.proof) out.append(base64_encode(hash)).append("\n");
  }
  return out;
}

Result<IndexProof> parse_index_proof(std::string_view text) {
  if (take_line(text) != kHeader) return malformed("an index proof begins with tocsin-index/1");
  const auto kind = take_line(text);
  if (kind != kPresent && kind != kAbsent) return malformed("an index proof says present or absent");
  IndexProof proof;
  proof.present = kind == kPresent;
  while (!text.empty()) {
    const auto line = take_line(text);
    if (!line) return malformed("an index proof's last line has no end");
    TRY_ASSIGN(IndexProof::Place place, parse_place(*line, text));
    proof.places.push_back(std::move(place));
    if (proof.places.size() > 2) return malformed("an index proof has too many entries");
  }
  return proof;
}

Status verify_index_proof(const IndexProof& proof, const Hash& chain, const IndexEpoch& epoch) {
  const auto wrong = [](const char* why) { return fail(Code::kDataLoss, why, "bundle/index"); };
  for (const IndexProof::Place& place : proof.places)
    TRY(verify_inclusion(leaf_hash(encode_index_entry(place.entry)), place.position, epoch.chains,
                         place.proof, epoch.root));
  if (proof.present)
    return proof.places.size() == 1 && proof.places[0].entry.chain == chain
               ? Status()
               : wrong("an index entry is of another chain");
  if (proof.places.empty())
    return epoch.chains == 0 ? Status() : wrong("an index that has entries proves absence by neighbours");
  const IndexProof::Place& first = proof.places.front();
  const IndexProof::Place& last = proof.places.back();
  if (proof.places.size() == 2)
    return last.position - first.position == 1 && first.entry.chain < chain && chain < last.entry.chain
               ? Status()
               : wrong("the entries are not the chain's neighbours");
  const bool before_all = first.position == 0 && chain < first.entry.chain;
  const bool behind_all = first.position + 1 == epoch.chains && first.entry.chain < chain;
  return before_all || behind_all ? Status() : wrong("the entry is not at the index's end");
}

}  // namespace tocsin::protocol
