#include "protocol/log/checkpoint.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "protocol/log/text.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "log/checkpoint";

tl::unexpected<Error> malformed(const char* why) {
  return fail(Code::kInvalidArgument, why, kRule);
}

}  // namespace

std::string format_checkpoint(const Checkpoint& checkpoint) {
  CHECK_INVARIANT(is_key_name(checkpoint.origin));
  return checkpoint.origin + "\n" + std::to_string(checkpoint.tree.size) + "\n" +
         base64_encode(checkpoint.tree.root) + "\n";
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  const auto origin = take_line(text);
  const auto size = take_line(text);
  const auto root = take_line(text);
  if (!root) return malformed("a checkpoint has three lines");
  if (!text.empty()) return malformed("a checkpoint has an extension line");
  if (!is_key_name(*origin)) return malformed("a checkpoint's origin is not a key name");
  Checkpoint out;
  out.origin = *origin;
  TRY_ASSIGN(out.tree.size, parse_decimal(*size));
  TRY_ASSIGN(const Bytes bytes, base64_decode(*root));
  TRY_ASSIGN(out.tree.root, fixed<32>(bytes, "root"));
  if (out.tree.size == 0 && out.tree.root != empty_root())
    return malformed("a checkpoint of an empty tree has another root");
  return out;
}

std::string sign_checkpoint(const crypto::SigningKey& key, const Checkpoint& checkpoint) {
  Note note;
  note.text = format_checkpoint(checkpoint);
  note.signatures.push_back(sign_note(key, checkpoint.origin, note.text));
  return format_note(note);
}

Result<OpenedCheckpoint> open_checkpoint(std::string_view note, std::span<const VerifierKey> keys) {
  OpenedCheckpoint out;
  TRY_ASSIGN(out.note, parse_note(note));
  TRY_ASSIGN(out.checkpoint, parse_checkpoint(out.note.text));
  TRY_ASSIGN(out.signatures, verify_note(out.note, keys));
  const bool by_log =
      std::any_of(out.signatures.begin(), out.signatures.end(), [&](const VerifiedSignature& s) {
        return keys[s.key].type == KeyType::kEd25519 && keys[s.key].name == out.checkpoint.origin;
      });
  if (!by_log) return fail(Code::kUnauthenticated, "the log itself did not sign the checkpoint", kRule);
  return out;
}

}  // namespace tocsin::protocol
