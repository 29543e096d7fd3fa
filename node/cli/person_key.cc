#include "node/cli/person_key.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "crypto/base/encoding.h"
#include "crypto/keyfile.h"
#include "crypto/random.h"
#include "node/cli/exit_code.h"
#include "node/cli/session.h"

namespace tocsin::cli {
namespace {

constexpr std::string_view kMagic{"tocsin-person-key/1", 20};  // its terminator included
constexpr std::size_t kFixed = kMagic.size() + 32 + 2;
constexpr std::size_t kFileBytesMax = 4096;

Status write_all(int file, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(file, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0)
      return fail(Code::kInternal, std::string("cannot write: ") + std::strerror(errno), "file/write");
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  if (fsync(file) != 0)
    return fail(Code::kInternal, std::string("cannot sync: ") + std::strerror(errno), "file/write");
  return {};
}

}  // namespace

std::string_view role_name(std::uint32_t role) {
  switch (role) {
    case 1:
      return "operational";
    case 2:
      return "reviewer";
    case 3:
      return "submitter";
    case 4:
      return "appeals-officer";
    default:
      return "unknown";
  }
}

Result<PersonRole> role_from_name(std::string_view name) {
  for (const std::uint32_t role : {2u, 3u, 4u}) {
    if (name == role_name(role)) return static_cast<PersonRole>(role);
  }
  return tocsin::fail(
      usage_error("no role \"" + std::string(name) + "\"", "reviewer, submitter or appeals-officer"));
}

PersonKey make_person_key(PersonRole role, std::string pseudonym) {
  return {crypto::SigningKey::from_seed(crypto::random_secret<32>()), role, std::move(pseudonym)};
}

Status write_person_key(const PersonKey& key, const std::string& path, const SecretBytes& passphrase) {
  SecretBytes payload(kFixed + key.pseudonym.size());
  std::uint8_t* at = payload.expose_mutable().data();
  const Secret<32> seed = key.key.seed();
  std::memcpy(at, kMagic.data(), kMagic.size());
  std::memcpy(at + kMagic.size(), seed.expose().data(), 32);
  put_be(at + kMagic.size() + 32, static_cast<std::uint16_t>(key.role));
  std::memcpy(at + kFixed, key.pseudonym.data(), key.pseudonym.size());
  TRY_ASSIGN(const Bytes sealed, crypto::seal_keyfile(payload, passphrase));
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) {
    Error error{errno == EEXIST ? Code::kAlreadyExists : Code::kPermissionDenied,
                "cannot make " + path + ": " + std::strerror(errno),
                errno == EEXIST ? "key/exists" : "file/write",
                {},
                {}};
    if (errno == EEXIST) error.fix = "name another file: a key is never overwritten";
    return fail(std::move(error));
  }
  Status written = write_all(file, sealed);
  if (close(file) != 0 && written) written = fail(Code::kInternal, "cannot write " + path, "file/write");
  if (!written) unlink(path.c_str());
  return written;
}

Result<PersonKey> read_person_key(const std::string& path, const SecretBytes& passphrase) {
  TRY_ASSIGN(const std::string file, read_text_file(path, kFileBytesMax));
  TRY_ASSIGN(const SecretBytes payload, crypto::open_keyfile(as_view(file), passphrase));
  const ByteView bytes = payload.expose();
  if (bytes.size() < kFixed || !equal(bytes.first(kMagic.size()), as_view(kMagic))) {
    return fail(Code::kInvalidArgument, path + " is not a person's key", "key/format");
  }
  const auto role = get_be<std::uint16_t>(bytes.data() + kMagic.size() + 32);
  if (role < 2 || role > 4) return fail(Code::kInvalidArgument, path + " has an unknown role", "key/format");
  const Secret<32> seed(bytes.subspan(kMagic.size()).first<32>());
  return PersonKey{crypto::SigningKey::from_seed(seed), static_cast<PersonRole>(role),
                   to_string(bytes.subspan(kFixed))};
}

}  // namespace tocsin::cli
