#include "node/identity/keystore.h"

#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/keyfile.h"
#include "crypto/random.h"
#include "node/files/private_file.h"

namespace tocsin::node {
namespace {

// The payload's limit and what sealing adds, rounded up.
constexpr std::size_t kKeystoreFileMax = crypto::kKeyfilePayloadMax + 4096;

constexpr std::string_view kSigsumPrefix = "sigsum.org/v1/tree/";

// A KeystorePayload whose secrets are wiped when it goes.
class Payload {
 public:
  Payload() = default;
  Payload(const Payload&) = delete;
  Payload& operator=(const Payload&) = delete;
  ~Payload() {
    v1::KeystorePayload& m = message_;
    for (std::string* secret :
         {m.mutable_root_seed(), m.mutable_operational_seed(), m.mutable_envelope_secret(),
          m.mutable_tls_key_pkcs8(), m.mutable_chain_key(), m.mutable_kek(),
          m.mutable_previous_envelope_secret(), m.mutable_cosigner_seed(), m.mutable_next_operational_seed()})
      wipe({reinterpret_cast<std::uint8_t*>(secret->data()), secret->size()});
  }
  v1::KeystorePayload* operator->() { return &message_; }
  const v1::KeystorePayload* operator->() const { return &message_; }

 private:
  v1::KeystorePayload message_;
};

Error with_advice(Error error, const std::string& path) {
  error.message = path + ": " + error.message;
  if (error.rule == "keyfile/passphrase") {
    error.why = "the file is intact and was sealed under another passphrase";
    error.fix = "check the passphrase file; nothing was changed";
  } else if (error.rule == "keyfile/key") {
    error.why = "the file is intact and was sealed under another credential";
    error.fix = "check the credential tocsin-kek; nothing was changed";
  } else if (error.rule == "keyfile/damaged" || error.rule == "keystore/inconsistent") {
    error.why = "its bytes are not those that were written";
    error.fix = "restore the keystore from a backup; a new node would have another fingerprint";
  } else if (error.rule == "keyfile/format") {
    error.why = "it is no keystore, or sealed another way than you try to open it";
    error.fix = "use the passphrase or the credential, whichever the node was made with";
  }
  return error;
}

// Closed to others, since whoever can write the directory can replace the keystore.
Status check_data_dir(const std::string& data_dir) {
  struct stat info {};
  if (::stat(data_dir.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
    return fail(Error{Code::kNotFound, "there is no node in " + data_dir, "keystore/missing",
                      "the directory does not exist", "make one with tocsin init, or set data_dir"});
  if ((info.st_mode & 077) != 0)
    return fail(Error{Code::kPermissionDenied, data_dir + " can be used by other users", "file/permissions",
                      "it holds the node's keys", "chmod 700 " + data_dir});
  return {};
}

Result<Bytes> seal(const SecretBytes& payload, const KeystoreLock& lock, const crypto::Argon2Cost& cost) {
  if (const auto* passphrase = std::get_if<SecretBytes>(&lock))
    return crypto::seal_keyfile(payload, *passphrase, cost);
  return crypto::seal_keyfile(payload, std::get<Secret<32>>(lock));
}

Result<SecretBytes> unseal(ByteView file, const KeystoreLock& lock) {
  if (const auto* passphrase = std::get_if<SecretBytes>(&lock))
    return crypto::open_keyfile(file, *passphrase);
  return crypto::open_keyfile(file, std::get<Secret<32>>(lock));
}

Status store(const std::string& data_dir, const Payload& payload, const KeystoreLock& lock,
             const crypto::Argon2Cost& cost, bool replace) {
  SecretBytes plain(payload->ByteSizeLong());
  CHECK_INVARIANT(payload->SerializeToArray(plain.expose_mutable().data(), static_cast<int>(plain.size())));
  TRY_ASSIGN(const Bytes sealed, seal(plain, lock, cost));
  return write_private_file(keystore_path(data_dir), sealed, replace);
}

Status load(const std::string& data_dir, const KeystoreLock& lock, Payload& out) {
  TRY(check_data_dir(data_dir));
  const std::string path = keystore_path(data_dir);
  const auto file = read_private_file(path, kKeystoreFileMax);
  if (!file && file.error().code == Code::kNotFound)
    return fail(Error{Code::kNotFound, "there is no keystore in " + data_dir, "keystore/missing",
                      "the directory was not made by tocsin init, or making it was cut short",
                      "make a node with tocsin init in an empty directory"});
  if (!file) return fail(file.error());
  const auto plain = unseal(file->expose(), lock);
  if (!plain) return fail(with_advice(plain.error(), path));
  if (!out->ParseFromArray(plain->expose().data(), static_cast<int>(plain->size())))
    return fail(with_advice({Code::kDataLoss, "the keystore does not parse", "keystore/inconsistent"}, path));
  return {};
}

Result<Secret<32>> secret_of(const std::string& bytes, std::string_view what) {
  if (bytes.size() != 32) return fail(wrong_length(what, 32, bytes.size()));
  return Secret<32>(as_view(bytes).first<32>());
}

// A keystore made before nodes cosigned has none: it follows from the root's, and is stored with the next
// rotation.
Result<Secret<32>> cosigner_seed_of(const Payload& payload) {
  if (!payload->cosigner_seed().empty()) return secret_of(payload->cosigner_seed(), "cosigner seed");
  Secret<32> seed;
  crypto::hkdf_expand(crypto::hkdf_extract({}, {as_view(payload->root_seed())}),
                      {as_view("tocsin1/cosigner")}, seed.expose_mutable());
  return seed;
}

Result<std::optional<Keys::Next>> next_of(const Payload& payload) {
  if (payload->next_operational_seed().empty()) return std::optional<Keys::Next>();
  TRY_ASSIGN(const Secret<32> seed, secret_of(payload->next_operational_seed(), "next operational seed"));
  TRY_ASSIGN(protocol::ValidDescriptor descriptor, protocol::parse_descriptor(payload->next_descriptor()));
  return std::optional<Keys::Next>(Keys::Next{crypto::SigningKey::from_seed(seed), std::move(descriptor)});
}

Result<Keys> parse_keys(const Payload& payload) {
  TRY_ASSIGN(const Secret<32> root_seed, secret_of(payload->root_seed(), "root seed"));
  TRY_ASSIGN(const Secret<32> operational_seed, secret_of(payload->operational_seed(), "operational seed"));
  TRY_ASSIGN(Secret<32> envelope, secret_of(payload->envelope_secret(), "envelope key"));
  TRY_ASSIGN(Secret<32> chain_key, secret_of(payload->chain_key(), "chain key"));
  TRY_ASSIGN(Secret<32> kek, secret_of(payload->kek(), "KEK"));
  TRY_ASSIGN(const Secret<32> cosigner_seed, cosigner_seed_of(payload));
  TRY_ASSIGN(TlsIdentity tls,
             TlsIdentity::open(as_view(payload->tls_key_pkcs8()), as_view(payload->tls_certificate_der())));
  TRY_ASSIGN(protocol::ValidDescriptor descriptor, protocol::parse_descriptor(payload->signed_descriptor()));
  std::optional<crypto::KemKey> previous;
  if (!payload->previous_envelope_secret().empty()) {
    TRY_ASSIGN(Secret<32> secret, secret_of(payload->previous_envelope_secret(), "previous envelope key"));
    previous = crypto::KemKey::from_private(std::move(secret));
  }
  TRY_ASSIGN(auto next, next_of(payload));
  return Keys{crypto::SigningKey::from_seed(root_seed),
              crypto::SigningKey::from_seed(operational_seed),
              crypto::KemKey::from_private(std::move(envelope)),
              std::move(previous),
              std::move(chain_key),
              std::move(kek),
              crypto::SigningKey::from_seed(cosigner_seed),
              payload->kek_epoch(),
              std::move(tls),
              std::move(descriptor),
              std::move(next)};
}

// The payload as keys, each checked against the descriptor.
Result<Keys> keys_of(const Payload& payload) {
  const auto inconsistent = [](const std::string& what) {
    return fail(Code::kDataLoss, "the keystore's parts do not belong together: " + what,
                "keystore/inconsistent");
  };
  auto keys = parse_keys(payload);
  if (!keys) return inconsistent(keys.error().message);
  const protocol::ValidDescriptor& descriptor = keys->descriptor;
  TRY_ASSIGN(const Hash spki, tls_spki_sha256(keys->tls.key_pkcs8()));
  if (keys->root.public_key() != descriptor.root_key()) return inconsistent("root key");
  if (keys->operational.public_key() != descriptor.operational_key()) return inconsistent("operational key");
  if (keys->envelope.public_key() != descriptor.envelope_key()) return inconsistent("envelope key");
  if (descriptor.cosigner() && keys->cosigner.public_key() != descriptor.cosigner()->key)
    return inconsistent("cosigner key");
  if (spki != descriptor.tls_spki_sha256()) return inconsistent("TLS key");
  if (keys->next && (keys->next->operational.public_key() != keys->next->descriptor.operational_key() ||
                     keys->next->descriptor.fingerprint() != descriptor.fingerprint() ||
                     keys->next->descriptor.message().sequence() <= descriptor.message().sequence()))
    return inconsistent("next operational key");
  return keys;
}

void set_secret(std::string* field, ByteView bytes) {
  field->assign(as_text(bytes));
}

Status make_tls(Payload& payload, v1::NodeDescriptor& descriptor) {
  TRY_ASSIGN(const SecretBytes key, make_tls_key(crypto::random_secret<32>()));
  TRY_ASSIGN(const Hash spki, tls_spki_sha256(key.expose()));
  set_secret(payload->mutable_tls_key_pkcs8(), key.expose());
  descriptor.set_tls_spki_sha256(to_string(spki));
  return {};
}

void make_envelope(Payload& payload, v1::NodeDescriptor& descriptor) {
  const Secret<32> material = crypto::random_secret<32>();
  const crypto::KemKey key = crypto::KemKey::derive(material.expose());
  set_secret(payload->mutable_envelope_secret(), key.private_key().expose());
  descriptor.set_envelope_key(to_string(key.public_key()));
}

void wipe_field(std::string* field) {
  wipe({reinterpret_cast<std::uint8_t*>(field->data()), field->size()});
  field->clear();
}

void drop_next(Payload& payload) {
  wipe_field(payload->mutable_next_operational_seed());
  payload->clear_next_descriptor();
}

// The descriptor of the next sequence, signed for another lifetime.
Result<v1::SignedDescriptor> sign_next(Payload& payload, v1::NodeDescriptor& descriptor,
                                       const crypto::SigningKey& root, std::uint64_t now_ms,
                                       std::uint64_t lifetime_ms) {
  descriptor.set_sequence(descriptor.sequence() + 1);
  descriptor.set_valid_from_ms(now_ms > kDescriptorBackdateMs ? now_ms - kDescriptorBackdateMs : 0);
  descriptor.set_valid_until_ms(now_ms + lifetime_ms);
  TRY_ASSIGN(const Secret<32> cosigner_seed, cosigner_seed_of(payload));
  set_secret(payload->mutable_cosigner_seed(), cosigner_seed.expose());
  descriptor.set_cosigner_key(to_string(crypto::SigningKey::from_seed(cosigner_seed).public_key()));
  return protocol::sign_descriptor(descriptor, root);
}

// The certificate that carries the payload's descriptor.
Status certify(Payload& payload) {
  TRY_ASSIGN(const Bytes certificate,
             make_tls_certificate(as_view(payload->tls_key_pkcs8()), payload->signed_descriptor()));
  payload->set_tls_certificate_der(to_string(certificate));
  return {};
}

template <typename Change>
Result<Keys> rotate(const Rotation& rotation, const KeystoreLock& lock, Change change) {
  Payload payload;
  TRY(load(rotation.data_dir, lock, payload));
  TRY_ASSIGN(const Keys old, keys_of(payload));
  v1::NodeDescriptor descriptor = old.descriptor.message();
  TRY(change(payload, descriptor));
  drop_next(payload);
  TRY_ASSIGN(*payload->mutable_signed_descriptor(),
             sign_next(payload, descriptor, old.root, rotation.now_ms, kDescriptorLifetimeMs));
  TRY(certify(payload));
  TRY(store(rotation.data_dir, payload, lock, rotation.cost, true));
  return keys_of(payload);
}

}  // namespace

bool is_key_origin(std::string_view origin) {
  return origin.starts_with(kSigsumPrefix);
}

std::string keystore_path(const std::string& data_dir) {
  return data_dir + "/keystore";
}

Result<KeystoreLock> read_keystore_lock(const std::string& passphrase_file,
                                        const std::string& credentials_directory) {
  if (!passphrase_file.empty()) {
    TRY_ASSIGN(SecretBytes passphrase, read_passphrase_file(passphrase_file));
    return KeystoreLock(std::move(passphrase));
  }
  if (credentials_directory.empty())
    return fail(Error{Code::kInvalidArgument, "nothing was given to lock the keystore with", "keystore/lock",
                      "a keystore is never stored in the clear",
                      "name a passphrase_file, or start the node with the systemd credential tocsin-kek"});
  const std::string path = credentials_directory + "/tocsin-kek";
  TRY_ASSIGN(const SecretBytes raw, read_private_file(path, 4096));
  if (raw.size() != 32)
    return fail(
        Error{Code::kInvalidArgument, path + " must hold exactly 32 raw bytes", "keystore/lock", "",
              "make one with: head -c 32 /dev/urandom | systemd-creds encrypt --name=tocsin-kek - FILE"});
  return KeystoreLock(Secret<32>(raw.expose().first<32>()));
}

Result<Keys> init_node(const InitOptions& options, const KeystoreLock& lock) {
  TRY(crypto::init());
  Payload payload;
  const Secret<32> root_seed = crypto::random_secret<32>();
  const Secret<32> operational_seed = crypto::random_secret<32>();
  const crypto::SigningKey root = crypto::SigningKey::from_seed(root_seed);
  set_secret(payload->mutable_root_seed(), root_seed.expose());
  set_secret(payload->mutable_operational_seed(), operational_seed.expose());
  set_secret(payload->mutable_chain_key(), crypto::random_secret<32>().expose());
  set_secret(payload->mutable_kek(), crypto::random_secret<32>().expose());
  set_secret(payload->mutable_cosigner_seed(), crypto::random_secret<32>().expose());
  payload->set_kek_epoch(1);

  v1::NodeDescriptor descriptor;
  descriptor.set_name(options.name);
  descriptor.set_address(options.address);
  const auto operational = crypto::SigningKey::from_seed(operational_seed).public_key();
  descriptor.set_log_origin(options.log_origin == kSigsumOrigin
                                ? std::string(kSigsumPrefix) + hex_encode(crypto::sha256(operational))
                                : options.log_origin);
  descriptor.set_root_key(to_string(root.public_key()));
  descriptor.set_operational_key(to_string(operational));
  make_envelope(payload, descriptor);
  TRY(make_tls(payload, descriptor));
  const bool fixed_key = is_key_origin(descriptor.log_origin());
  TRY_ASSIGN(*payload->mutable_signed_descriptor(),
             sign_next(payload, descriptor, root, options.now_ms,
                       fixed_key ? kFixedKeyLifetimeMs : kDescriptorLifetimeMs));
  TRY(certify(payload));
  TRY_ASSIGN(Keys keys, keys_of(payload));
  // Only now, when nothing but the disk can fail, is anything written.
  TRY(make_private_directory(options.data_dir));
  TRY(store(options.data_dir, payload, lock, options.cost, false));
  return keys;
}

Result<Keys> open_keystore(const std::string& data_dir, const KeystoreLock& lock) {
  TRY(crypto::init());
  Payload payload;
  TRY(load(data_dir, lock, payload));
  auto keys = keys_of(payload);
  if (!keys) return fail(with_advice(keys.error(), keystore_path(data_dir)));
  return keys;
}

Result<Keys> rotate_tls(const Rotation& rotation, const KeystoreLock& lock) {
  return rotate(rotation, lock, make_tls);
}

Result<Keys> rotate_envelope(const Rotation& rotation, const KeystoreLock& lock) {
  return rotate(rotation, lock, [](Payload& payload, v1::NodeDescriptor& descriptor) -> Status {
    const std::string old = payload->envelope_secret();
    wipe_field(payload->mutable_previous_envelope_secret());
    payload->set_previous_envelope_secret(old);
    make_envelope(payload, descriptor);
    return {};
  });
}

Result<Keys> set_address(const Rotation& rotation, const KeystoreLock& lock, const std::string& address) {
  return rotate(rotation, lock, [&](Payload&, v1::NodeDescriptor& descriptor) -> Status {
    TRY(protocol::check_address(address));
    descriptor.set_address(address);
    return {};
  });
}

Result<Keys> stage_operational(const Rotation& rotation, const KeystoreLock& lock) {
  Payload payload;
  TRY(load(rotation.data_dir, lock, payload));
  TRY_ASSIGN(const Keys old, keys_of(payload));
  v1::NodeDescriptor descriptor = old.descriptor.message();
  const Secret<32> seed = crypto::random_secret<32>();
  drop_next(payload);
  set_secret(payload->mutable_next_operational_seed(), seed.expose());
  descriptor.set_operational_key(to_string(crypto::SigningKey::from_seed(seed).public_key()));
  TRY_ASSIGN(*payload->mutable_next_descriptor(),
             sign_next(payload, descriptor, old.root, rotation.now_ms, kDescriptorLifetimeMs));
  TRY(store(rotation.data_dir, payload, lock, rotation.cost, true));
  return keys_of(payload);
}

Result<Keys> adopt_operational(const Rotation& rotation, const KeystoreLock& lock) {
  Payload payload;
  TRY(load(rotation.data_dir, lock, payload));
  if (payload->next_operational_seed().empty())
    return fail(Code::kFailedPrecondition, "no operational key is staged", "keystore/next");
  wipe_field(payload->mutable_operational_seed());
  set_secret(payload->mutable_operational_seed(), as_view(payload->next_operational_seed()));
  *payload->mutable_signed_descriptor() = payload->next_descriptor();
  drop_next(payload);
  TRY(certify(payload));
  TRY(store(rotation.data_dir, payload, lock, rotation.cost, true));
  return keys_of(payload);
}

}  // namespace tocsin::node
