#include "crypto/sha256_kernel.h"

#include <iostream>
#include <map>
#include <random>
#include <string>

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
  sha256_many_on(kernel, prefix, {messages, length, length}, digests);
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

// Messages of mixed lengths, hashed side by side on `kernel`.
std::size_t wrong_in_mixed(const Sha256Kernel& kernel, std::mt19937_64& random) {
  std::vector<Bytes> messages(random() % 150);
  std::vector<ByteView> views;
  for (Bytes& message : messages) {
    message.resize(random() % (random() % 8 == 0 ? 5000 : 200));
    for (std::uint8_t& byte : message) byte = static_cast<std::uint8_t>(random());
    views.emplace_back(message);
  }
  std::vector<Hash> digests(messages.size());
  sha256_each_on(kernel, views, digests);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    Hash expected;
    crypto_hash_sha256(expected.data(), messages[i].data(), messages[i].size());
    wrong += digests[i] == expected ? 0 : 1;
  }
  return wrong;
}

void fill(std::span<Hash> out, std::mt19937_64& random) {
  for (Hash& hash : out)
    for (std::size_t i = 0; i < hash.size(); i += 8) {
      const std::uint64_t word = random();
      std::memcpy(&hash[i], &word, sizeof word);
    }
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

TEST_CASE("every SHA-256 kernel gives libsodium's hash of a million random pairs of nodes") {
  constexpr std::size_t kAtOnce = 10'000;
  std::mt19937_64 random(11);
  std::vector<Hash> children(2 * kAtOnce), expected(kAtOnce), parents(kAtOnce);
  std::map<std::string, std::size_t> wrong;
  for (std::size_t round = 0; round < 100; ++round) {
    fill(children, random);
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      FixedBytes<65> node{0x01};
      std::memcpy(&node[1], children[2 * i].data(), 64);
      crypto_hash_sha256(expected[i].data(), node.data(), node.size());
    }
    for (const Sha256Kernel& kernel : sha256_kernels()) {
      if (!kernel.usable()) continue;
      const std::uint8_t prefix[] = {0x01};
      const std::size_t some = round % 100 + 1;  // every remainder of lanes
      sha256_many_on(kernel, prefix, {{children[0].data(), 2 * some * 32}, 64, 64},
                     std::span(parents).first(some));
      for (std::size_t i = 0; i < some; ++i) wrong[kernel.name] += parents[i] == expected[i] ? 0 : 1;
      sha256_nodes_on(kernel, std::span(children).first(2 * some), std::span(parents).first(some));
      for (std::size_t i = 0; i < some; ++i) wrong[kernel.name] += parents[i] == expected[i] ? 0 : 1;
      sha256_nodes_on(kernel, children, parents);
      for (std::size_t i = 0; i < kAtOnce; ++i) wrong[kernel.name] += parents[i] == expected[i] ? 0 : 1;
      std::vector<Hash> in_place = children;
      sha256_nodes_on(kernel, in_place, std::span(in_place).first(kAtOnce));
      wrong[kernel.name] += std::equal(expected.begin(), expected.end(), in_place.begin()) ? 0 : 1;
    }
  }
  CHECK(wrong.contains("portable"));
  for (const auto& [name, count] : wrong) {
    INFO(name);
    CHECK(count == 0);
  }
}

TEST_CASE("every SHA-256 kernel hashes messages of mixed lengths as libsodium does") {
  for (const Sha256Kernel& kernel : sha256_kernels()) {
    if (!kernel.usable()) continue;
    INFO(kernel.name);
    std::mt19937_64 random(5);
    std::size_t wrong = 0;
    for (int batch = 0; batch < 200; ++batch) wrong += wrong_in_mixed(kernel, random);
    CHECK(wrong == 0);
  }
}

TEST_CASE("messages may stand apart, and what is between them is not hashed") {
  Bytes bytes(10 * 130, 0xEE);
  std::vector<Hash> apart(10), packed(10);
  Bytes together;
  for (std::size_t i = 0; i < 10; ++i) {
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(i * 130), 128, static_cast<std::uint8_t>(i));
    together.insert(together.end(), 128, static_cast<std::uint8_t>(i));
  }
  leaf_hashes_apart(bytes, 128, 130, apart);
  leaf_hashes(together, 128, packed);
  CHECK(apart == packed);
}

TEST_CASE("a kernel can be forced by its name, and the best one comes back") {
  const Sha256Kernel* best = &sha256_kernel();
  for (const Sha256Kernel& kernel : sha256_kernels()) {
    REQUIRE(use_sha256_kernel(kernel.name) == kernel.usable());
    if (!kernel.usable()) continue;
    CHECK(&sha256_kernel() == &kernel);
    CHECK(sha256_stream_kernel().compress != nullptr);
    CHECK(sha256(as_view("abc"))[0] == 0xba);
  }
  CHECK_FALSE(use_sha256_kernel("slide-rule"));
  CHECK(use_sha256_kernel(""));
  CHECK(&sha256_kernel() == best);
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
    std::array<const std::uint8_t*, kSha256LanesMax> from{};
    std::array<Sha256State, kSha256LanesMax> states;
    from.fill(blocks.data());
    kernel.fold(states.data(), from.data(), 2, true);
    from.fill(blocks.data() + 2 * kSha256Block);
    kernel.fold(states.data(), from.data(), 3, false);
    for (std::size_t lane = 0; lane < kernel.lanes; ++lane) CHECK(states[lane] == expected);
    if (kernel.compress == nullptr) continue;
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
