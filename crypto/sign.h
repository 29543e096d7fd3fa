#pragma once
// Ed25519 signatures over exact bytes, each kind of statement in a domain of its own.
//
// sign(type, bytes) covers "tocsin1/" ‖ type ‖ 0x00 ‖ bytes, so a signature made for one kind of statement
// never passes for another. sign_raw covers the bytes alone: only for formats that others define (C2SP signed
// notes, SSHSIG). Guarantee: signatures are deterministic (RFC 8032); verification refuses small-order and
// non-canonical keys, small- order R and S ≥ L. Errors: kUnauthenticated, rule "sign/signature";
// kInvalidArgument, rule "sign/key". Concurrency: const methods and functions from any thread. Source: RFC
// 8032 §5.1; privacy.md §1 of the design.

#include <string_view>

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"

namespace tocsin::crypto {

using PublicKey = FixedBytes<32>;
using Signature = FixedBytes<64>;

// A signing key; its seed is 32 uniformly random bytes.
class SigningKey {
 public:
  static SigningKey from_seed(const Secret<32>& seed);

  const PublicKey& public_key() const { return public_; }
  // The seed again, to be stored under a KEK.
  Secret<32> seed() const;
  SigningKey copy() const { return SigningKey(secret_.copy(), public_); }

  // `type` is a literal such as "descriptor": 1 to 64 characters of a-z 0-9 - /.
  Signature sign(std::string_view type, ByteView bytes) const;
  Signature sign_raw(ByteView bytes) const;

 private:
  SigningKey(Secret<64> secret, const PublicKey& key) : secret_(std::move(secret)), public_(key) {}
  Secret<64> secret_;  // libsodium's form: seed ‖ public key
  PublicKey public_;
};

Status verify(std::string_view type, ByteView bytes, const Signature& signature, const PublicKey& key);
Status verify_raw(ByteView bytes, const Signature& signature, const PublicKey& key);

// Whether `key` is a canonical point of the prime-order group: ask once, when a key is admitted (it costs as
// much as a verification). verify() alone does not refuse keys of mixed order.
Status check_public_key(const PublicKey& key);

}  // namespace tocsin::crypto
