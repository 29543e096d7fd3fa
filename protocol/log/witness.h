#pragma once
// What a log and a witness say to each other: the request to cosign a checkpoint, and the signature lines of
// the answer.
//
// A request is "old <size>", at most 63 lines of base64 hashes, a blank line, and the signed note. Guarantee:
// parsing is strict, linear, and trusts nothing: neither the note nor the proof has been judged. Errors:
// kInvalidArgument, rule "log/witness" (or "log/note"). Concurrency: values and pure functions. Source: C2SP
// tlog-witness; SPEC §12.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/log/note.h"
#include "protocol/log/proof.h"

namespace tocsin::protocol {

inline constexpr std::size_t kWitnessProofMax = 63;
// A proof of 63 lines, a checkpoint and a few dozen signatures; what one message of the peer link takes.
inline constexpr std::size_t kAddCheckpointBytesMax = std::size_t{24} * 1024;

struct AddCheckpoint {
  std::uint64_t old_size = 0;
  Proof proof;
  std::string checkpoint;  // the signed note, verbatim
};

Result<AddCheckpoint> parse_add_checkpoint(std::string_view body);
// Precondition: at most kWitnessProofMax hashes.
std::string format_add_checkpoint(const AddCheckpoint& request);

// "— <name> <base64>\n" each.
std::string format_signatures(std::span<const NoteSignature> signatures);
// One to 16 lines and nothing else.
Result<std::vector<NoteSignature>> parse_signatures(std::string_view lines);

}  // namespace tocsin::protocol
