#include "crypto/keyfile.h"

#include <tuple>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/random.h"
#include "crypto/seal.h"

namespace tocsin::crypto {
namespace {

constexpr std::string_view kMagic = "tocsin-keyfile-v1\n";
constexpr std::string_view kRawKeyContext = "tocsin1/keyfile";
constexpr std::size_t kSalt = std::tuple_size_v<PasswordSalt>;
constexpr std::size_t kChecksum = 32;

struct Layout {
  KeyfileKind kind;
  Argon2Cost cost{};
  PasswordSalt salt{};
  ByteView header;  // everything before `sealed`
  ByteView sealed;
};

tl::unexpected<Error> damaged() {
  return fail(Code::kDataLoss, "the key file is damaged: its checksum does not match", "keyfile/damaged");
}

Bytes header_of(KeyfileKind kind, const Argon2Cost& cost, const PasswordSalt& salt) {
  Bytes out = to_bytes(as_view(kMagic));
  out.push_back(static_cast<std::uint8_t>(kind));
  if (kind == KeyfileKind::kPassphrase) {
    append_be(out, cost.passes);
    append_be(out, cost.memory_kib);
  }
  append(out, salt);
  return out;
}

Result<Layout> parse(ByteView file) {
  if (file.size() < kMagic.size() || !equal(file.first(kMagic.size()), as_view(kMagic)))
    return fail(Code::kInvalidArgument, "not a Tocsin key file", "keyfile/format");
  if (file.size() < kMagic.size() + 1 + kChecksum) return damaged();
  const ByteView body = file.first(file.size() - kChecksum);
  if (!equal(blake2b_256(body), file.last(kChecksum))) return damaged();
  const auto kind = static_cast<KeyfileKind>(body[kMagic.size()]);
  if (kind != KeyfileKind::kPassphrase && kind != KeyfileKind::kRawKey)
    return fail(Code::kInvalidArgument, "a key file of an unknown kind", "keyfile/format");
  Layout out{.kind = kind, .header = {}, .sealed = {}};
  std::size_t at = kMagic.size() + 1;
  const std::size_t header = at + (kind == KeyfileKind::kPassphrase ? 8 : 0) + kSalt;
  if (body.size() < header + kSealOverhead || body.size() > header + kSealOverhead + kKeyfilePayloadMax)
    return fail(Code::kInvalidArgument, "a key file of an impossible length", "keyfile/format");
  if (kind == KeyfileKind::kPassphrase) {
    out.cost = {get_be<std::uint32_t>(body.data() + at), get_be<std::uint32_t>(body.data() + at + 4)};
    at += 8;
  }
  std::memcpy(out.salt.data(), body.data() + at, kSalt);
  out.header = body.first(header);
  out.sealed = body.subspan(header);
  return out;
}

// Seals under a key that is used once: it depends on the fresh salt in the header.
Result<Bytes> finish(Bytes header, const DataKey& key, const SecretBytes& payload) {
  if (payload.size() > kKeyfilePayloadMax)
    return fail(Code::kInvalidArgument, "a key file holds at most 1 MiB", "keyfile/format");
  const Bytes sealed = seal(key, random_bytes<24>(), header, payload.expose());
  append(header, sealed);
  const Hash checksum = blake2b_256(header);
  append(header, checksum);
  return header;
}

Result<SecretBytes> open_layout(const Layout& layout, const DataKey& key) {
  Result<SecretBytes> payload = open_secret(key, layout.header, layout.sealed);
  if (payload || payload.error().code != Code::kPermissionDenied) {
    if (!payload && payload.error().code == Code::kDataLoss) return damaged();
    return payload;
  }
  if (layout.kind == KeyfileKind::kPassphrase)
    return fail(Code::kUnauthenticated, "wrong passphrase for this key file", "keyfile/passphrase");
  return fail(Code::kUnauthenticated, "the key file is sealed under another key", "keyfile/key");
}

Status expect(const Layout& layout, KeyfileKind kind) {
  if (layout.kind == kind) return {};
  return fail(Code::kInvalidArgument,
              kind == KeyfileKind::kRawKey ? "the key file is sealed under a passphrase, not a raw key"
                                           : "the key file is sealed under a raw key, not a passphrase",
              "keyfile/format");
}

DataKey raw_file_key(const Secret<32>& key, const PasswordSalt& salt) {
  const Secret<32> prk = hkdf_extract(salt, {key.expose()});
  DataKey out;
  hkdf_expand(prk, {as_view(kRawKeyContext)}, out.expose_mutable());
  return out;
}

}  // namespace

Result<KeyfileKind> keyfile_kind(ByteView file) {
  TRY_ASSIGN(const Layout layout, parse(file));
  return layout.kind;
}

Result<Bytes> seal_keyfile(const SecretBytes& payload, const SecretBytes& passphrase,
                           const Argon2Cost& cost) {
  const PasswordSalt salt = random_bytes<kSalt>();
  TRY_ASSIGN(const DataKey key, derive_key(passphrase.expose(), salt, cost));
  return finish(header_of(KeyfileKind::kPassphrase, cost, salt), key, payload);
}

Result<SecretBytes> open_keyfile(ByteView file, const SecretBytes& passphrase) {
  TRY_ASSIGN(const Layout layout, parse(file));
  TRY(expect(layout, KeyfileKind::kPassphrase));
  TRY_ASSIGN(const DataKey key, derive_key(passphrase.expose(), layout.salt, layout.cost));
  return open_layout(layout, key);
}

Result<Bytes> seal_keyfile(const SecretBytes& payload, const Secret<32>& key) {
  const PasswordSalt salt = random_bytes<kSalt>();
  return finish(header_of(KeyfileKind::kRawKey, {}, salt), raw_file_key(key, salt), payload);
}

Result<SecretBytes> open_keyfile(ByteView file, const Secret<32>& key) {
  TRY_ASSIGN(const Layout layout, parse(file));
  TRY(expect(layout, KeyfileKind::kRawKey));
  return open_layout(layout, raw_file_key(key, layout.salt));
}

}  // namespace tocsin::crypto
