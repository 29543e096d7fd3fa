#pragma once
// Signed notes: text that several keys signed, as checkpoints, bundle manifests and cosignatures use it.
//
// A note is text ending in a newline, a blank line, then lines "— <key name> <base64(key id || signature)>".
// It splits at its last blank line. A signature by a key nobody configured is ignored, even when it shares a
// name or an id with a known one; a signature by a known key must verify or the whole note is refused. One
// legal spelling: canonical base64, no carriage return, no control character. At most 16 signatures. Key
// types: a plain Ed25519 signature covers the text; a cosignature/v1 covers "cosignature/v1\ntime <POSIX
// seconds>\n" || text and carries that time. The type is part of the key id, so neither passes for the other.
// Errors: kInvalidArgument for what is malformed; kUnauthenticated for a bad or missing signature;
// kUnimplemented for a vkey of another type; rule "log/note". Concurrency: values and pure functions. Source:
// C2SP signed-note, tlog-cosignature.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "crypto/sign.h"

namespace tocsin::protocol {

inline constexpr std::size_t kNoteBytesMax =
    std::size_t{128} * 1024;  // 16 post-quantum signatures and room for the text
inline constexpr std::size_t kNoteSignaturesMax = 16;

enum class KeyType : std::uint8_t { kEd25519 = 0x01, kCosignatureV1 = 0x04 };
using NoteKeyId = FixedBytes<4>;

struct VerifierKey {
  std::string name;
  KeyType type = KeyType::kEd25519;
  crypto::PublicKey key{};
  NoteKeyId id{};  // first four bytes of SHA-256(name || 0x0A || type || key)

  friend bool operator==(const VerifierKey&, const VerifierKey&) = default;
};

// Refuses a bad name and a key that is not a point of the prime-order group.
Result<VerifierKey> make_verifier_key(std::string_view name, KeyType type, const crypto::PublicKey& key);
// "name+hex8(id)+base64(type || key)"; the id must be the computed one.
Result<VerifierKey> parse_vkey(std::string_view text);
std::string format_vkey(const VerifierKey& key);

struct NoteSignature {
  std::string name;
  NoteKeyId id{};
  Bytes signature;  // without the id; 64 bytes, or u64be time || 64 bytes for a cosignature
};

struct Note {
  std::string text;  // with its final newline
  std::vector<NoteSignature> signatures;
};

// A bundle's manifest may be longer than a checkpoint: its reader names another limit.
Result<Note> parse_note(std::string_view bytes, std::size_t bytes_max = kNoteBytesMax);
// Precondition: what parse_note demands of text, names and counts.
std::string format_note(const Note& note);

struct VerifiedSignature {
  std::size_t key = 0;       // index into the keys given
  std::uint64_t time_s = 0;  // of a cosignature; 0 for a plain signature
};
// The signatures by known keys, in the note's order; at least one.
Result<std::vector<VerifiedSignature>> verify_note(const Note& note, std::span<const VerifierKey> keys);

// A plain signature over `text` as `name`.
NoteSignature sign_note(const crypto::SigningKey& key, std::string_view name, std::string_view text);
// A cosignature/v1 over a checkpoint's text. `time_s` is at most 2^63 - 1.
NoteSignature cosign_note(const crypto::SigningKey& key, std::string_view name, std::uint64_t time_s,
                          std::string_view text);

}  // namespace tocsin::protocol
