#pragma once
// SSHSIG: the armored signatures that stock `ssh-keygen -Y verify` accepts, here over a bundle's manifest.
//
// One key type (ssh-ed25519), one hash (SHA-256), one spelling: the reader refuses what the writer would not
// have written. The signed bytes begin with "SSHSIG", so the signature passes for no note and no statement
// of ours. Errors: kInvalidArgument, rule "bundle/sshsig"; kUnauthenticated when it does not verify.
// Concurrency: pure functions. Source: OpenSSH PROTOCOL.sshsig.

#include <string>
#include <string_view>

#include "crypto/sign.h"

namespace tocsin::protocol {

inline constexpr std::string_view kManifestNamespace = "tocsin-bundle";
inline constexpr std::size_t kSshsigBytesMax = 1024;

std::string sign_sshsig(const crypto::SigningKey& key, std::string_view name_space, std::string_view message);
Status verify_sshsig(std::string_view armored, const crypto::PublicKey& key, std::string_view name_space,
                     std::string_view message);
// The line that `ssh-keygen -Y verify -f` asks for.
std::string allowed_signer(std::string_view principal, std::string_view name_space,
                           const crypto::PublicKey& key);

}  // namespace tocsin::protocol
