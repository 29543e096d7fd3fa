#include "crypto/kdf.h"

#include <algorithm>

#include <sodium.h>

namespace tocsin::crypto {
namespace {

// libsodium's incremental HMAC, wiped when it goes.
class Hmac {
 public:
  explicit Hmac(ByteView key) { crypto_auth_hmacsha256_init(&state_, not_null(key), key.size()); }
  ~Hmac() { sodium_memzero(&state_, sizeof state_); }
  Hmac(const Hmac&) = delete;
  Hmac& operator=(const Hmac&) = delete;

  void update(ByteView bytes) { crypto_auth_hmacsha256_update(&state_, not_null(bytes), bytes.size()); }
  void finish(std::span<std::uint8_t, 32> out) { crypto_auth_hmacsha256_final(&state_, out.data()); }

 private:
  crypto_auth_hmacsha256_state state_;
};

}  // namespace

Hash hmac_sha256(ByteView key, ByteView message) {
  Hmac hmac(key);
  hmac.update(message);
  Hash out;
  hmac.finish(out);
  return out;
}

Secret<32> hkdf_extract(ByteView salt, std::initializer_list<ByteView> material) {
  Hmac hmac(salt);  // an absent salt is 32 zero bytes, which HMAC's padding makes equal to an empty key
  for (ByteView part : material) hmac.update(part);
  Secret<32> prk;
  hmac.finish(prk.expose_mutable());
  return prk;
}

void hkdf_expand(const Secret<32>& prk, std::initializer_list<ByteView> info, std::span<std::uint8_t> out) {
  CHECK_INVARIANT(out.size() <= kHkdfOutputMax);
  Secret<32> block;
  std::uint8_t counter = 1;
  for (std::size_t done = 0; done < out.size(); ++counter) {
    Hmac hmac(prk.expose());
    if (counter > 1) hmac.update(block.expose());
    for (ByteView part : info) hmac.update(part);
    hmac.update({&counter, 1});
    hmac.finish(block.expose_mutable());
    const std::size_t take = std::min<std::size_t>(32, out.size() - done);
    std::copy_n(block.expose().begin(), take, out.begin() + static_cast<std::ptrdiff_t>(done));
    done += take;
  }
}

}  // namespace tocsin::crypto
