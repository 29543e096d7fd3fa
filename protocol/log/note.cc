#include "protocol/log/note.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/log/text.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "log/note";
constexpr std::string_view kDash = "\xE2\x80\x94 ";
constexpr std::size_t kTimeBytes = 8;
constexpr std::size_t kSignatureBytes = 64;
constexpr std::uint64_t kTimeMax = INT64_MAX;

tl::unexpected<Error> malformed(const char* why) {
  return fail(Code::kInvalidArgument, why, kRule);
}

NoteKeyId key_id(std::string_view name, KeyType type, const crypto::PublicKey& key) {
  const std::uint8_t middle[] = {'\n', static_cast<std::uint8_t>(type)};
  const Hash hash = crypto::sha256_parts({as_view(name), middle, key});
  NoteKeyId id;
  std::copy_n(hash.begin(), id.size(), id.begin());
  return id;
}

std::string cosigned_message(std::uint64_t time_s, std::string_view text) {
  std::string message = "cosignature/v1\ntime " + std::to_string(time_s) + "\n";
  message += text;
  return message;
}

Result<NoteSignature> parse_signature_line(std::string_view line) {
  if (!line.starts_with(kDash)) return malformed("a signature line starts with an em dash and a space");
  line.remove_prefix(kDash.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return malformed("a signature line has a name and a signature");
  NoteSignature out;
  out.name = line.substr(0, space);
  if (!is_key_name(out.name)) return malformed("a signature line has a bad key name");
  TRY_ASSIGN(const Bytes bytes, base64_decode(line.substr(space + 1)));
  if (bytes.size() <= out.id.size()) return malformed("a signature is too short for a key id");
  std::copy_n(bytes.begin(), out.id.size(), out.id.begin());
  out.signature.assign(bytes.begin() + static_cast<std::ptrdiff_t>(out.id.size()), bytes.end());
  return out;
}

Result<VerifiedSignature> verify_line(const NoteSignature& line, const VerifierKey& key,
                                      std::string_view text) {
  const bool cosignature = key.type == KeyType::kCosignatureV1;
  const std::size_t ahead = cosignature ? kTimeBytes : 0;
  if (line.signature.size() != ahead + kSignatureBytes)
    return fail(Code::kUnauthenticated, "a signature by " + key.name + " has the wrong length", kRule);
  VerifiedSignature out;
  std::string message;
  if (cosignature) {
    out.time_s = get_be<std::uint64_t>(line.signature.data());
    if (out.time_s > kTimeMax)
      return fail(Code::kUnauthenticated, "a cosignature's time passes 2^63 - 1", kRule);
    message = cosigned_message(out.time_s, text);
    text = message;
  }
  crypto::Signature signature;
  std::copy_n(line.signature.begin() + static_cast<std::ptrdiff_t>(ahead), signature.size(),
              signature.begin());
  if (!crypto::verify_raw(as_view(text), signature, key.key))
    return fail(Code::kUnauthenticated, "a signature by " + key.name + " does not verify", kRule);
  return out;
}

}  // namespace

Result<VerifierKey> make_verifier_key(std::string_view name, KeyType type, const crypto::PublicKey& key) {
  if (!is_key_name(name)) return malformed("a key name is empty, too long, or has a space or a plus");
  TRY(crypto::check_public_key(key));
  return VerifierKey{std::string(name), type, key, key_id(name, type, key)};
}

