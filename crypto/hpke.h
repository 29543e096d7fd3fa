#pragma once
// HPKE in base mode: a message to the holder of an X25519 key, with a context both sides must agree on.
//
// Suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. Base mode does not say who sent: sign
// first. `entropy` is 32 fresh random bytes for the one-time key, never used twice; it is a parameter so that
// a simulation can supply it. Errors: kInvalidArgument, rule "hpke/key" (a key with an all-zero shared
// secret); kPermissionDenied, rule "hpke/open" (another recipient, info, associated data or altered bytes);
// kResourceExhausted after 2⁶⁴−1 messages. Concurrency: a sender or receiver belongs to one thread; the
// functions are pure. Source: RFC 9180.

#include <cstdint>

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"

namespace tocsin::crypto {

using KemPublicKey = FixedBytes<32>;
inline constexpr std::size_t kHpkeTag = 16;
// What hpke_seal adds to a plaintext: the encapsulated key and the tag.
inline constexpr std::size_t kHpkeOverhead = 32 + kHpkeTag;

// An X25519 key pair. Never made from an Ed25519 identity key.
class KemKey {
 public:
  // RFC 9180 DeriveKeyPair: from at least 32 bytes of keying material.
  static KemKey derive(ByteView material);
  static KemKey from_private(Secret<32> key);

  const KemPublicKey& public_key() const { return public_; }
  const Secret<32>& private_key() const { return private_; }
  KemKey copy() const { return KemKey(private_.copy(), public_); }

 private:
  KemKey(Secret<32> key, const KemPublicKey& pub) : private_(std::move(key)), public_(pub) {}
  Secret<32> private_;
  KemPublicKey public_;
};

// The key schedule's outcome, shared by both sides.
struct HpkeKeys {
  Secret<32> key;
  FixedBytes<12> base_nonce{};
  Secret<32> exporter;

  // A secret both sides can compute, bound to `context`; at most kHkdfOutputMax bytes.
  SecretBytes export_secret(ByteView context, std::size_t length) const;
};

class HpkeSender {
 public:
  static Result<HpkeSender> to(const KemPublicKey& recipient, ByteView info, const Secret<32>& entropy);

  const KemPublicKey& encapsulated() const { return encapsulated_; }
  const HpkeKeys& keys() const { return keys_; }
  Result<Bytes> seal(ByteView associated, ByteView plaintext);

 private:
  HpkeSender(const KemPublicKey& enc, HpkeKeys keys) : encapsulated_(enc), keys_(std::move(keys)) {}
  KemPublicKey encapsulated_;
  HpkeKeys keys_;
  std::uint64_t sequence_ = 0;
};

class HpkeReceiver {
 public:
  static Result<HpkeReceiver> from(const KemPublicKey& encapsulated, ByteView info, const KemKey& recipient);

  const HpkeKeys& keys() const { return keys_; }
  // Messages open in the order in which they were sealed; a refused one does not advance the order.
  Result<SecretBytes> open(ByteView associated, ByteView ciphertext);

 private:
  explicit HpkeReceiver(HpkeKeys keys) : keys_(std::move(keys)) {}
  HpkeKeys keys_;
  std::uint64_t sequence_ = 0;
};

// One message: encapsulated key ‖ ciphertext.
Result<Bytes> hpke_seal(const KemPublicKey& recipient, ByteView info, ByteView associated, ByteView plaintext,
                        const Secret<32>& entropy);
Result<SecretBytes> hpke_open(const KemKey& recipient, ByteView info, ByteView associated, ByteView sealed);

}  // namespace tocsin::crypto
