#pragma once
// The key pair that backups are sealed to: the node learns the public half only, so that neither it nor
// whoever takes it over can read its own backups. The private half lies in a key file, away from the node.
//
//   recipient text: "tbk1-" ‖ hex(X25519 public key) ‖ hex(first four bytes of its SHA-256)
//   key file payload (crypto/keyfile.h): "tocsin-backup-key/1" 0x00 ‖ private key(32)
//
// Errors: kInvalidArgument "backup/recipient", "backup/key"; crypto/keyfile.h's and node/files'. Concurrency:
// values.

#include <string>
#include <string_view>

#include "crypto/base/secret.h"
#include "crypto/hpke.h"
#include "crypto/password.h"

namespace tocsin::node {

std::string format_recipient(const crypto::KemPublicKey& key);
Result<crypto::KemPublicKey> parse_recipient(std::string_view text);

// A new key in a new file of mode 0600, synced; an existing file is left alone (kAlreadyExists).
Result<crypto::KemPublicKey> make_backup_key(const std::string& path, const SecretBytes& passphrase,
                                             const crypto::Argon2Cost& cost = crypto::kArgon2Moderate);
Result<crypto::KemKey> read_backup_key(const std::string& path, const SecretBytes& passphrase);

}  // namespace tocsin::node
