#include "protocol/verify/sshsig.h"

#include "crypto/base/encoding.h"
#include "crypto/hash.h"

namespace tocsin::protocol {
namespace {

constexpr std::string_view kMagic = "SSHSIG";
constexpr std::string_view kKeyType = "ssh-ed25519";
constexpr std::string_view kHashName = "sha256";
constexpr std::string_view kBegin = "-----BEGIN SSH SIGNATURE-----\n";
constexpr std::string_view kEnd = "-----END SSH SIGNATURE-----\n";
constexpr std::size_t kLineWidth = 70;

void put_string(Bytes& out, ByteView value) {
  append_be(out, static_cast<std::uint32_t>(value.size()));
  append(out, value);
}

Bytes key_blob(const crypto::PublicKey& key) {
  Bytes out;
  put_string(out, as_view(kKeyType));
  put_string(out, key);
  return out;
}

Bytes signed_bytes(std::string_view name_space, std::string_view message) {
  Bytes out = to_bytes(as_view(kMagic));
  put_string(out, as_view(name_space));
  put_string(out, {});
  put_string(out, as_view(kHashName));
  put_string(out, crypto::sha256(as_view(message)));
  return out;
}

// Everything of the blob but the 64 bytes of the signature, which end it.
Bytes blob_head(const crypto::PublicKey& key, std::string_view name_space) {
  Bytes out = to_bytes(as_view(kMagic));
  append_be(out, std::uint32_t{1});
  put_string(out, key_blob(key));
  put_string(out, as_view(name_space));
  put_string(out, {});
  put_string(out, as_view(kHashName));
  append_be(out, static_cast<std::uint32_t>(4 + kKeyType.size() + 4 + sizeof(crypto::Signature)));
  put_string(out, as_view(kKeyType));
  append_be(out, static_cast<std::uint32_t>(sizeof(crypto::Signature)));
  return out;
}

std::string armor(ByteView blob) {
  const std::string text = base64_encode(blob);
  std::string out(kBegin);
  for (std::size_t at = 0; at < text.size(); at += kLineWidth)
    out.append(text.substr(at, kLineWidth)).append("\n");
  return out.append(kEnd);
}

}  // namespace

std::string sign_sshsig(const crypto::SigningKey& key, std::string_view name_space,
                        std::string_view message) {
  Bytes blob = blob_head(key.public_key(), name_space);
  append(blob, key.sign_raw(signed_bytes(name_space, message)));
  return armor(blob);
}

Status verify_sshsig(std::string_view armored, const crypto::PublicKey& key, std::string_view name_space,
                     std::string_view message) {
  const auto malformed = [](const char* why) { return fail(Code::kInvalidArgument, why, "bundle/sshsig"); };
  if (armored.size() > kSshsigBytesMax || !armored.starts_with(kBegin) || !armored.ends_with(kEnd) ||
      armored.size() < kBegin.size() + kEnd.size())
    return malformed("not an armored SSH signature");
  std::string text;
  for (const char c : armored.substr(kBegin.size(), armored.size() - kBegin.size() - kEnd.size()))
    if (c != '\n') text += c;
  TRY_ASSIGN(const Bytes blob, base64_decode(text));
  if (armor(blob) != armored) return malformed("an SSH signature's lines are not 70 characters wide");
  const Bytes head = blob_head(key, name_space);
  if (blob.size() != head.size() + sizeof(crypto::Signature) ||
      !equal(ByteView(blob).first(head.size()), head))
    return malformed("the SSH signature is of another key, namespace or kind");
  TRY_ASSIGN(const crypto::Signature signature, fixed<64>(ByteView(blob).subspan(head.size()), "signature"));
  if (!crypto::verify_raw(signed_bytes(name_space, message), signature, key))
    return fail(Code::kUnauthenticated, "the SSH signature does not verify", "bundle/sshsig");
  return {};
}

std::string allowed_signer(std::string_view principal, std::string_view name_space,
                           const crypto::PublicKey& key) {
  return std::string(principal) + " namespaces=\"" + std::string(name_space) + "\" " + std::string(kKeyType) +
         " " + base64_encode(key_blob(key)) + "\n";
}

}  // namespace tocsin::protocol
