#pragma once
// Sealing record bodies and pages under a data key, and wrapping that key for each recipient.
//
// sealed = version(1) ‖ key commitment(32) ‖ nonce(24) ‖ XChaCha20-Poly1305 ciphertext. The header and the
// caller's associated data are authenticated. The commitment fixes the one key that opens the bytes: without
// it a Poly1305 ciphertext can be made to open to two different statements under two keys. `nonce` and
// `entropy` are fresh random bytes, never used twice with a key; they are parameters so that a simulation can
// supply them. Errors of open: kInvalidArgument "seal/format"; kPermissionDenied "seal/key" (another key:
// decided by the commitment, before anything is decrypted); kDataLoss "seal/damaged" (right key, altered
// bytes or other associated data). Concurrency: pure functions. Source: privacy.md §1-2 of the design;
// draft-irtf-cfrg-xchacha; RFC 9180.

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"
#include "crypto/hpke.h"

namespace tocsin::crypto {

using DataKey = Secret<32>;
using SealNonce = FixedBytes<24>;
using WrappedKey = FixedBytes<32 + kHpkeOverhead>;

// Bytes that seal adds to a plaintext.
inline constexpr std::size_t kSealOverhead = 1 + 32 + 24 + 16;

// BLAKE2b-256 keyed with the data key over a fixed context: binds to the key, tells nothing of it.
Hash key_commitment(const DataKey& key);
// The commitment in a sealed string's header.
Result<Hash> sealed_commitment(ByteView sealed);

Bytes seal(const DataKey& key, const SealNonce& nonce, ByteView associated, ByteView plaintext);
Result<Bytes> open(const DataKey& key, ByteView associated, ByteView sealed);
// As open, for a plaintext that is itself a secret.
Result<SecretBytes> open_secret(const DataKey& key, ByteView associated, ByteView sealed);

// The data key for one recipient; `info` says suite, sender, recipient and epoch, and must be the same to
// unwrap.
Result<WrappedKey> wrap_key(const KemPublicKey& recipient, ByteView info, const DataKey& key,
                            const Secret<32>& entropy);
// Errors as hpke_open.
Result<DataKey> unwrap_key(const KemKey& recipient, ByteView info, ByteView wrapped);

}  // namespace tocsin::crypto
