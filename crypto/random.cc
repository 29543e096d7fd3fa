#include "crypto/random.h"

#include <algorithm>

#include <sodium.h>

namespace tocsin::crypto {
namespace {

constexpr FixedBytes<32> filled(std::uint8_t first, std::uint8_t middle, std::uint8_t last) {
  FixedBytes<32> out{};
  out.fill(middle);
  out.front() = first;
  out.back() = last;
  return out;
}

// The base point plus the point of order two, (-x, -y): on the curve, outside the prime-order group.
// Libraries with CVE-2025-69277 call it valid.
constexpr FixedBytes<32> kMixedOrder = filled(0x95, 0x99, 0x99);
constexpr FixedBytes<32> kIdentity = filled(0x01, 0x00, 0x00);
// Small order, or the same points in an encoding with y >= p.
constexpr FixedBytes<32> kRefused[] = {
    kMixedOrder,
    kIdentity,
    filled(0x00, 0x00, 0x00),  // order 4
    filled(0x00, 0x00, 0x80),  // order 4
    filled(0xec, 0xff, 0x7f),  // order 2
    filled(0xed, 0xff, 0x7f),  // y = p
    filled(0xee, 0xff, 0x7f),  // y = p + 1
    filled(0xff, 0xff, 0xff),
};

bool refuses_bad_points() {
  return std::none_of(std::begin(kRefused), std::end(kRefused), [](const FixedBytes<32>& point) {
    return crypto_core_ed25519_is_valid_point(point.data()) == 1;
  });
}

// Under the identity as a key, (R, S) = (B, 1) satisfies the bare equation for every message.
bool refuses_identity_key() {
  FixedBytes<64> forged{};
  const FixedBytes<32> base_point = filled(0x58, 0x66, 0x66);
  std::copy(base_point.begin(), base_point.end(), forged.begin());
  forged[32] = 1;
  const std::uint8_t message[] = {'t', 'o', 'c', 's', 'i', 'n'};
  return crypto_sign_verify_detached(forged.data(), message, sizeof message, kIdentity.data()) != 0;
}

enum class Start { kReady, kFailed, kUnsafe };

Start start() {
  static const Start result = [] {
    if (sodium_init() < 0) return Start::kFailed;
    return refuses_bad_points() && refuses_identity_key() ? Start::kReady : Start::kUnsafe;
  }();
  return result;
}

}  // namespace

Status init() {
  if (start() == Start::kReady) return {};
  if (start() == Start::kFailed)
    return fail(Code::kFailedPrecondition, "libsodium could not start: no source of randomness",
                "crypto/libsodium");
  Error error{Code::kFailedPrecondition, "the installed libsodium accepts malformed Ed25519 keys",
              "crypto/libsodium"};
  error.why = "a stranger could make keys that pass for others (CVE-2025-69277)";
  error.fix = "install the security update of libsodium23, then start again";
  return fail(std::move(error));
}

void random_fill(std::span<std::uint8_t> out) {
  CHECK_INVARIANT(start() != Start::kFailed);
  if (!out.empty()) randombytes_buf(out.data(), out.size());
}

}  // namespace tocsin::crypto
