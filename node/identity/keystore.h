#pragma once
// The node's keys, made once by init_node() and kept in DATA_DIR/keystore, one sealed file.
//
// What stands in it: the root key (signs descriptors; whoever has it is the node), the operational key (signs
// checkpoints), the X25519 envelope key (opens what peers send), the TLS key with its certificate, the chain
// key (blinds signal ids), the cosigner key (cosigns others' checkpoints), the KEK (wraps record keys) and
// the signed descriptor. The file is sealed under a passphrase or under 32 raw bytes from a systemd
// credential (crypto/keyfile.h). Guarantee: the file is replaced whole or not at all and survives a power
// cut; an existing directory with anything in it is never touched. What open_keystore() returns is
// consistent: every key is the one the descriptor names. Errors, each with why and fix: kAlreadyExists
// "directory/not-empty"; kNotFound "keystore/missing"; kUnauthenticated "keyfile/passphrase" or
// "keyfile/key"; kDataLoss "keyfile/damaged" or "keystore/inconsistent"; kPermissionDenied
// "file/permissions"; kInvalidArgument "keystore/lock" (no way to unlock was given, or one of the wrong
// kind), "identity/name", "identity/descriptor"; node/files' errors. Concurrency: one process per data
// directory; rotations of one directory must not overlap. Source: SPEC §2.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "crypto/hpke.h"
#include "crypto/password.h"
#include "crypto/sign.h"
#include "node/identity/tls_identity.h"
#include "protocol/identity/descriptor.h"

namespace tocsin::node {

// Lifetime of a descriptor and its certificate.
inline constexpr std::uint64_t kDescriptorLifetimeMs = 90ULL * 24 * 3600 * 1000;
// Of the first one under sigsum's origin: a key that is the log's name cannot be changed (SPEC §2).
inline constexpr std::uint64_t kFixedKeyLifetimeMs = 20ULL * 365 * 24 * 3600 * 1000;
// It is valid this long before it was made, for peers whose clocks are behind.
inline constexpr std::uint64_t kDescriptorBackdateMs = 24ULL * 3600 * 1000;

// What seals the keystore: a passphrase, or a raw key.
using KeystoreLock = std::variant<SecretBytes, Secret<32>>;
// From the passphrase file when one is named, else from CREDENTIALS_DIRECTORY/tocsin-kek (32 raw bytes); both
// may be empty, which is "keystore/lock".
Result<KeystoreLock> read_keystore_lock(const std::string& passphrase_file,
                                        const std::string& credentials_directory);

inline constexpr std::string_view kSigsumOrigin = "sigsum";
// Whether the origin is made of the ledger's key, as sigsum's is.
bool is_key_origin(std::string_view origin);

struct Keys {
  crypto::SigningKey root;
  crypto::SigningKey operational;
  crypto::KemKey envelope;
  std::optional<crypto::KemKey> previous_envelope;  // still opens what was sealed before a rotation
  Secret<32> chain_key;
  Secret<32> kek;
  crypto::SigningKey cosigner;
  std::uint32_t kek_epoch = 1;
  TlsIdentity tls;
  protocol::ValidDescriptor descriptor;
  // A new operational key that was made and does not stand in the descriptor yet, and the one it will stand
  // in.
  struct Next {
    crypto::SigningKey operational;
    protocol::ValidDescriptor descriptor;
  };
  std::optional<Next> next;
};

struct InitOptions {
  std::string data_dir;
  std::string name;        // as in the descriptor
  std::string address;     // "host:port" at which peers reach the node
  std::string log_origin;  // kSigsumOrigin: the one sigsum asks for, made from the operational key
  std::uint64_t now_ms = 0;
  crypto::Argon2Cost cost = crypto::kArgon2Moderate;
};
// Makes the directory (mode 0700; an empty one of ours is taken) and the keystore in it.
Result<Keys> init_node(const InitOptions& options, const KeystoreLock& lock);

Result<Keys> open_keystore(const std::string& data_dir, const KeystoreLock& lock);

struct Rotation {
  std::string data_dir;
  std::uint64_t now_ms = 0;
  crypto::Argon2Cost cost = crypto::kArgon2Moderate;
};
// A new TLS key and certificate, or a new envelope key, with a descriptor of the next sequence, valid for
// another lifetime; already stored.
Result<Keys> rotate_tls(const Rotation& rotation, const KeystoreLock& lock);
Result<Keys> rotate_envelope(const Rotation& rotation, const KeystoreLock& lock);
// Another address in the descriptor, "host:port"; kInvalidArgument "identity/descriptor" when it is none.
Result<Keys> set_address(const Rotation& rotation, const KeystoreLock& lock, const std::string& address);
// These three drop a next operational key that was staged: whoever calls them knows that no ledger names it.

// Two steps of a new operational key, each durable when it returns: stage makes the key and the descriptor
// that will name it; adopt makes them the node's and wipes the old key. The ledger's KEY_ADDED stands
// between. kFailedPrecondition "keystore/next" when nothing is staged.
Result<Keys> stage_operational(const Rotation& rotation, const KeystoreLock& lock);
Result<Keys> adopt_operational(const Rotation& rotation, const KeystoreLock& lock);

std::string keystore_path(const std::string& data_dir);

}  // namespace tocsin::node
