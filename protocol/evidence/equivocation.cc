#include "protocol/evidence/equivocation.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/log/text.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "evidence/equivocation";
constexpr std::string_view kMagic = "tocsin-equivocation/1";
constexpr std::string_view kDescriptor = "descriptor ";
constexpr std::string_view kRoot = "root ";
constexpr int kNoteLines = 5;  // origin, size, root, blank, signature
constexpr std::size_t kDescriptorBytesMax = 8192;
constexpr std::size_t kNoteMax = 4096;  // one TEXT slot

tl::unexpected<Error> malformed(std::string what) {
  return fail(Code::kInvalidArgument, "the proof of equivocation is malformed: " + std::move(what), kRule);
}

tl::unexpected<Error> unproven(std::string what) {
  return fail(Code::kFailedPrecondition, "this proves no equivocation: " + std::move(what), kRule);
}

// In the order of a proof: by size, then by root.
bool goes_first(const TreeHead& a, const TreeHead& b) {
  return a.size != b.size ? a.size < b.size : a.root < b.root;
}

struct Signed {
  ValidDescriptor descriptor;
  Checkpoint checkpoint;
};

Result<Signed> check_note(const std::string& note, ByteView descriptor) {
  if (note.size() > kNoteMax || descriptor.size() > kDescriptorBytesMax)
    return malformed("a part is too long");
  auto valid = parse_descriptor(descriptor);
  if (!valid) return malformed(valid.error().message);
  if (!equal(as_view(valid->signed_form().SerializeAsString()), descriptor))
    return malformed("a descriptor is not in its one encoding");
  auto key = make_verifier_key(valid->message().log_origin(), KeyType::kEd25519, valid->operational_key());
  if (!key) return malformed(key.error().message);
  const auto opened = open_checkpoint(note, std::span(&*key, 1));
  if (!opened && opened.error().code == Code::kUnauthenticated) return unproven(opened.error().message);
  if (!opened) return malformed(opened.error().message);
  if (opened->note.signatures.size() != 1) return malformed("a note has another signature than its log's");
  return Signed{std::move(*valid), opened->checkpoint};
}

}  // namespace

Result<SignedHead> read_signed_head(std::string_view note, const ValidDescriptor& descriptor) {
  TRY_ASSIGN(const auto key, make_verifier_key(descriptor.message().log_origin(), KeyType::kEd25519,
                                               descriptor.operational_key()));
  TRY_ASSIGN(const OpenedCheckpoint opened, open_checkpoint(note, std::span(&key, 1)));
  Note kept;
  kept.text = opened.note.text;
  for (const NoteSignature& line : opened.note.signatures)
    if (line.id == key.id && line.name == key.name && kept.signatures.empty())
      kept.signatures.push_back(line);
  return SignedHead{to_bytes(as_view(descriptor.signed_form().SerializeAsString())), format_note(kept),
                    opened.checkpoint.tree, opened.checkpoint.origin};
}

Result<Equivocation> verify_equivocation(const EquivocationProof& proof) {
  if (!proof.later_descriptor.empty() && equal(proof.later_descriptor, proof.descriptor))
    return malformed("a descriptor stands twice");
  TRY_ASSIGN(const Signed first, check_note(proof.first, proof.descriptor));
  TRY_ASSIGN(
      const Signed second,
      check_note(proof.second, proof.later_descriptor.empty() ? proof.descriptor : proof.later_descriptor));
  const TreeHead& a = first.checkpoint.tree;
  const TreeHead& b = second.checkpoint.tree;
  if (first.descriptor.fingerprint() != second.descriptor.fingerprint())
    return unproven("the two notes are of two nodes");
  if (first.checkpoint.origin != second.checkpoint.origin) return unproven("the two notes are of two logs");
  if (a == b) return unproven("both notes say the same");
  if (!goes_first(a, b)) return malformed("the notes are not in order");
  if (proof.root.has_value() != (a.size != b.size) || proof.root.has_value() == proof.consistency.empty())
    return malformed("a consistency proof stands with two sizes and not with one");
  if (proof.root) {
    if (a.size == 0) return unproven("an empty log is the beginning of any");
    if (*proof.root == a.root) return unproven("the second note goes on from the first");
    if (const auto led = verify_consistency({a.size, *proof.root}, b, proof.consistency); !led)
      return unproven(led.error().message);
  }
  return Equivocation{first.descriptor.fingerprint(), second.descriptor.name(), first.checkpoint.origin, a,
                      b};
}

EquivocationProof prove_one_size(const SignedHead& a, const SignedHead& b) {
  const bool in_order = goes_first(a.tree, b.tree);
  const SignedHead& first = in_order ? a : b;
  const SignedHead& second = in_order ? b : a;
  EquivocationProof out;
  out.descriptor = first.descriptor;
  if (!equal(first.descriptor, second.descriptor)) out.later_descriptor = second.descriptor;
  out.first = first.note;
  out.second = second.note;
  return out;
}