Result<VerifierKey> parse_vkey(std::string_view text) {
  constexpr std::size_t kIdDigits = 8;
  // A post-quantum key is refused by its type, not by its length.
  constexpr std::size_t kKeyTextMax = 4096;
  const std::size_t plus = text.find('+');
  if (plus == std::string_view::npos || text.size() - plus < kIdDigits + 2 ||
      text[plus + 1 + kIdDigits] != '+' || text.size() - plus > kKeyTextMax)
    return malformed("a verifier key is name+id+key");
  const std::string_view id_text = text.substr(plus + 1, kIdDigits);
  TRY_ASSIGN(const Bytes material, base64_decode(text.substr(plus + kIdDigits + 2)));
  if (material.empty()) return malformed("a verifier key is empty");
  const auto type = static_cast<KeyType>(material[0]);
  if (type != KeyType::kEd25519 && type != KeyType::kCosignatureV1)
    return fail(Code::kUnimplemented, "a verifier key is neither Ed25519 nor cosignature/v1", kRule);
  TRY_ASSIGN(const auto key, fixed<32>(ByteView(material).subspan(1), "verifier key"));
  TRY_ASSIGN(VerifierKey out, make_verifier_key(text.substr(0, plus), type, key));
  if (hex_encode(out.id) != id_text) return malformed("a verifier key's id is not that of its name and key");
  return out;
}

std::string format_vkey(const VerifierKey& key) {
  Bytes material = {static_cast<std::uint8_t>(key.type)};
  append(material, key.key);
  return key.name + "+" + hex_encode(key.id) + "+" + base64_encode(material);
}

Result<Note> parse_note(std::string_view bytes, std::size_t bytes_max) {
  if (bytes.size() > bytes_max) return malformed("a note is longer than its limit");
  if (!is_note_text(bytes)) return malformed("a note is not UTF-8 without control characters");
  const std::size_t split = bytes.rfind("\n\n");
  if (split == std::string_view::npos) return malformed("a note has no blank line before its signatures");
  Note note;
  note.text = bytes.substr(0, split + 1);
  std::string_view rest = bytes.substr(split + 2);
  while (!rest.empty()) {
    const auto line = take_line(rest);
    if (!line) return malformed("a note's last signature line has no newline");
    if (note.signatures.size() == kNoteSignaturesMax) return malformed("a note has more than 16 signatures");
    TRY_ASSIGN(NoteSignature signature, parse_signature_line(*line));
    note.signatures.push_back(std::move(signature));
  }
  if (note.signatures.empty()) return malformed("a note has no signature");
  return note;
}

std::string format_note(const Note& note) {
  CHECK_INVARIANT(note.text.ends_with('\n') && note.signatures.size() <= kNoteSignaturesMax);
  std::string out = note.text + "\n";
  for (const NoteSignature& signature : note.signatures) {
    CHECK_INVARIANT(is_key_name(signature.name));
    Bytes bytes = to_bytes(signature.id);
    append(bytes, signature.signature);
    out.append(kDash).append(signature.name).append(" ").append(base64_encode(bytes)).append("\n");
  }
  return out;
}

Result<std::vector<VerifiedSignature>> verify_note(const Note& note, std::span<const VerifierKey> keys) {
  std::vector<VerifiedSignature> verified;
  for (const NoteSignature& line : note.signatures) {
    const auto known = std::find_if(keys.begin(), keys.end(), [&](const VerifierKey& key) {
      return key.id == line.id && key.name == line.name;
    });
    if (known == keys.end()) continue;
    TRY_ASSIGN(VerifiedSignature signature, verify_line(line, *known, note.text));
    signature.key = static_cast<std::size_t>(known - keys.begin());
    verified.push_back(signature);
  }
  if (verified.empty()) return fail(Code::kUnauthenticated, "no known key signed the note", kRule);
  return verified;
}

NoteSignature sign_note(const crypto::SigningKey& key, std::string_view name, std::string_view text) {
  const crypto::Signature signature = key.sign_raw(as_view(text));
  return {std::string(name), key_id(name, KeyType::kEd25519, key.public_key()), to_bytes(signature)};
}

NoteSignature cosign_note(const crypto::SigningKey& key, std::string_view name, std::uint64_t time_s,
                          std::string_view text) {
  CHECK_INVARIANT(time_s <= kTimeMax);
  Bytes bytes;
  append_be(bytes, time_s);
  append(bytes, key.sign_raw(as_view(cosigned_message(time_s, text))));
  return {std::string(name), key_id(name, KeyType::kCosignatureV1, key.public_key()), std::move(bytes)};
}

}  // namespace tocsin::protocol
