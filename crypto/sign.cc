#include "crypto/sign.h"

#include <algorithm>

#include <sodium.h>

namespace tocsin::crypto {
namespace {

constexpr std::string_view kDomain = "tocsin1/";

Bytes in_domain(std::string_view type, ByteView bytes) {
  const bool plain = std::all_of(type.begin(), type.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '/';
  });
  CHECK_INVARIANT(!type.empty() && type.size() <= 64 && plain);
  Bytes out;
  out.reserve(kDomain.size() + type.size() + 1 + bytes.size());
  append(out, as_view(kDomain));
  append(out, as_view(type));
  out.push_back(0x00);
  append(out, bytes);
  return out;
}

}  // namespace

SigningKey SigningKey::from_seed(const Secret<32>& seed) {
  Secret<64> secret;
  PublicKey key;
  crypto_sign_seed_keypair(key.data(), secret.expose_mutable().data(), seed.expose().data());
  return SigningKey(std::move(secret), key);
}

Secret<32> SigningKey::seed() const {
  Secret<32> out;
  crypto_sign_ed25519_sk_to_seed(out.expose_mutable().data(), secret_.expose().data());
  return out;
}

Signature SigningKey::sign(std::string_view type, ByteView bytes) const {
  return sign_raw(in_domain(type, bytes));
}

Signature SigningKey::sign_raw(ByteView bytes) const {
  Signature out;
  crypto_sign_detached(out.data(), nullptr, not_null(bytes), bytes.size(), secret_.expose().data());
  return out;
}

Status verify(std::string_view type, ByteView bytes, const Signature& signature, const PublicKey& key) {
  return verify_raw(in_domain(type, bytes), signature, key);
}

Status verify_raw(ByteView bytes, const Signature& signature, const PublicKey& key) {
  if (crypto_sign_verify_detached(signature.data(), not_null(bytes), bytes.size(), key.data()) != 0)
    return fail(Code::kUnauthenticated, "the signature does not match the statement and key",
                "sign/signature");
  return {};
}

Status check_public_key(const PublicKey& key) {
  if (crypto_core_ed25519_is_valid_point(key.data()) != 1)
    return fail(Code::kInvalidArgument, "not an Ed25519 public key", "sign/key");
  return {};
}

}  // namespace tocsin::crypto