EquivocationProof prove_two_sizes(const SignedHead& earlier, const SignedHead& later, const Hash& root,
                                  Proof consistency) {
  EquivocationProof out = prove_one_size(earlier, later);
  out.root = root;
  out.consistency = std::move(consistency);
  return out;
}

namespace {

// The next lines of the file, as many as a proof's note has; their form is for verify to judge.
std::optional<std::string> take_note(std::string_view& rest) {
  std::string note;
  for (int i = 0; i < kNoteLines; ++i) {
    const auto line = take_line(rest);
    if (!line) return std::nullopt;
    (note += *line) += '\n';
  }
  return note;
}

Result<Bytes> base64_after(std::string_view prefix, std::string_view line) {
  return base64_decode(line.substr(prefix.size()));
}

Status take_proof(std::string_view& rest, EquivocationProof& out) {
  for (auto line = take_line(rest);; line = take_line(rest)) {
    if (!line) return malformed("it is cut");
    if (line->empty()) return {};
    const bool first = !out.root;
    if (first && !line->starts_with(kRoot)) return malformed("an unknown line");
    if (out.consistency.size() == kEquivocationProofMax)
      return malformed("its consistency proof is too long");
    const auto bytes = base64_after(first ? kRoot : std::string_view(), *line);
    const auto hash = bytes ? fixed<32>(*bytes, "hash") : Result<Hash>(tl::unexpected<Error>(bytes.error()));
    if (!hash) return malformed("a hash is not 32 bytes in base64");
    if (first)
      out.root = *hash;
    else
      out.consistency.push_back(*hash);
  }
}

}  // namespace

Result<EquivocationProof> parse_equivocation(std::string_view file) {
  if (file.size() > kEquivocationBytesMax) return malformed("it is too long");
  EquivocationProof out;
  std::string_view rest = file;
  if (take_line(rest) != kMagic) return malformed("its first line is not " + std::string(kMagic));
  for (Bytes* descriptor : {&out.descriptor, &out.later_descriptor}) {
    if (!rest.starts_with(kDescriptor)) break;
    const auto line = take_line(rest);
    auto bytes = line ? base64_after(kDescriptor, *line) : Result<Bytes>(malformed("it is cut"));
    if (!bytes || bytes->empty()) return malformed("a descriptor is not base64");
    *descriptor = std::move(*bytes);
  }
  if (out.descriptor.empty()) return malformed("it has no descriptor");
  TRY(take_proof(rest, out));
  auto first = take_note(rest);
  const auto between = take_line(rest);
  auto second = take_note(rest);
  if (!first || between != std::string_view() || !second || !rest.empty())
    return malformed("it does not end with two notes of five lines");
  out.first = std::move(*first);
  out.second = std::move(*second);
  return out;
}

std::string format_equivocation(const EquivocationProof& proof) {
  std::string out(kMagic);
  out += '\n';
  for (const Bytes* descriptor : {&proof.descriptor, &proof.later_descriptor})
    if (!descriptor->empty()) out += std::string(kDescriptor) + base64_encode(*descriptor) + "\n";
  if (proof.root) out += std::string(kRoot) + base64_encode(*proof.root) + "\n";
  for (const Hash& hash : proof.consistency) out += base64_encode(hash) + "\n";
  return out + "\n" + proof.first + "\n" + proof.second;
}

Hash equivocation_digest(const EquivocationProof& proof) {
  return crypto::sha256(as_view(format_equivocation(proof)));
}

std::vector<SlotValue> equivocation_slots(const EquivocationProof& proof, const Hash& issuer) {
  std::vector<SlotValue> out = {slot_bytes(0, SlotType::kSigned, proof.descriptor), slot_text(1, proof.first),
                                slot_text(2, proof.second)};
  if (proof.root) {
    Bytes hashes;
    for (const Hash& hash : proof.consistency) append(hashes, hash);
    out.push_back(slot_bytes(3, SlotType::kHash, *proof.root));
    out.push_back(slot_bytes(4, SlotType::kBytes, hashes));
  }
  if (!proof.later_descriptor.empty())
    out.push_back(slot_bytes(5, SlotType::kSigned, proof.later_descriptor));
  out.push_back(slot_bytes(kSlotOrigin, SlotType::kHash, issuer));
  return out;
}

Result<EquivocationProof> equivocation_of(const ValidEvent& event) {
  CHECK_INVARIANT(event.event() == Event::kEquivocationEvidence);
  EquivocationProof out;
  out.descriptor = to_bytes(event.bytes(0));
  out.first = event.text(1);
  out.second = event.text(2);
  if (event.has(3) != event.has(4)) return malformed("a root and a consistency proof come together");
  if (event.has(3)) {
    out.root = event.hash(3);
    const ByteView hashes = event.bytes(4);
    if (hashes.size() % sizeof(Hash) != 0) return malformed("its consistency proof is no list of hashes");
    out.consistency.resize(hashes.size() / sizeof(Hash));
    std::memcpy(out.consistency.data(), hashes.data(), hashes.size());
  }
  if (event.has(5)) out.later_descriptor = to_bytes(event.bytes(5));
  return out;
}

}  // namespace tocsin::protocol
