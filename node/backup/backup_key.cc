#include "node/backup/backup_key.h"

#include <cstring>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "crypto/keyfile.h"
#include "crypto/random.h"
#include "node/files/private_file.h"

namespace tocsin::node {
namespace {

constexpr std::string_view kPrefix = "tbk1-";
constexpr std::string_view kMagic{"tocsin-backup-key/1", 20};  // its terminator included
constexpr std::size_t kCheck = 4;
constexpr std::size_t kKeyFileMax = 4096;

}  // namespace

std::string format_recipient(const crypto::KemPublicKey& key) {
  return std::string(kPrefix) + hex_encode(key) + hex_encode(ByteView(crypto::sha256(key)).first(kCheck));
}

Result<crypto::KemPublicKey> parse_recipient(std::string_view text) {
  const auto refused = [&] {
    return fail(Error{Code::kInvalidArgument,
                      "\"" + std::string(text.substr(0, 100)) + "\" is no backup recipient",
                      "backup/recipient",
                      {},
                      "use the line that `tocsin backup key` printed"});
  };
  if (!text.starts_with(kPrefix)) return refused();
  const auto bytes = hex_decode(text.substr(kPrefix.size()));
  if (!bytes || bytes->size() != sizeof(crypto::KemPublicKey) + kCheck) return refused();
  TRY_ASSIGN(const auto key, fixed<32>(ByteView(*bytes).first(32), "recipient"));
  if (!equal(ByteView(crypto::sha256(key)).first(kCheck), ByteView(*bytes).subspan(32))) return refused();
  return key;
}

Result<crypto::KemPublicKey> make_backup_key(const std::string& path, const SecretBytes& passphrase,
                                             const crypto::Argon2Cost& cost) {
  const Secret<32> material = crypto::random_secret<32>();
  const crypto::KemKey key = crypto::KemKey::derive(material.expose());
  SecretBytes payload(kMagic.size() + 32);
  std::uint8_t* at = payload.expose_mutable().data();
  std::memcpy(at, kMagic.data(), kMagic.size());
  std::memcpy(at + kMagic.size(), key.private_key().expose().data(), 32);
  TRY_ASSIGN(const Bytes sealed, crypto::seal_keyfile(payload, passphrase, cost));
  TRY(write_private_file(path, sealed, false));
  return key.public_key();
}

Result<crypto::KemKey> read_backup_key(const std::string& path, const SecretBytes& passphrase) {
  TRY_ASSIGN(const SecretBytes file, read_private_file(path, kKeyFileMax));
  TRY_ASSIGN(const SecretBytes payload, crypto::open_keyfile(file.expose(), passphrase));
  const ByteView bytes = payload.expose();
  if (bytes.size() != kMagic.size() + 32 || !equal(bytes.first(kMagic.size()), as_view(kMagic)))
    return fail(Code::kInvalidArgument, path + " holds no backup key", "backup/key");
  return crypto::KemKey::from_private(Secret<32>(bytes.subspan(kMagic.size()).first<32>()));
}

}  // namespace tocsin::node
