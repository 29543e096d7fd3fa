#include "crypto/seal.h"

#include <sodium.h>

#include "crypto/hash.h"

namespace tocsin::crypto {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kCommitmentContext = "tocsin1/data-key-commitment";
constexpr std::size_t kHeader = 1 + 32;
constexpr std::size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTag = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(kSealOverhead == kHeader + kNonce + kTag);

Bytes with_header(ByteView header, ByteView associated) {
  Bytes out;
  out.reserve(header.size() + associated.size());
  append(out, header);
  append(out, associated);
  return out;
}

// `out` holds exactly sealed.size() − kSealOverhead bytes.
Status open_into(const DataKey& key, ByteView associated, ByteView sealed, std::span<std::uint8_t> out) {
  TRY_ASSIGN(const Hash committed, sealed_commitment(sealed));
  if (!equal_secret(committed, key_commitment(key)))
    return fail(Code::kPermissionDenied, "sealed under another key", "seal/key");
  const ByteView nonce = sealed.subspan(kHeader, kNonce);
  const ByteView ciphertext = sealed.subspan(kHeader + kNonce);
  const Bytes authenticated = with_header(sealed.first(kHeader), associated);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          out.data(), nullptr, nullptr, ciphertext.data(), ciphertext.size(), authenticated.data(),
          authenticated.size(), nonce.data(), key.expose().data()) != 0)
    return fail(Code::kDataLoss, "the sealed bytes or what they belong to were altered", "seal/damaged");
  return {};
}

Status check_sealed(ByteView sealed) {
  if (sealed.size() < kSealOverhead)
    return fail(Code::kInvalidArgument, "sealed bytes are cut short", "seal/format");
  if (sealed[0] != kVersion)
    return fail(Code::kInvalidArgument, "sealed bytes of an unknown version", "seal/format");
  return {};
}

}  // namespace

Hash key_commitment(const DataKey& key) {
  return blake2b_256(as_view(kCommitmentContext), key.expose());
}

Result<Hash> sealed_commitment(ByteView sealed) {
  TRY(check_sealed(sealed));
  return fixed<32>(sealed.subspan(1, 32), "key commitment");
}

Bytes seal(const DataKey& key, const SealNonce& nonce, ByteView associated, ByteView plaintext) {
  Bytes out;
  out.reserve(plaintext.size() + kSealOverhead);
  out.push_back(kVersion);
  append(out, key_commitment(key));
  const Bytes authenticated = with_header(out, associated);
  append(out, nonce);
  out.resize(plaintext.size() + kSealOverhead);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + kHeader + kNonce, nullptr, plaintext.data(),
                                             plaintext.size(), authenticated.data(), authenticated.size(),
                                             nullptr, nonce.data(), key.expose().data());
  return out;
}

Result<Bytes> open(const DataKey& key, ByteView associated, ByteView sealed) {
  TRY(check_sealed(sealed));
  Bytes out(sealed.size() - kSealOverhead);
  TRY(open_into(key, associated, sealed, out));
  return out;
}

Result<SecretBytes> open_secret(const DataKey& key, ByteView associated, ByteView sealed) {
  TRY(check_sealed(sealed));
  SecretBytes out(sealed.size() - kSealOverhead);
  TRY(open_into(key, associated, sealed, out.expose_mutable()));
  return out;
}

Result<WrappedKey> wrap_key(const KemPublicKey& recipient, ByteView info, const DataKey& key,
                            const Secret<32>& entropy) {
  TRY_ASSIGN(const Bytes sealed, hpke_seal(recipient, info, {}, key.expose(), entropy));
  return fixed<32 + kHpkeOverhead>(sealed, "wrapped key");
}

Result<DataKey> unwrap_key(const KemKey& recipient, ByteView info, ByteView wrapped) {
  TRY_ASSIGN(const WrappedKey exact, fixed<32 + kHpkeOverhead>(wrapped, "wrapped key"));
  TRY_ASSIGN(const SecretBytes key, hpke_open(recipient, info, {}, exact));
  return DataKey(std::span<const std::uint8_t, 32>(key.expose().data(), 32));
}

}  // namespace tocsin::crypto
