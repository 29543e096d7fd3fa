#pragma once
// Checkpoints: a log's signed statement of its size and root, and what makes one believable.
//
// The text is "origin\nsize\nbase64(root)\n" and nothing more: no leading zero, no extension line, one
// spelling per value. The log signs it as a note under a key whose name is the origin. Errors:
// kInvalidArgument, rule "log/checkpoint" (or "log/note", "log/text"); kUnauthenticated when the log did not
// sign. Concurrency: values and pure functions.
// Source: C2SP tlog-checkpoint; ledger.md "Checkpoint".

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/sign.h"
#include "protocol/log/note.h"
#include "protocol/log/proof.h"

namespace tocsin::protocol {

struct Checkpoint {
  std::string origin;  // a valid key name (text.h)
  TreeHead tree;
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// Precondition: is_key_name(origin).
std::string format_checkpoint(const Checkpoint& checkpoint);
// The text of a note, not the note. A tree of size 0 must have the empty root.
Result<Checkpoint> parse_checkpoint(std::string_view text);

// The whole note with the log's own signature.
std::string sign_checkpoint(const crypto::SigningKey& key, const Checkpoint& checkpoint);

struct OpenedCheckpoint {
  Checkpoint checkpoint;
  Note note;
  std::vector<VerifiedSignature> signatures;  // by known keys
};
// Parses the note, verifies every known key's signature, and demands a plain one by a key named as the
// origin.
Result<OpenedCheckpoint> open_checkpoint(std::string_view note, std::span<const VerifierKey> keys);

}  // namespace tocsin::protocol
