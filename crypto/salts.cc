#include "crypto/salts.h"

#include <sodium.h>

#include "crypto/base/secret.h"

namespace tocsin::crypto {
namespace {

constexpr FixedBytes<12> kZeroNonce{};

void keystream(std::span<const std::uint8_t, 32> key, std::uint32_t block, std::span<std::uint8_t> out) {
  std::memset(out.data(), 0, out.size());
  crypto_stream_chacha20_ietf_xor_ic(out.data(), out.data(), out.size(), kZeroNonce.data(), block,
                                     key.data());
}

}  // namespace

void fill_salts(std::span<const std::uint8_t, 32> key, std::uint32_t first, std::span<Salt> out) {
  if (out.empty()) return;
  std::uint32_t block = first / 2;
  if (first % 2 == 1) {  // begins in the second half of a block
    FixedBytes<64> whole;
    keystream(key, block++, whole);
    std::memcpy(out.front().data(), whole.data() + 32, 32);
    wipe(whole);
    out = out.subspan(1);
  }
  if (out.empty()) return;
  keystream(key, block, {out.front().data(), out.size_bytes()});
}

}  // namespace tocsin::crypto
