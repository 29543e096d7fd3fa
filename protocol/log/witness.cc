#include "protocol/log/witness.h"

#include "crypto/base/encoding.h"
#include "protocol/log/text.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "log/witness";
constexpr std::string_view kOld = "old ";
// Stands for the text of a note when there are only its signatures.
constexpr std::string_view kNoText = "signatures\n";

tl::unexpected<Error> malformed(const char* why) {
  return fail(Code::kInvalidArgument, why, kRule);
}

}  // namespace

Result<AddCheckpoint> parse_add_checkpoint(std::string_view body) {
  if (body.size() > kAddCheckpointBytesMax) return malformed("a request to cosign is too long");
  AddCheckpoint out;
  auto line = take_line(body);
  if (!line || !line->starts_with(kOld)) return malformed("a request to cosign begins with \"old <size>\"");
  TRY_ASSIGN(out.old_size, parse_decimal(line->substr(kOld.size())));
  for (line = take_line(body); line && !line->empty(); line = take_line(body)) {
    if (out.proof.size() == kWitnessProofMax) return malformed("a consistency proof is longer than 63 lines");
    TRY_ASSIGN(const Bytes bytes, base64_decode(*line));
    if (bytes.size() != sizeof(Hash)) return malformed("a line of the proof is not one hash");
    TRY_ASSIGN(const Hash hash, fixed<32>(bytes, "hash"));
    out.proof.push_back(hash);
  }
  if (!line) return malformed("no blank line stands before the checkpoint");
  out.checkpoint = body;
  return out;
}

std::string format_add_checkpoint(const AddCheckpoint& request) {
  CHECK_INVARIANT(request.proof.size() <= kWitnessProofMax);
  std::string out = std::string(kOld) + std::to_string(request.old_size) + "\n";
  for (const Hash& hash : request.proof) out += base64_encode(hash) + "\n";
  return out + "\n" + request.checkpoint;
}

std::string format_signatures(std::span<const NoteSignature> signatures) {
  Note note;
  note.text = kNoText;
  note.signatures.assign(signatures.begin(), signatures.end());
  return format_note(note).substr(kNoText.size() + 1);
}

Result<std::vector<NoteSignature>> parse_signatures(std::string_view lines) {
  TRY_ASSIGN(Note note, parse_note(std::string(kNoText) + "\n" + std::string(lines)));
  if (note.text != kNoText) return malformed("signature lines have a blank line between them");
  return std::move(note.signatures);
}

}  // namespace tocsin::protocol
