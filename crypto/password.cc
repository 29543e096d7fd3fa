#include "crypto/password.h"

#include <sodium.h>

namespace tocsin::crypto {

Result<Secret<32>> derive_key(ByteView passphrase, const PasswordSalt& salt, const Argon2Cost& cost) {
  const bool within = cost.passes >= kArgon2Least.passes && cost.passes <= kArgon2PassesMax &&
                      cost.memory_kib >= kArgon2Least.memory_kib && cost.memory_kib <= kArgon2MemoryKibMax;
  if (!within)
    return fail(Code::kInvalidArgument, "the Argon2id parameters are outside what this program accepts",
                "password/parameters");
  Secret<32> key;
  if (crypto_pwhash(key.expose_mutable().data(), 32, reinterpret_cast<const char*>(not_null(passphrase)),
                    passphrase.size(), salt.data(), cost.passes, std::size_t{cost.memory_kib} * 1024,
                    crypto_pwhash_ALG_ARGON2ID13) != 0)
    return fail(
        Code::kResourceExhausted,
        "not enough memory to derive the key: " + std::to_string(cost.memory_kib / 1024) + " MiB needed",
        "password/memory");
  return key;
}

}  // namespace tocsin::crypto
