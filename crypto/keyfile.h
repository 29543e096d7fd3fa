#pragma once
// A sealed key file: a keystore's bytes under a passphrase, or under a 32-byte key from a systemd credential.
//
//   "tocsin-keyfile-v1\n" ‖ kind(1) ‖ [passes u32be ‖ memory_kib u32be, kind 1 only] ‖ salt(16) ‖ sealed ‖
//   checksum(32)
//
// `sealed` is crypto/seal.h's format under the derived key, with everything before it as associated data; the
// checksum is BLAKE2b-256 of everything before it. The checksum is no protection; it tells damage from a
// wrong passphrase:
//   kInvalidArgument   "keyfile/format"      not a key file, or one of another kind or version
//   kDataLoss          "keyfile/damaged"     cut or altered bytes
//   kUnauthenticated   "keyfile/passphrase"  intact, but sealed under another passphrase
//   kUnauthenticated   "keyfile/key"         intact, but sealed under another raw key
//   kInvalidArgument   "password/parameters" it asks for more than we accept
//   kResourceExhausted "password/memory"     too little memory for Argon2id
// Bytes in, bytes out; the caller does the I/O. Salt and nonce come from crypto/random.h. Concurrency: pure
// otherwise.

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"
#include "crypto/password.h"

namespace tocsin::crypto {

// Largest payload, bytes: a keystore is a few kilobytes.
inline constexpr std::size_t kKeyfilePayloadMax = 1 << 20;

enum class KeyfileKind : std::uint8_t { kPassphrase = 1, kRawKey = 2 };
// What the file needs to be opened; errors as above, the checksum included.
Result<KeyfileKind> keyfile_kind(ByteView file);

Result<Bytes> seal_keyfile(const SecretBytes& payload, const SecretBytes& passphrase,
                           const Argon2Cost& cost = kArgon2Moderate);
Result<SecretBytes> open_keyfile(ByteView file, const SecretBytes& passphrase);

Result<Bytes> seal_keyfile(const SecretBytes& payload, const Secret<32>& key);
Result<SecretBytes> open_keyfile(ByteView file, const Secret<32>& key);

}  // namespace tocsin::crypto
