#include "crypto/hpke.h"

#include <limits>

#include <sodium.h>

#include "crypto/base/encoding.h"
#include "crypto/kdf.h"

namespace tocsin::crypto {
namespace {

constexpr std::string_view kVersion = "HPKE-v1";
constexpr std::uint8_t kKemSuite[] = {'K', 'E', 'M', 0x00, 0x20};
constexpr std::uint8_t kHpkeSuite[] = {'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0x00, 0x03};

Secret<32> labeled_extract(ByteView suite, ByteView salt, std::string_view label, ByteView material) {
  return hkdf_extract(salt, {as_view(kVersion), suite, as_view(label), material});
}

void labeled_expand(ByteView suite, const Secret<32>& prk, std::string_view label, ByteView info,
                    std::span<std::uint8_t> out) {
  FixedBytes<2> length;
  put_be(length.data(), static_cast<std::uint16_t>(out.size()));
  hkdf_expand(prk, {length, as_view(kVersion), suite, as_view(label), info}, out);
}

// DH, then ExtractAndExpand of DHKEM (RFC 9180 §4.1).
Result<Secret<32>> shared_secret(const Secret<32>& own, const KemPublicKey& other,
                                 const KemPublicKey& encapsulated, const KemPublicKey& recipient) {
  Secret<32> point;
  if (crypto_scalarmult_curve25519(point.expose_mutable().data(), own.expose().data(), other.data()) != 0)
    return fail(Code::kInvalidArgument, "the X25519 key gives no shared secret", "hpke/key");
  const Secret<32> prk = labeled_extract(kKemSuite, {}, "eae_prk", point.expose());
  FixedBytes<64> context;
  std::memcpy(context.data(), encapsulated.data(), 32);
  std::memcpy(context.data() + 32, recipient.data(), 32);
  Secret<32> out;
  labeled_expand(kKemSuite, prk, "shared_secret", context, out.expose_mutable());
  return out;
}

// KeySchedule for mode_base (RFC 9180 §5.1): no pre-shared key.
HpkeKeys key_schedule(const Secret<32>& shared, ByteView info) {
  const Secret<32> psk_id_hash = labeled_extract(kHpkeSuite, {}, "psk_id_hash", {});
  const Secret<32> info_hash = labeled_extract(kHpkeSuite, {}, "info_hash", info);
  FixedBytes<65> context{};
  std::memcpy(context.data() + 1, psk_id_hash.expose().data(), 32);
  std::memcpy(context.data() + 33, info_hash.expose().data(), 32);
  const Secret<32> secret = labeled_extract(kHpkeSuite, shared.expose(), "secret", {});
  HpkeKeys keys;
  labeled_expand(kHpkeSuite, secret, "key", context, keys.key.expose_mutable());
  labeled_expand(kHpkeSuite, secret, "base_nonce", context, keys.base_nonce);
  labeled_expand(kHpkeSuite, secret, "exp", context, keys.exporter.expose_mutable());
  return keys;
}

FixedBytes<12> nonce_at(const FixedBytes<12>& base, std::uint64_t sequence) {
  FixedBytes<8> counter;
  put_be(counter.data(), sequence);
  FixedBytes<12> nonce = base;
  for (std::size_t i = 0; i < counter.size(); ++i) nonce[4 + i] ^= counter[i];
  return nonce;
}

Status check_sequence(std::uint64_t sequence) {
  if (sequence == std::numeric_limits<std::uint64_t>::max())
    return fail(Code::kResourceExhausted, "this HPKE context has sealed all the messages it may",
                "hpke/sequence");
  return {};
}

}  // namespace

KemKey KemKey::derive(ByteView material) {
  CHECK_INVARIANT(material.size() >= 32);
  const Secret<32> prk = labeled_extract(kKemSuite, {}, "dkp_prk", material);
  Secret<32> key;
  labeled_expand(kKemSuite, prk, "sk", {}, key.expose_mutable());
  return from_private(std::move(key));
}

KemKey KemKey::from_private(Secret<32> key) {
  KemPublicKey pub;
  crypto_scalarmult_curve25519_base(pub.data(), key.expose().data());
  return KemKey(std::move(key), pub);
}

SecretBytes HpkeKeys::export_secret(ByteView context, std::size_t length) const {
  SecretBytes out(length);
  labeled_expand(kHpkeSuite, exporter, "sec", context, out.expose_mutable());
  return out;
}

Result<HpkeSender> HpkeSender::to(const KemPublicKey& recipient, ByteView info, const Secret<32>& entropy) {
  const KemKey once = KemKey::derive(entropy.expose());
  TRY_ASSIGN(const Secret<32> shared,
             shared_secret(once.private_key(), recipient, once.public_key(), recipient));
  return HpkeSender(once.public_key(), key_schedule(shared, info));
}

Result<Bytes> HpkeSender::seal(ByteView associated, ByteView plaintext) {
  TRY(check_sequence(sequence_));
  const FixedBytes<12> nonce = nonce_at(keys_.base_nonce, sequence_++);
  Bytes out(plaintext.size() + kHpkeTag);
  crypto_aead_chacha20poly1305_ietf_encrypt(out.data(), nullptr, plaintext.data(), plaintext.size(),
                                            associated.data(), associated.size(), nullptr, nonce.data(),
                                            keys_.key.expose().data());
  return out;
}

Result<HpkeReceiver> HpkeReceiver::from(const KemPublicKey& encapsulated, ByteView info,
                                        const KemKey& recipient) {
  TRY_ASSIGN(const Secret<32> shared,
             shared_secret(recipient.private_key(), encapsulated, encapsulated, recipient.public_key()));
  return HpkeReceiver(key_schedule(shared, info));
}

Result<SecretBytes> HpkeReceiver::open(ByteView associated, ByteView ciphertext) {
  TRY(check_sequence(sequence_));
  if (ciphertext.size() < kHpkeTag)
    return fail(Code::kInvalidArgument, "an HPKE ciphertext is at least 16 bytes long", "hpke/format");
  const FixedBytes<12> nonce = nonce_at(keys_.base_nonce, sequence_);
  SecretBytes out(ciphertext.size() - kHpkeTag);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(
          out.expose_mutable().data(), nullptr, nullptr, ciphertext.data(), ciphertext.size(),
          associated.data(), associated.size(), nonce.data(), keys_.key.expose().data()) != 0)
    return fail(Code::kPermissionDenied, "not sealed to this key in this context", "hpke/open");
  ++sequence_;
  return out;
}

Result<Bytes> hpke_seal(const KemPublicKey& recipient, ByteView info, ByteView associated, ByteView plaintext,
                        const Secret<32>& entropy) {
  TRY_ASSIGN(HpkeSender sender, HpkeSender::to(recipient, info, entropy));
  TRY_ASSIGN(const Bytes ciphertext, sender.seal(associated, plaintext));
  Bytes out = to_bytes(sender.encapsulated());
  append(out, ciphertext);
  return out;
}

Result<SecretBytes> hpke_open(const KemKey& recipient, ByteView info, ByteView associated, ByteView sealed) {
  if (sealed.size() < kHpkeOverhead)
    return fail(Code::kInvalidArgument, "an HPKE message is at least 48 bytes long", "hpke/format");
  TRY_ASSIGN(const KemPublicKey encapsulated, fixed<32>(sealed.first(32), "encapsulated key"));
  TRY_ASSIGN(HpkeReceiver receiver, HpkeReceiver::from(encapsulated, info, recipient));
  return receiver.open(associated, sealed.subspan(32));
}

}  // namespace tocsin::crypto
