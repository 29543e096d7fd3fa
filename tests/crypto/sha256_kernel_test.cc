#include "crypto/sha256_kernel.h"

#include <iostream>
#include <random>

#include <sodium.h>

#include "crypto/hash.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::crypto;

namespace {

// `messages` of one random length, hashed as a batch on `kernel`; how many digests differ from libsodium's.
std::size_t wrong_in_batch(const Sha256Kernel& kernel, std::mt19937_64& random) {
  const std::size_t length = random() % 600;
  const std::size_t count = random() % 40;
  Bytes prefix(random() % (kHashPrefixMax + 1));
  Bytes messages(length * count);
  for (std::uint8_t& byte : prefix) byte = static_cast<std::uint8_t>(random());
  for (std::uint8_t& byte : messages) byte = static_cast<std::uint8_t>(random());
  std::vector<Hash> digests(count);
  sha256_many_on(kernel, prefix, messages, length, digests);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Bytes whole = prefix;
    append(whole, ByteView(messages).subspan(i * length, length));
    Hash expected;
    crypto_hash_sha256(expected.data(), whole.data(), whole.size());
    wrong += digests[i] == expected ? 0 : 1;
  }
  return wrong;
}

}  // namespace

TEST_CASE(
    "every SHA-256 kernel this processor has agrees with libsodium on over 100,000 messages in batches") {
  for (const Sha256Kernel& kernel : sha256_kernels()) {
    if (!kernel.usable()) {
      std::cout << "skipped: this processor has no " << kernel.name << "\n";
      continue;
    }
    INFO(kernel.name);
    std::mt19937_64 random(7);
    std::size_t wrong = 0;
    for (int batch = 0; batch < 5500; ++batch) wrong += wrong_in_batch(kernel, random);
    CHECK(wrong == 0);
  }
}

TEST_CASE("every SHA-256 kernel folds several blocks as one after another") {
  Bytes blocks(5 * kSha256Block);
  std::mt19937_64 random(3);
  for (std::uint8_t& byte : blocks) byte = static_cast<std::uint8_t>(random());
  Sha256State expected = kSha256Initial;
  const Sha256Kernel& portable = sha256_kernels().back();
  portable.compress(expected, blocks.data(), 5);
  for (const Sha256Kernel& kernel : sha256_kernels()) {
    if (!kernel.usable()) continue;
    INFO(kernel.name);
    Sha256State state = kSha256Initial;
    for (std::size_t i = 0; i < 5; ++i) kernel.compress(state, blocks.data() + i * kSha256Block, 1);
    CHECK(state == expected);
  }
}

TEST_CASE("the table ends with a kernel that always works, and the chosen one is usable") {
  CHECK(std::string_view(sha256_kernels().back().name) == "portable");
  CHECK(sha256_kernels().back().usable());
  CHECK(sha256_kernel().usable());
  for (const Sha256Kernel& kernel : sha256_kernels()) CHECK(kernel.lanes <= kSha256LanesMax);
}
